package jinja

import (
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/chain/template/internal/pyval"
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
		refuse(at, "abs takes a number, but got a value of type %s%s", typeName(v), why(v))
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
		refuse(at, "items takes a mapping, but got a value of type %s", typeName(v))
	}
	return r.dictItems(d)
}

func (r *renderer) dictItems(d *pyval.Dict) []any {
	r.spend(3 * costItem * d.Len())
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
		r.spend(len(p) + len(with))
	}
	return strings.Join(parts, with)
}
