package schema

import (
	"slices"
)

// maxUnion is how many alternatives may come of merging.
const maxUnion = 32

// merge is a schema that both of two lowered ones hold for, as near as a
// grammar gets. Nil: nothing satisfies both.
func merge(a, b *node) *node {
	switch {
	case a == nil || b == nil:
		return nil
	case isAny(a):
		return describe(b, a)
	case isAny(b):
		return describe(a, b)
	case a.has("anyOf"):
		return distribute(a.get("anyOf"), b, func(alt *node) *node { return merge(alt, b) })
	case b.has("anyOf"):
		return distribute(b.get("anyOf"), a, func(alt *node) *node { return merge(a, alt) })
	case a.has("$ref"): // recursive: what is asked besides is checked later
		return a
	case b.has("$ref"):
		return b
	case a.has("enum"):
		return mergeEnum(a, b)
	case b.has("enum"):
		return mergeEnum(b, a)
	}
	list := common(types(a), types(b))
	if len(list) == 0 {
		return nil
	}
	out := a.clone()
	if len(list) == 1 {
		out.set("type", text(list[0]))
	} else {
		kinds := array()
		for _, t := range list {
			kinds.kids = append(kinds.kids, text(t))
		}
		out.set("type", kinds)
	}
	if slices.Contains(list, "object") && !mergeObject(out, a, b) {
		return nil
	}
	if slices.Contains(list, "array") && b.has("items") {
		items := b.get("items")
		if a.has("items") {
			if items = merge(a.get("items"), items); items == nil {
				items = anyType()
				out.set("maxItems", number(0))
			}
		}
		out.set("items", items)
	}
	for _, key := range []string{"pattern", "format", "prefixItems", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "description"} {
		if !out.has(key) && b.has(key) {
			out.set(key, b.get(key))
		}
	}
	tighten(out, b)
	if out.str("type") == "integer" {
		return integerRules(out, out)
	}
	return out
}

// tighten takes the narrower of two bounds each.
func tighten(out, b *node) {
	for _, key := range []string{"minimum", "minItems", "minLength", "maximum", "maxItems", "maxLength"} {
		x, ok := float(b, key)
		if !ok {
			continue
		}
		if y, ok := float(out, key); !ok || (key[:3] == "min") == (x > y) {
			out.set(key, b.get(key))
		}
	}
}

func mergeEnum(a, b *node) *node {
	list := a.get("enum")
	if other := b.get("enum"); other != nil {
		both := array()
		for _, v := range list.kids {
			if contains(other, v) {
				both.kids = append(both.kids, v)
			}
		}
		list = both
	}
	return describe(describe(enum(list, types(b), array()), b), a)
}

// distribute has b merged into each of the alternatives.
func distribute(alts, b *node, merged func(alt *node) *node) *node {
	n := 1
	if b.has("anyOf") {
		n = len(b.get("anyOf").kids)
	}
	if len(alts.kids)*n > maxUnion {
		return object().set("anyOf", alts) // the rest is checked later
	}
	list := array()
	for _, alt := range alts.kids {
		switch m := merged(alt); {
		case m == nil:
		case m.has("anyOf"):
			list.kids = append(list.kids, m.get("anyOf").kids...)
		default:
			list.kids = append(list.kids, m)
		}
	}
	return oneOrMore(list)
}

// common are the types of both.
func common(a, b []string) (out []string) {
	add := func(t string) {
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	for _, t := range a {
		switch {
		case slices.Contains(b, t):
			add(t)
		case t == "number" && slices.Contains(b, "integer"), t == "integer" && slices.Contains(b, "number"):
			add("integer")
		}
	}
	return out
}

// mergeObject merges the properties of two objects; false: none can be both.
func mergeObject(out, a, b *node) bool {
	required := slices.Compact(slices.Sorted(slices.Values(append(a.get("required").strings(), b.get("required").strings()...))))
	props := object()
	closed := func(n *node, name string) bool {
		return n.get("additionalProperties").is(false) && !n.get("properties").has(name)
	}
	take := func(name string, v *node) bool {
		if v == nil || closed(a, name) || closed(b, name) {
			return !slices.Contains(required, name)
		}
		props.set(name, v)
		return true
	}
	pa, pb := a.get("properties"), b.get("properties")
	if pa != nil {
		for i, name := range pa.keys {
			v := pa.kids[i]
			if other := pb.get(name); other != nil {
				v = merge(v, other)
			}
			if !take(name, v) {
				return false
			}
		}
	}
	if pb != nil {
		for i, name := range pb.keys {
			if !pa.has(name) && !take(name, pb.kids[i]) {
				return false
			}
		}
	}
	for _, name := range required {
		if !props.has(name) && !take(name, anyType()) {
			return false
		}
	}
	if pa != nil || pb != nil || len(required) > 0 {
		out.set("properties", props)
	}
	if len(required) > 0 {
		out.set("required", array(texts(required)...))
	}
	switch more := b.get("additionalProperties"); {
	case more == nil:
	case !a.has("additionalProperties"), a.get("additionalProperties").is(true), more.is(false):
		out.set("additionalProperties", more)
	case a.get("additionalProperties").isObject() && more.isObject():
		if m := merge(a.get("additionalProperties"), more); m != nil {
			out.set("additionalProperties", m)
		} else {
			out.set("additionalProperties", boolean(false))
		}
	}
	return true
}
