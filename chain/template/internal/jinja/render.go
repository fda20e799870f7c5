package jinja

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/chain/template/internal/pyval"
	"github.com/tandem-llm/tandem/internal/textx"
)

// What one rendering may take, in bytes of text; the other things count as
// that many.
const (
	maxWork   = 64 << 20
	costStep  = 8  // an expression or statement
	costItem  = 16 // an item of a list or mapping
	costScope = 64 // a turn of a loop, a call of a macro
	maxBits   = 1 << 12
)

// renderer is one rendering.
type renderer struct {
	t      *Template
	lookup func(string) (any, bool)
	meter  pyval.Meter
	out    *strings.Builder
	scope  *scope
	depth  int // of macros in each other
	at     int // the last place, for errors that have none
}

// scope has the variables that a part of the template has set.
type scope struct {
	vars   []named // few: a search is faster than a map
	parent *scope
}

func (s *scope) set(name string, value any) {
	for i := range s.vars {
		if s.vars[i].name == name {
			s.vars[i].value = value
			return
		}
	}
	s.vars = append(s.vars, named{name, value})
}

// undefined is what a name without a value stands for. Its text is empty.
type undefined struct{ what string }

func (undefined) String() string { return "Undefined" }

// namespace is a value whose fields may be set.
type namespace struct{ vars map[string]any }

func (*namespace) String() string { return "<Namespace>" }

// function is what can be called.
type function func(r *renderer, at int, a args) any

func (function) String() string { return "<function>" }

// Render returns the text with values, which are plain ones (pyval). The error
// is a *textx.Mistake: what Python would refuse as well, or more work or memory
// than a template may take.
func (t *Template) Render(lookup func(name string) (any, bool)) (_ string, err error) {
	r := &renderer{t: t, lookup: lookup, meter: pyval.Meter{Left: maxWork}, out: &strings.Builder{}, scope: &scope{}}
	defer func() { t.restore(err) }()
	defer catch(&err)
	r.run(t.body)
	return r.out.String(), nil
}

// take pays for work.
func (r *renderer) take(n int) {
	if r.meter.Take(n) != nil {
		fail(r.at, pyval.ErrTooMuch.Error(), "give it less to do")
	}
}

// must throws the errors that pyval has.
func (r *renderer) must(err error) {
	if err != nil {
		fail(r.at, err.Error(), "give it less to do")
	}
}

// refuse throws what Python would throw as a type's or value's error.
func refuse(at int, format string, a ...any) {
	fail(at, fmt.Sprintf(format, a...), "change the template or the values")
}

func (r *renderer) eval(x expr) any {
	r.at = x.place()
	r.take(costStep)
	return x.eval(r)
}

func (r *renderer) run(body []statement) {
	for _, s := range body {
		r.take(costStep)
		s.exec(r)
	}
}

func (r *renderer) write(s string) {
	r.take(len(s))
	r.out.WriteString(s)
}

// capture returns what body writes.
func (r *renderer) capture(body []statement) string {
	out := r.out
	r.out = &strings.Builder{}
	r.run(body)
	s := r.out.String()
	r.out = out
	return s
}

// within runs f in a scope of its own below parent.
func (r *renderer) within(parent *scope, f func()) {
	r.take(costScope)
	outer := r.scope
	r.scope = &scope{parent: parent}
	f()
	r.scope = outer
}

// str returns a value as text.
func (r *renderer) str(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case undefined:
		return ""
	}
	s, err := pyval.Str(v, &r.meter)
	r.must(err)
	return s
}

func truth(v any) bool {
	if _, ok := v.(undefined); ok {
		return false
	}
	return pyval.Truth(v)
}

func typeName(v any) string {
	switch v.(type) {
	case undefined:
		return "Undefined"
	case *namespace:
		return "Namespace"
	case function:
		return "function"
	case *loop:
		return "LoopContext"
	}
	return pyval.TypeName(v)
}

func (r *renderer) name(n string) any {
	for s := r.scope; s != nil; s = s.parent {
		for i := range s.vars {
			if s.vars[i].name == n {
				return s.vars[i].value
			}
		}
	}
	if slices.ContainsFunc(r.t.vars, func(v Var) bool { return v.Name == n }) {
		if v, ok := r.lookup(n); ok {
			return v
		}
	}
	if f := global(n); f != nil {
		return f
	}
	return undefined{textx.Shorten(n) + " is undefined"}
}

// iterate returns the items that a loop over v sees.
func (r *renderer) iterate(at int, v any) []any {
	switch v := v.(type) {
	case []any:
		r.take(len(v))
		return v
	case pyval.Tuple:
		r.take(len(v))
		return v
	case *pyval.Dict:
		r.take(v.Len())
		return v.Keys()
	case undefined:
		return nil
	case string:
		r.take(costItem * len(v))
		var out []any
		for _, c := range v {
			out = append(out, string(c))
		}
		return out
	}
	refuse(at, "a value of type %s is no list", typeName(v))
	return nil
}

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
					r.take(costItem)
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
			refuse(t.place(), "%s is no namespace, and fields of other values cannot be set", textx.Shorten(t.name))
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
		refuse(x.place(), "only filters can stand here")
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
			fail(at, "macros call each other without end", "have one of them end it with an if")
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
	kwargs := pyval.NewDict()
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
	rest, others := pyval.Tuple{}, pyval.NewDict()
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
		refuse(at, "macro %s has %d parameters and got something else", m.name, len(m.params))
	}
	r.scope.set("varargs", rest)
	r.scope.set("kwargs", others)
}

// loop is the variable loop.
type loop struct {
	items   []any
	index   int
	changed any // the last arguments of loop.changed
}

func (*loop) String() string { return "<LoopContext>" }

func (l *loop) attr(name string) (any, bool) {
	n := len(l.items)
	switch name {
	case "index":
		return int64(l.index + 1), true
	case "index0":
		return int64(l.index), true
	case "revindex":
		return int64(n - l.index), true
	case "revindex0":
		return int64(n - l.index - 1), true
	case "first":
		return l.index == 0, true
	case "last":
		return l.index == n-1, true
	case "length":
		return int64(n), true
	case "depth":
		return int64(1), true // only recursive loops go deeper
	case "depth0":
		return int64(0), true
	case "previtem":
		if l.index == 0 {
			return undefined{"there is no previous item"}, true
		}
		return l.items[l.index-1], true
	case "nextitem":
		if l.index == n-1 {
			return undefined{"there is no next item"}, true
		}
		return l.items[l.index+1], true
	case "cycle":
		return function(func(_ *renderer, at int, a args) any {
			if len(a.list) == 0 {
				refuse(at, "there is nothing to cycle through")
			}
			return a.list[l.index%len(a.list)]
		}), true
	case "changed":
		return function(func(r *renderer, _ int, a args) any {
			now := pyval.Tuple(a.list)
			same, err := pyval.Equal(l.changed, now, &r.meter)
			r.must(err)
			l.changed = now
			return !same
		}), true
	}
	return nil, false
}
