package jinja

import (
	"fmt"
	"strings"

	"github.com/tandem-llm/tandem/chain/template/internal/pyval"
	"github.com/tandem-llm/tandem/internal/textx"
)

// What one rendering may take, in bytes of text; the other things count as
// that many.
const (
	maxWork   = 32 << 20
	costStep  = 8  // an expression or statement
	costItem  = 16 // an item of a list or mapping
	costScope = 64 // a turn of a loop, a call of a macro
	maxBits   = 1 << 12
)

// renderer is one rendering.
type renderer struct {
	values map[string]any
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
func (t *Template) Render(values map[string]any) (_ string, err error) {
	r := &renderer{values: values, meter: pyval.Meter{Left: maxWork}, out: &strings.Builder{}, scope: &scope{}}
	defer func() { t.restore(err) }()
	defer catch(&err)
	r.run(t.body)
	return r.out.String(), nil
}

// spend pays for work.
func (r *renderer) spend(n int) {
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
	r.spend(costStep)
	return x.eval(r)
}

func (r *renderer) run(body []statement) {
	for _, s := range body {
		r.spend(costStep)
		s.exec(r)
	}
}

func (r *renderer) write(s string) {
	r.spend(len(s))
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
	r.spend(costScope)
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
	if v, ok := r.values[n]; ok {
		return v
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
		r.spend(len(v))
		return v
	case pyval.Tuple:
		r.spend(len(v))
		return v
	case *pyval.Dict:
		r.spend(v.Len())
		return v.Keys()
	case undefined:
		return nil
	case string:
		r.spend(costItem * len(v))
		var out []any
		for _, c := range v {
			out = append(out, string(c))
		}
		return out
	}
	refuse(at, "a value of type %s is not a list", typeName(v))
	return nil
}
