package jinja

import (
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/internal/textx"
)

// attributes returns one field of each item: a path such as user.name, or an
// index. usual stands for what is undefined.
func (r *renderer) attributes(at int, items []any, path, usual any) []any {
	r.spend(costItem * len(items))
	steps := []any{path}
	if s, ok := path.(string); ok {
		steps = steps[:0]
		for p := range strings.SplitSeq(s, ".") {
			if strings.HasPrefix(p, "__") {
				refuse(at, "access to %s is not allowed", textx.Shorten(p))
			}
			if strings.Trim(p, "0123456789") == "" && p != "" {
				steps = append(steps, toInt(p, 10))
			} else {
				steps = append(steps, p)
			}
		}
	}
	out := make([]any, len(items))
	for i, x := range items {
		for _, s := range steps {
			x = r.item(at, x, s)
			if _, ok := x.(undefined); ok && usual != (undefined{}) {
				x = usual
			}
		}
		out[i] = x
	}
	return out
}

func filterSum(r *renderer, at int, v any, a args) any {
	b := r.bind(at, "sum", a, "attribute?", "start?")
	items := r.iterate(at, v)
	if path := b.any("attribute", nil); path != nil {
		items = r.attributes(at, items, path, undefined{})
	}
	sum := b.any("start", int64(0))
	for _, x := range items {
		sum = r.arithmetic(at, "+", sum, x)
	}
	return sum
}

// some is iterate, and nothing for whatever is false.
func (r *renderer) some(at int, v any) []any {
	if !truth(v) {
		return nil
	}
	return r.iterate(at, v)
}

func filterMap(r *renderer, at int, v any, a args) any {
	items := r.some(at, v)
	if len(a.list) == 0 {
		b := r.bind(at, "map", a, "attribute", "default?")
		return r.attributes(at, items, b.values["attribute"], b.any("default", undefined{}))
	}
	name := r.str(a.list[0])
	f := filterOf(name)
	if f == nil {
		refuse(at, "unknown filter %s", textx.Shorten(name))
	}
	r.spend(costItem * len(items))
	out := make([]any, len(items))
	for i, x := range items {
		r.spend(costStep)
		out[i] = f(r, at, x, args{a.list[1:], a.named})
	}
	return out
}

// choose is select, selectattr, reject and rejectattr.
func (r *renderer) choose(at int, v any, a args, attribute, want bool) any {
	items := r.some(at, v)
	values := items
	if attribute {
		if len(a.list) == 0 {
			refuse(at, "this filter needs the name of a field")
		}
		values = r.attributes(at, items, a.list[0], undefined{})
		a.list = a.list[1:]
	}
	check := func(x any) bool { return truth(x) }
	if len(a.list) > 0 {
		name := r.str(a.list[0])
		t := testOf(name)
		if t == nil {
			refuse(at, "unknown test %s", textx.Shorten(name))
		}
		rest := args{a.list[1:], a.named}
		check = func(x any) bool { return t(r, at, x, rest) }
	}
	out := []any{}
	for i, x := range values {
		r.spend(costStep)
		if check(x) == want {
			r.spend(costItem)
			out = append(out, items[i])
		}
	}
	return out
}

func filterReverse(r *renderer, at int, v any, _ args) any {
	if s, ok := v.(string); ok {
		runes := r.runes(s)
		slices.Reverse(runes)
		return string(runes)
	}
	items := r.iterate(at, v)
	r.spend(costItem * len(items))
	items = slices.Clone(items)
	slices.Reverse(items)
	return items
}

func filterBatch(r *renderer, at int, v any, a args) any {
	b := r.bind(at, "batch", a, "linecount", "fill_with?")
	n := b.int("linecount", 1)
	if n < 1 {
		refuse(at, "batch needs a size of at least 1")
	}
	out := []any{}
	for line := range slices.Chunk(r.iterate(at, v), n) {
		r.spend(4 * costItem)
		if fill := b.any("fill_with", nil); fill != nil && len(line) < n {
			r.spend(costItem * n)
			line = slices.Clone(line)
			for len(line) < n {
				line = append(line, fill)
			}
		}
		out = append(out, line)
	}
	return out
}

func filterSlice(r *renderer, at int, v any, a args) any {
	b := r.bind(at, "slice", a, "slices", "fill_with?")
	n, items := b.int("slices", 1), r.iterate(at, v)
	if n < 1 {
		refuse(at, "slice needs a count of at least 1")
	}
	r.spend(4 * costItem * n)
	out := make([]any, n)
	offset := 0
	for i := range n {
		length := len(items) / n
		if i < len(items)%n {
			length++
		}
		line := items[offset : offset+length : offset+length]
		offset += length
		if fill := b.any("fill_with", nil); fill != nil && i >= len(items)%n {
			line = append(line, fill)
		}
		out[i] = line
	}
	return out
}
