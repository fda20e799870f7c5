package jinja

import (
	"github.com/tandem-llm/tandem/chain/template/internal/pyval"
	"github.com/tandem-llm/tandem/internal/textx"
)

func (s text) exec(r *renderer) { r.write(string(s)) }

func (s *output) exec(r *renderer) {
	v := r.eval(s.x)
	r.at = s.x.place()
	r.write(r.str(v))
}

func (s *ifElse) exec(r *renderer) {
	for i, t := range s.tests {
		if truth(r.eval(t)) {
			r.run(s.bodies[i])
			return
		}
	}
	if len(s.bodies) > len(s.tests) {
		r.run(s.bodies[len(s.tests)])
	}
}

func (s *forLoop) exec(r *renderer) {
	items := r.iterate(s.list.place(), r.eval(s.list))
	if s.filter != nil {
		var kept []any
		for _, x := range items {
			r.within(r.scope, func() {
				r.assign(s.targets, x)
				if truth(r.eval(s.filter)) {
					r.spend(costItem)
					kept = append(kept, x)
				}
			})
		}
		items = kept
	}
	l := &loop{items: items}
	for i, x := range items {
		l.index = i
		r.within(r.scope, func() {
			r.scope.set("loop", l)
			r.assign(s.targets, x)
			r.run(s.body)
		})
	}
	if len(items) == 0 {
		r.within(r.scope, func() { r.run(s.otherwise) })
	}
}

// assign gives the targets a value.
func (r *renderer) assign(t target, v any) {
	switch {
	case t.parts != nil:
		items := r.iterate(t.place(), v)
		if len(items) != len(t.parts) {
			refuse(t.place(), "%d values do not fit %d names", len(items), len(t.parts))
		}
		for i, p := range t.parts {
			r.assign(p, items[i])
		}
	case t.attr != "":
		n, ok := r.name(t.name).(*namespace)
		if !ok {
			refuse(t.place(), "only the fields of a namespace can be set, and %s is not one", textx.Shorten(t.name))
		}
		n.vars[t.attr] = v
	default:
		r.scope.set(t.name, v)
	}
}

func (s *assign) exec(r *renderer) {
	if s.body == nil {
		r.assign(s.targets, r.eval(s.x))
		return
	}
	var v any
	r.within(r.scope, func() { v = r.capture(s.body) })
	if s.x != nil {
		v = r.filtered(s.x, v)
	}
	r.assign(s.targets, v)
}

// filtered puts a text through filters whose innermost has no value.
func (r *renderer) filtered(x expr, v any) any {
	f, ok := x.(*filtered)
	if !ok {
		refuse(x.place(), "only filters are allowed here")
	}
	if f.x != nil {
		v = r.filtered(f.x, v)
	}
	return f.filter(r, f.place(), v, r.args(f.a))
}

func (s *withBlock) exec(r *renderer) {
	values := make([]any, len(s.values))
	for i, x := range s.values {
		values[i] = r.eval(x)
	}
	r.within(r.scope, func() {
		for i, t := range s.targets {
			r.assign(t, values[i])
		}
		r.run(s.body)
	})
}

func (s *filterBlock) exec(r *renderer) {
	var v any
	r.within(r.scope, func() { v = r.capture(s.body) })
	r.write(r.str(r.filtered(s.x, v)))
}

func (s *macroBlock) exec(r *renderer) { r.scope.set(s.name, s.macro.function(r.scope)) }

func (s *callBlock) exec(r *renderer) {
	c := s.call.(*call)
	f := r.eval(c.x)
	a := r.args(c.a)
	a.named = append(a.named, named{"caller", s.macro.function(r.scope)})
	r.write(r.str(r.call(c.place(), f, a)))
}

// function returns the macro as a value. Its body sees what is around it.
func (m *macro) function(around *scope) function {
	return func(r *renderer, at int, a args) any {
		if r.depth++; r.depth > maxDepth {
			fail(at, "macros call each other endlessly", "stop the recursion with an if")
		}
		defer func() { r.depth-- }()
		var s string
		r.within(around, func() {
			m.bind(r, at, a)
			s = r.capture(m.body)
		})
		return s
	}
}

// bind gives the macro's parameters their values.
func (m *macro) bind(r *renderer, at int, a args) {
	kwargs := pyval.NewDict(0)
	for _, n := range a.named {
		kwargs.Set(n.name, n.value)
	}
	required := len(m.params) - len(m.defaults)
	for i, p := range m.params {
		given, ok := kwargs.Get(p)
		switch {
		case i < len(a.list):
			if ok {
				refuse(at, "macro %s got %s twice", m.name, p)
			}
			r.scope.set(p, a.list[i])
		case ok:
			r.scope.set(p, given)
		case i >= required:
			r.scope.set(p, r.eval(m.defaults[i-required]))
		default:
			r.scope.set(p, undefined{"parameter " + p + " was not given"})
		}
	}
	rest, others := pyval.Tuple{}, pyval.NewDict(0)
	if len(a.list) > len(m.params) {
		rest = a.list[len(m.params):]
	}
	for _, n := range a.named {
		switch {
		case n.name == "caller":
			r.scope.set("caller", n.value)
		case !contains(m.params, n.name):
			others.Set(n.name, n.value)
		}
	}
	if len(rest) > 0 && !uses(m.body, "varargs") || others.Len() > 0 && !uses(m.body, "kwargs") {
		refuse(at, "macro %s takes %d parameters, but got other arguments", m.name, len(m.params))
	}
	r.scope.set("varargs", rest)
	r.scope.set("kwargs", others)
}
