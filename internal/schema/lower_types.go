package schema

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
)

// maxRepeat is the most repetitions that a grammar is asked for; llama.cpp
// refuses more than 2000, and is slow long before. A looser bound is left out.
const maxRepeat = 500

// typed lowers what n says about values of type t.
func (l *lowering) typed(n *node, t string, at []string) (*node, error) {
	out := object().set("type", text(t))
	switch t {
	case "object":
		return l.object(n, out, at)
	case "array":
		return l.array(n, out, at)
	case "string":
		stringRules(n, out)
	case "integer":
		return integerRules(n, out), nil
	case "number": // no grammar heeds these, but an integer may come of it, and strict mode does
		for _, key := range numeric() {
			if _, ok := float(n, key); ok {
				out.set(key, n.get(key))
			}
		}
	}
	return out, nil
}

func numeric() []string {
	return []string{"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
}

func (l *lowering) object(n, out *node, at []string) (*node, error) {
	if n.get("properties").has("$ref") {
		return out, nil // llama.cpp takes a property of that name for a reference
	}
	required := n.get("required").strings()
	more, err := l.additional(n, at)
	if err != nil {
		return nil, err
	}
	props := object()
	if p := n.get("properties"); p.isObject() {
		for i, name := range p.keys {
			v, err := l.schema(p.kids[i], append(at[:len(at):len(at)], "properties", name))
			if err != nil {
				return nil, err
			}
			switch {
			case v != nil:
				props.set(name, v)
			case slices.Contains(required, name):
				return nil, nil
			}
		}
	}
	for _, name := range required { // a grammar knows no property that is not listed
		switch {
		case props.has(name):
		case more.isObject():
			props.set(name, more)
		case more.is(false):
			return nil, nil
		default:
			props.set(name, anyType())
		}
	}
	if len(props.keys) > 0 || n.has("properties") && more == nil {
		out.set("properties", props)
	}
	if len(required) > 0 {
		out.set("required", array(texts(required)...))
	}
	if more != nil {
		out.set("additionalProperties", more)
	}
	return out, nil
}

// additional lowers what n says of properties that it does not list; nil: it
// says nothing.
func (l *lowering) additional(n *node, at []string) (*node, error) {
	more := n.get("additionalProperties")
	if more == nil && !n.has("properties") {
		if p := n.get("patternProperties"); p.isObject() && len(p.kids) == 1 {
			more = p.kids[0] // a grammar has no say about names
		}
	}
	if more == nil || more.kind == 0 {
		return more, nil
	}
	v, err := l.schema(more, append(at[:len(at):len(at)], "additionalProperties"))
	if err != nil {
		return nil, err
	}
	switch {
	case v == nil:
		return boolean(false), nil
	case isAny(v):
		return boolean(true), nil
	}
	return v, nil
}

func (l *lowering) array(n, out *node, at []string) (*node, error) {
	least, most := bound(n, "minItems"), bound(n, "maxItems")
	items, prefix := n.get("items"), n.get("prefixItems")
	if items.isArray() { // before draft 2020-12
		items, prefix = n.get("additionalItems"), items
	}
	if items == nil && prefix == nil && n.has("contains") {
		if items = n.get("contains"); least < 1 {
			least = 1
		}
	}
	item := anyType()
	var err error
	if items != nil {
		if item, err = l.schema(items, append(at[:len(at):len(at)], "items")); err != nil {
			return nil, err
		}
	}
	if prefix.isArray() && len(prefix.kids) > 0 {
		return l.tuple(prefix, item, out, least, most, at)
	}
	if item == nil {
		most = 0
		item = anyType()
	}
	if most >= 0 && least > most {
		return nil, nil
	}
	if items == nil && least <= 0 && most < 0 {
		return out, nil
	}
	out.set("items", item)
	if least > 0 && least <= maxRepeat {
		out.set("minItems", number(int64(least)))
	}
	if most >= 0 && most <= maxRepeat {
		out.set("maxItems", number(int64(most)))
	}
	return out, nil
}

// tuple is an array of exactly the listed elements, and of as many more as
// there must be: a grammar knows no others.
func (l *lowering) tuple(prefix, item, out *node, least, most int, at []string) (*node, error) {
	list := array()
	for i, p := range prefix.kids {
		if most >= 0 && i >= most {
			break
		}
		v, err := l.schema(p, append(at[:len(at):len(at)], "prefixItems", strconv.Itoa(i)))
		if err != nil {
			return nil, err
		}
		if v == nil {
			break
		}
		list.kids = append(list.kids, v)
	}
	for len(list.kids) < least && len(list.kids) < maxRepeat {
		if item == nil {
			return nil, nil
		}
		list.kids = append(list.kids, item)
	}
	if len(list.kids) == 0 {
		return out.set("items", anyType()).set("maxItems", number(0)), nil
	}
	return out.set("prefixItems", list), nil
}

// bound is a count, or -1.
func bound(n *node, key string) int {
	if v := n.get(key); v != nil && v.kind == 0 {
		if x, ok := v.scalar.(json.Number); ok {
			if f, err := x.Float64(); err == nil && f >= 0 && f <= 1<<30 {
				return int(f)
			}
		}
	}
	return -1
}

func stringRules(n, out *node) {
	if p, ok := grammarPattern(n.str("pattern")); ok && p != "" {
		out.set("pattern", text(p))
		return
	}
	switch f := n.str("format"); f {
	case "date", "time", "date-time", "uuid":
		out.set("format", text(f))
		return
	default:
		if p, ok := grammarPattern(formatPattern(f)); ok && p != "" {
			out.set("pattern", text(p))
			return
		}
	}
	least, most := bound(n, "minLength"), bound(n, "maxLength")
	if least > 0 && least <= maxRepeat {
		out.set("minLength", number(int64(least)))
	}
	if most >= 0 && most <= maxRepeat {
		out.set("maxLength", number(int64(most)))
	}
}

// formatPattern is a plain form of a format that no grammar knows by name.
func formatPattern(format string) string {
	switch format {
	case "email":
		return `^[a-z0-9]([._-]?[a-z0-9]){0,30}@[a-z0-9]([-]?[a-z0-9]){0,30}\.[a-z]{2,10}$`
	case "ipv4":
		return `^((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\.){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])$`
	case "uri", "iri":
		return `^https?://[a-z0-9]([-]?[a-z0-9]){0,30}(\.[a-z0-9]([-]?[a-z0-9]){0,30}){0,4}(/[A-Za-z0-9._~-]{0,40}){0,6}$`
	case "hostname":
		return `^[a-z0-9]([-]?[a-z0-9]){0,30}(\.[a-z0-9]([-]?[a-z0-9]){0,30}){0,4}$`
	case "duration":
		return `^P([1-9][0-9]{0,3}D(T[1-9][0-9]{0,3}[HMS])?|T[1-9][0-9]{0,3}[HMS]|[1-9][0-9]{0,3}[YMW])$`
	}
	return ""
}

// integerRules turns bounds into whole ones, which a grammar takes.
func integerRules(n, out *node) *node {
	least, most := math.Inf(-1), math.Inf(1)
	if v, ok := float(n, "minimum"); ok {
		least = math.Ceil(v)
	}
	if v, ok := float(n, "exclusiveMinimum"); ok {
		least = max(least, math.Floor(v)+1)
	}
	if v, ok := float(n, "maximum"); ok {
		most = math.Floor(v)
	}
	if v, ok := float(n, "exclusiveMaximum"); ok {
		most = min(most, math.Ceil(v)-1)
	}
	if least > most {
		return nil
	}
	out.drop(numeric()...)
	const exact = 1 << 53
	if least > -exact && least < exact {
		out.set("minimum", number(int64(least)))
	}
	if most > -exact && most < exact {
		out.set("maximum", number(int64(most)))
	}
	return out
}

func float(n *node, key string) (float64, bool) {
	v := n.get(key)
	if v == nil || v.kind != 0 {
		return 0, false
	}
	x, ok := v.scalar.(json.Number)
	if !ok {
		return 0, false
	}
	f, err := x.Float64()
	return f, err == nil
}
