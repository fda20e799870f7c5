package jinja

import (
	"github.com/tandem-llm/tandem/chain/template/internal/pyval"
	"github.com/tandem-llm/tandem/internal/textx"
)

func (x *attribute) eval(r *renderer) any {
	return r.attr(x.place(), r.eval(x.x), x.name)
}

// attr returns v.name: a method, or the field of a mapping.
func (r *renderer) attr(at int, v any, name string) any {
	switch v := v.(type) {
	case undefined:
		refuse(at, "there is no %s in it: %s", textx.Shorten(name), v.what)
	case *namespace:
		if x, ok := v.vars[name]; ok {
			return x
		}
	case *loop:
		if x, ok := v.attr(name); ok {
			return x
		}
	case *cycler:
		if x, ok := v.attr(name); ok {
			return x
		}
	case *pyval.Dict:
		if f := dictMethod(v, name); f != nil {
			return f
		}
		if x, ok := v.Get(name); ok {
			return x
		}
	case string:
		if f := textMethod(v, name); f != nil {
			return f
		}
	case []any:
		if f := listMethod(v, name); f != nil {
			return f
		}
	case pyval.Tuple:
		// The tuples that groupby makes have names for their items.
		if list, ok := last(v).([]any); ok && len(v) == 2 {
			switch name {
			case "grouper":
				return v[0]
			case "list":
				return list
			}
		}
		if f := listMethod(v, name); f != nil {
			return f
		}
	}
	return undefined{"a value of type " + typeName(v) + " has no " + textx.Shorten(name)}
}

func last(items []any) any {
	if len(items) == 0 {
		return nil
	}
	return items[len(items)-1]
}

func (x *item) eval(r *renderer) any {
	v, index := r.eval(x.x), r.eval(x.index)
	return r.item(x.place(), v, index)
}

// item returns v[index].
func (r *renderer) item(at int, v, index any) any {
	if d, ok := v.(*pyval.Dict); ok {
		r.spend(r.keyCost(index))
		if x, ok := d.Get(index); ok {
			return x
		}
	}
	if s, ok := index.(string); ok {
		return r.attr(at, v, s)
	}
	if u, ok := v.(undefined); ok {
		refuse(at, "there is nothing in it: %s", u.what)
	}
	b, ok := pyval.Big(index)
	if ok && b.IsInt64() {
		switch v := v.(type) {
		case []any:
			if i, ok := within(int(b.Int64()), len(v)); ok {
				return v[i]
			}
		case pyval.Tuple:
			if i, ok := within(int(b.Int64()), len(v)); ok {
				return v[i]
			}
		case string:
			runes := r.runes(v)
			if i, ok := within(int(b.Int64()), len(runes)); ok {
				return string(runes[i])
			}
		}
	}
	return undefined{"there is no such item in a value of type " + typeName(v)}
}

// keyCost is what it takes to find a key.
func (r *renderer) keyCost(key any) int {
	if s, ok := key.(string); ok {
		return len(s) / costItem
	}
	return 0
}

func (r *renderer) runes(s string) []rune {
	r.spend(len(s))
	return []rune(s)
}

// within returns the index as Python reads it: negative ones count from the end.
func within(i, n int) (int, bool) {
	if i < 0 {
		i += n
	}
	return i, 0 <= i && i < n
}
