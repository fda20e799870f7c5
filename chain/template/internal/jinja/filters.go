package jinja

import (
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/chain/template/internal/pyval"
	"github.com/tandem-llm/tandem/internal/textx"
)

// filter makes a value of another.
type filter func(r *renderer, at int, v any, a args) any

// filterNames are those that filterOf knows.
func filterNames() []string {
	return []string{
		"abs", "batch", "capitalize", "center", "count", "d", "default", "dictsort", "e", "escape", "first", "float",
		"format", "groupby", "indent", "int", "items", "join", "last", "length", "list", "lower", "map", "max", "min",
		"reject", "rejectattr", "replace", "reverse", "round", "safe", "select", "selectattr", "slice", "sort", "string",
		"sum", "title", "tojson", "trim", "truncate", "unique", "upper", "urlencode", "wordcount",
	}
}

// filterOf returns a filter by its name, or nil.
func filterOf(name string) filter {
	switch name {
	case "abs":
		return filterAbs
	case "batch":
		return filterBatch
	case "count", "length":
		return filterLength
	case "d", "default":
		return filterDefault
	case "dictsort":
		return filterDictsort
	case "first":
		return filterFirst
	case "float":
		return filterFloat
	case "groupby":
		return filterGroupby
	case "int":
		return filterInt
	case "items":
		return filterItems
	case "join":
		return filterJoin
	case "last":
		return filterLast
	case "list":
		return func(r *renderer, at int, v any, _ args) any { return slices.Clone(r.iterate(at, v)) }
	case "map":
		return filterMap
	case "max":
		return func(r *renderer, at int, v any, a args) any { return r.extreme(at, "max", v, a, 1) }
	case "min":
		return func(r *renderer, at int, v any, a args) any { return r.extreme(at, "min", v, a, -1) }
	case "reject":
		return func(r *renderer, at int, v any, a args) any { return r.choose(at, v, a, false, false) }
	case "rejectattr":
		return func(r *renderer, at int, v any, a args) any { return r.choose(at, v, a, true, false) }
	case "reverse":
		return filterReverse
	case "round":
		return filterRound
	case "safe":
		return func(_ *renderer, _ int, v any, _ args) any { return v }
	case "select":
		return func(r *renderer, at int, v any, a args) any { return r.choose(at, v, a, false, true) }
	case "selectattr":
		return func(r *renderer, at int, v any, a args) any { return r.choose(at, v, a, true, true) }
	case "slice":
		return filterSlice
	case "sort":
		return filterSort
	case "sum":
		return filterSum
	case "unique":
		return filterUnique
	}
	return textFilterOf(name)
}

func filterAbs(r *renderer, at int, v any, _ args) any {
	if f, ok := v.(float64); ok {
		return max(f, -f)
	}
	b, ok := pyval.Big(v)
	if !ok {
		refuse(at, "abs takes a number, and got a value of type %s%s", typeName(v), why(v))
	}
	if b.Sign() < 0 {
		return r.arithmetic(at, "-", int64(0), pyval.Int(b))
	}
	return pyval.Int(b)
}

func filterLength(r *renderer, at int, v any, _ args) any {
	switch v := v.(type) {
	case string:
		return int64(len(r.runes(v)))
	case []any:
		return int64(len(v))
	case undefined:
		return int64(0)
	}
	return int64(len(r.iterate(at, v)))
}

func filterDefault(r *renderer, at int, v any, a args) any {
	b := r.bind(at, "default", a, "default_value?", "boolean?")
	if _, ok := v.(undefined); ok || b.bool("boolean") && !truth(v) {
		return b.any("default_value", "")
	}
	return v
}

func filterFirst(r *renderer, at int, v any, _ args) any {
	items := r.iterate(at, v)
	if len(items) == 0 {
		return undefined{"there is no first item"}
	}
	return items[0]
}

func filterLast(r *renderer, at int, v any, _ args) any {
	items := r.iterate(at, v)
	if len(items) == 0 {
		return undefined{"there is no last item"}
	}
	return items[len(items)-1]
}

func filterItems(r *renderer, at int, v any, _ args) any {
	if _, ok := v.(undefined); ok {
		return []any{}
	}
	d, ok := v.(*pyval.Dict)
	if !ok {
		refuse(at, "items takes a mapping, and got a value of type %s", typeName(v))
	}
	return r.dictItems(d)
}

func (r *renderer) dictItems(d *pyval.Dict) []any {
	r.take(3 * costItem * d.Len())
	out := make([]any, d.Len())
	for i := range out {
		k, v := d.At(i)
		out[i] = pyval.Tuple{k, v}
	}
	return out
}

func filterJoin(r *renderer, at int, v any, a args) any {
	b := r.bind(at, "join", a, "d?", "attribute?")
	items := r.iterate(at, v)
	if b.has("attribute") {
		items = r.attributes(at, items, b.values["attribute"], undefined{})
	}
	parts := make([]string, len(items))
	for i, x := range items {
		parts[i] = r.str(x)
	}
	return r.joined(parts, r.str(b.any("d", "")))
}

func (r *renderer) joined(parts []string, with string) string {
	for _, p := range parts {
		r.take(len(p) + len(with))
	}
	return strings.Join(parts, with)
}

// attributes returns one field of each item: a path such as user.name, or an
// index. usual stands for what is undefined.
func (r *renderer) attributes(at int, items []any, path, usual any) []any {
	r.take(costItem * len(items))
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
		refuse(at, "there is no filter %s", textx.Shorten(name))
	}
	r.take(costItem * len(items))
	out := make([]any, len(items))
	for i, x := range items {
		r.take(costStep)
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
			refuse(at, "there is no test %s", textx.Shorten(name))
		}
		rest := args{a.list[1:], a.named}
		check = func(x any) bool { return t(r, at, x, rest) }
	}
	out := []any{}
	for i, x := range values {
		r.take(costStep)
		if check(x) == want {
			r.take(costItem)
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
	r.take(costItem * len(items))
	items = slices.Clone(items)
	slices.Reverse(items)
	return items
}

func filterBatch(r *renderer, at int, v any, a args) any {
	b := r.bind(at, "batch", a, "linecount", "fill_with?")
	n := b.int("linecount", 1)
	if n < 1 {
		refuse(at, "batch needs lines of at least one item")
	}
	out := []any{}
	for line := range slices.Chunk(r.iterate(at, v), n) {
		r.take(4 * costItem)
		if fill := b.any("fill_with", nil); fill != nil && len(line) < n {
			r.take(costItem * n)
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
		refuse(at, "slice needs at least one slice")
	}
	r.take(4 * costItem * n)
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
