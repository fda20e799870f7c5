package jinja

import (
	"slices"

	"github.com/tandem-llm/tandem/chain/template/internal/pyval"
)

func (*cycler) String() string { return "<Cycler>" }

func dictMethod(d *pyval.Dict, name string) any {
	switch name {
	case "items":
		return function(func(r *renderer, _ int, _ args) any { return r.dictItems(d) })
	case "keys":
		return function(func(*renderer, int, args) any { return d.Keys() })
	case "values":
		return function(func(r *renderer, _ int, _ args) any {
			out := []any{}
			for i := range d.Len() {
				r.spend(costItem)
				_, v := d.At(i)
				out = append(out, v)
			}
			return out
		})
	case "get":
		return function(func(r *renderer, at int, a args) any {
			b := r.bind(at, "get", a, "key", "default?")
			r.spend(r.keyCost(b.values["key"]))
			if v, ok := d.Get(b.values["key"]); ok {
				return v
			}
			return b.any("default", nil)
		})
	case "pop", "popitem", "update", "setdefault", "clear":
		return unchanged(name, "make a new one: dict(mapping, key=value)")
	}
	return nil
}

// unchanged stands for a method that changes its value.
func unchanged(name, remedy string) function {
	return func(_ *renderer, at int, _ args) any {
		fail(at, name+" would change a value, but values cannot be changed", remedy)
		return nil
	}
}

func listMethod(items []any, name string) any {
	switch name {
	case "count":
		return function(func(r *renderer, at int, a args) any {
			x, n := r.bind(at, "count", a, "value").values["value"], int64(0)
			for _, y := range items {
				if r.equal(x, y) {
					n++
				}
			}
			return n
		})
	case "index":
		return function(func(r *renderer, at int, a args) any {
			x := r.bind(at, "index", a, "value").values["value"]
			i := slices.IndexFunc(items, func(y any) bool { return r.equal(x, y) })
			if i < 0 {
				refuse(at, "the list has no such item")
			}
			return int64(i)
		})
	case "append", "extend", "insert", "pop", "remove", "clear", "reverse", "sort":
		return unchanged(name, "make a new one: list + [item]")
	}
	return nil
}
