package jinja

import (
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/chain/template/internal/pyval"
	"github.com/tandem-llm/tandem/internal/textx"
)

// folded makes texts comparable without regard to case.
func folded(v any) any {
	if s, ok := v.(string); ok {
		return strings.ToLower(s)
	}
	return v
}

// keys returns what items are compared by.
func (r *renderer) keys(at int, items []any, b bound) []any {
	keys := items
	if path := b.any("attribute", nil); path != nil {
		keys = r.attributes(at, items, path, b.any("default", undefined{}))
	}
	if b.bool("case_sensitive") {
		return keys
	}
	keys = slices.Clone(keys)
	for i, k := range keys {
		if s, ok := k.(string); ok {
			r.spend(len(s))
		}
		keys[i] = folded(k)
	}
	return keys
}

// sorted returns the items in the order of their keys, which is stable.
func (r *renderer) sorted(at int, items, keys []any, reverse bool) (_, _ []any) {
	r.spend(2 * costItem * len(items))
	order := make([]int, len(items))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		if reverse {
			i, j = j, i
		}
		c, ok, err := pyval.Compare(keys[i], keys[j], &r.meter)
		r.must(err)
		if !ok {
			refuse(at, "values of type %s and %s cannot be ordered", typeName(keys[i]), typeName(keys[j]))
		}
		return c % 2
	})
	out, outKeys := make([]any, len(items)), make([]any, len(items))
	for i, j := range order {
		out[i], outKeys[i] = items[j], keys[j]
	}
	return out, outKeys
}

func filterSort(r *renderer, at int, v any, a args) any {
	b := r.bind(at, "sort", a, "reverse?", "case_sensitive?", "attribute?")
	items := r.iterate(at, v)
	if s, ok := b.values["attribute"].(string); ok && strings.Contains(s, ",") {
		keys := make([]any, len(items))
		for i := range keys {
			keys[i] = pyval.Tuple{}
		}
		for path := range strings.SplitSeq(s, ",") {
			b.values["attribute"] = path
			for i, k := range r.keys(at, items, b) {
				keys[i] = append(keys[i].(pyval.Tuple), k)
			}
		}
		out, _ := r.sorted(at, items, keys, b.bool("reverse"))
		return out
	}
	out, _ := r.sorted(at, items, r.keys(at, items, b), b.bool("reverse"))
	return out
}

func filterDictsort(r *renderer, at int, v any, a args) any {
	b := r.bind(at, "dictsort", a, "case_sensitive?", "by?", "reverse?")
	d, ok := v.(*pyval.Dict)
	if !ok {
		refuse(at, "dictsort takes a mapping, but got a value of type %s%s", typeName(v), why(v))
	}
	switch by := b.textArg("by", "key"); by {
	case "key":
		b.values["attribute"] = int64(0)
	case "value":
		b.values["attribute"] = int64(1)
	default:
		refuse(at, `dictsort sorts by "key" or "value", not by %q`, textx.Shorten(by))
	}
	items := r.dictItems(d)
	out, _ := r.sorted(at, items, r.keys(at, items, b), b.bool("reverse"))
	return out
}

func filterUnique(r *renderer, at int, v any, a args) any {
	b := r.bind(at, "unique", a, "case_sensitive?", "attribute?")
	items := r.iterate(at, v)
	seen, out := pyval.NewDict(0), []any{}
	for i, k := range r.keys(at, items, b) {
		r.spend(4*costItem + r.keyCost(k))
		if _, have := seen.Get(k); have {
			continue
		}
		if !seen.Set(k, nil) {
			refuse(at, "unique takes no values of type %s", typeName(k))
		}
		out = append(out, items[i])
	}
	return out
}

func filterGroupby(r *renderer, at int, v any, a args) any {
	b := r.bind(at, "groupby", a, "attribute", "default?", "case_sensitive?")
	items := r.iterate(at, v)
	items, keys := r.sorted(at, items, r.keys(at, items, b), false)
	shown := r.attributes(at, items, b.values["attribute"], b.any("default", undefined{}))
	out := []any{}
	for i := 0; i < len(items); {
		j := i + 1
		for j < len(items) && r.equal(keys[i], keys[j]) {
			j++
		}
		r.spend(4 * costItem)
		out = append(out, pyval.Tuple{shown[i], items[i:j:j]})
		i = j
	}
	return out
}

// extreme is max (1) or min (-1): the first of the items that are it.
func (r *renderer) extreme(at int, what string, v any, a args, want int) any {
	b := r.bind(at, what, a, "case_sensitive?", "attribute?")
	items := r.iterate(at, v)
	if len(items) == 0 {
		return undefined{"the list has no items"}
	}
	best := 0
	keys := r.keys(at, items, b)
	for i := range keys {
		c, ok, err := pyval.Compare(keys[i], keys[best], &r.meter)
		r.must(err)
		if !ok {
			refuse(at, "values of type %s and %s cannot be ordered", typeName(keys[i]), typeName(keys[best]))
		}
		if c == want {
			best = i
		}
	}
	return items[best]
}
