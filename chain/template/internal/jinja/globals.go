package jinja

import (
	"github.com/tandem-llm/tandem/chain/template/internal/pyval"
)

// maxRange bounds range, as jinja2's sandbox does.
const maxRange = 100_000

// global returns a function that every template has, or nil.
func global(name string) any {
	switch name {
	case "range":
		return function(globalRange)
	case "dict":
		return function(func(r *renderer, at int, a args) any { return r.mapping(at, "dict", a) })
	case "namespace":
		return function(func(r *renderer, at int, a args) any {
			n := &namespace{map[string]any{}}
			d := r.mapping(at, "namespace", a)
			for i := range d.Len() {
				k, v := d.At(i)
				n.vars[r.str(k)] = v
			}
			return n
		})
	case "joiner":
		return function(globalJoiner)
	case "cycler":
		return function(func(_ *renderer, at int, a args) any {
			if len(a.list) == 0 {
				refuse(at, "there is nothing to cycle through")
			}
			return &cycler{items: a.list}
		})
	}
	return nil
}

func globals() []string { return []string{"range", "dict", "namespace", "joiner", "cycler", "lipsum"} }

func globalRange(r *renderer, at int, a args) any {
	var n []int
	for i := range a.list {
		b := bound{r, at, "range", map[string]any{"its argument": a.list[i]}}
		n = append(n, b.int("its argument", 0))
	}
	from, step := 0, 1
	switch {
	case len(n) == 0 || len(n) > 3 || len(a.named) > 0:
		refuse(at, "range takes one to three integers")
	case len(n) > 1:
		from, n = n[0], n[1:]
	}
	if len(n) > 1 {
		step = n[1]
	}
	if step == 0 {
		refuse(at, "range cannot have a step of 0")
	}
	out := []any{}
	for i := from; step > 0 && i < n[0] || step < 0 && i > n[0]; i += step {
		if len(out) == maxRange {
			refuse(at, "range is longer than %d", maxRange)
		}
		r.spend(costItem)
		out = append(out, int64(i))
	}
	return out
}

func (r *renderer) mapping(at int, what string, a args) *pyval.Dict {
	out := pyval.NewDict(0)
	for _, v := range a.list {
		if d, ok := v.(*pyval.Dict); ok {
			for i := range d.Len() {
				r.spend(4 * costItem)
				out.Set(d.At(i))
			}
			continue
		}
		for _, pair := range r.iterate(at, v) {
			p := r.iterate(at, pair)
			if len(p) != 2 || !out.Set(p[0], p[1]) {
				refuse(at, "%s takes a mapping, or pairs of keys and values", what)
			}
			r.spend(4 * costItem)
		}
	}
	for _, n := range a.named {
		r.spend(4 * costItem)
		out.Set(n.name, n.value)
	}
	return out
}

func globalJoiner(r *renderer, at int, a args) any {
	sep, used := r.bind(at, "joiner", a, "sep?").textArg("sep", ", "), false
	return function(func(*renderer, int, args) any {
		if !used {
			used = true
			return ""
		}
		return sep
	})
}

type cycler struct {
	items []any
	next  int
}

func (c *cycler) attr(name string) (any, bool) {
	switch name {
	case "current":
		return c.items[c.next], true
	case "next":
		return function(func(*renderer, int, args) any {
			v := c.items[c.next]
			c.next = (c.next + 1) % len(c.items)
			return v
		}), true
	case "reset":
		return function(func(*renderer, int, args) any { c.next = 0; return nil }), true
	}
	return nil, false
}
