package jinja

import (
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/chain/template/internal/pyval"
)

func contains(words []string, word string) bool { return slices.Contains(words, word) }

func (x *constant) eval(*renderer) any { return x.value }

func (x *name) eval(r *renderer) any { return r.name(x.name) }

func (x *listOf) eval(r *renderer) any {
	r.spend(costItem * len(x.items))
	items := make([]any, len(x.items))
	for i, y := range x.items {
		items[i] = r.eval(y)
	}
	if x.tuple {
		return pyval.Tuple(items)
	}
	return items
}

func (x *dictOf) eval(r *renderer) any {
	r.spend(4 * costItem * len(x.keys))
	d := pyval.NewDict(len(x.keys))
	for i, k := range x.keys {
		key := r.eval(k)
		r.spend(r.keyCost(key))
		if !d.Set(key, r.eval(x.values[i])) {
			refuse(k.place(), "a value of type %s cannot be a key", typeName(key))
		}
	}
	return d
}

func (x *unary) eval(r *renderer) any {
	v := r.eval(x.x)
	if x.op == "not" {
		return !truth(v)
	}
	if f, ok := v.(float64); ok {
		if x.op == "-" {
			return -f
		}
		return f
	}
	b, ok := pyval.Big(v)
	switch {
	case !ok:
		refuse(x.place(), "a value of type %s cannot be negated%s", typeName(v), why(v))
	case x.op == "-":
		return r.arithmetic(x.place(), "-", int64(0), pyval.Int(b))
	}
	return pyval.Int(b)
}

// why explains an undefined value.
func why(v any) string {
	if u, ok := v.(undefined); ok {
		return ": " + u.what
	}
	return ""
}

func (x *binary) eval(r *renderer) any {
	a := r.eval(x.x)
	switch {
	case x.op == "and" && !truth(a), x.op == "or" && truth(a):
		return a
	case x.op == "and" || x.op == "or":
		return r.eval(x.y)
	}
	b := r.eval(x.y)
	r.at = x.place()
	if x.op == "~" {
		s, t := r.str(a), r.str(b)
		r.spend(len(s) + len(t))
		return s + t
	}
	return r.arithmetic(x.place(), x.op, a, b)
}

func (x *compare) eval(r *renderer) any {
	a := r.eval(x.first)
	for i, op := range x.ops {
		b := r.eval(x.rest[i])
		r.at = x.place()
		if !r.compare(x.place(), op, a, b) {
			return false
		}
		a = b
	}
	return true
}

// equal is Python's ==, for which undefined values are one.
func (r *renderer) equal(a, b any) bool {
	_, undefinedA := a.(undefined)
	_, undefinedB := b.(undefined)
	if undefinedA || undefinedB {
		return undefinedA && undefinedB
	}
	same, err := pyval.Equal(a, b, &r.meter)
	r.must(err)
	return same
}

func (r *renderer) compare(at int, op string, a, b any) bool {
	switch op {
	case "==":
		return r.equal(a, b)
	case "!=":
		return !r.equal(a, b)
	case "in":
		return r.contains(at, a, b)
	case "not in":
		return !r.contains(at, a, b)
	}
	c, ok, err := pyval.Compare(a, b, &r.meter)
	r.must(err)
	if !ok {
		refuse(at, "values of type %s and %s cannot be ordered%s%s", typeName(a), typeName(b), why(a), why(b))
	}
	switch op {
	case "<":
		return c == -1
	case "<=":
		return c == -1 || c == 0
	case ">":
		return c == 1
	}
	return c == 1 || c == 0
}

// contains reports whether x is in v.
func (r *renderer) contains(at int, x, v any) bool {
	switch v := v.(type) {
	case string:
		s, ok := x.(string)
		if !ok {
			refuse(at, "a value of type %s cannot be in a string%s", typeName(x), why(x))
		}
		r.spend(len(v))
		return strings.Contains(v, s)
	case *pyval.Dict:
		r.spend(r.keyCost(x))
		_, ok := v.Get(x)
		return ok
	}
	return slices.ContainsFunc(r.iterate(at, v), func(y any) bool { return r.equal(x, y) })
}

func (x *conditional) eval(r *renderer) any {
	switch {
	case truth(r.eval(x.test)):
		return r.eval(x.yes)
	case x.no != nil:
		return r.eval(x.no)
	}
	return undefined{"the if without an else was false"}
}

func (x *call) eval(r *renderer) any {
	f := r.eval(x.x)
	return r.call(x.place(), f, r.args(x.a))
}

func (r *renderer) call(at int, f any, a args) any {
	g, ok := f.(function)
	if !ok {
		refuse(at, "a value of type %s cannot be called%s", typeName(f), why(f))
	}
	r.at = at
	return g(r, at, a)
}

func (x *filtered) eval(r *renderer) any {
	v := r.eval(x.x)
	a := r.args(x.a)
	r.at = x.place()
	return x.filter(r, x.place(), v, a)
}

func (x *tested) eval(r *renderer) any {
	v := r.eval(x.x)
	a := r.args(x.a)
	r.at = x.place()
	return x.test(r, x.place(), v, a)
}
