package schema

import (
	"fmt"
	"slices"
	"strconv"
)

// types are those that n names.
func types(n *node) []string {
	if t := n.str("type"); t != "" {
		return []string{t}
	}
	return n.get("type").strings()
}

// implied are the types that n's keywords speak of, where it names none.
func implied(n *node) []string {
	for _, of := range []struct {
		t     string
		words []string
	}{
		{"object", []string{"properties", "required", "additionalProperties", "patternProperties", "propertyNames", "minProperties", "maxProperties", "dependentRequired"}},
		{"array", []string{"items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains"}},
		{"string", []string{"pattern", "format", "minLength", "maxLength"}},
		{"number", []string{"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}},
	} {
		if slices.ContainsFunc(of.words, n.has) {
			return []string{of.t}
		}
	}
	return nil
}

// ruledOut are the values that n names as what it is not to be.
func ruledOut(n *node) *node {
	if not := n.get("not"); not.has("const") {
		return array(not.get("const"))
	} else if not.get("enum").isArray() {
		return not.get("enum")
	}
	return array()
}

// enum is those of the values that have one of the types, and are not ruled
// out.
func enum(values *node, types []string, out *node) *node {
	list := array()
	for _, v := range values.kids {
		if !contains(out, v) && (len(types) == 0 || slices.ContainsFunc(types, func(t string) bool { return isOf(v, t) })) && !contains(list, v) {
			list.kids = append(list.kids, v)
		}
	}
	if len(list.kids) == 0 {
		return nil
	}
	return object().set("enum", list)
}

// isOf reports whether a value is of a type.
func isOf(v *node, t string) bool {
	own := typeOf(v)
	return own == t || own == "integer" && t == "number"
}

func typeOf(v *node) string {
	switch {
	case v.isObject():
		return "object"
	case v.isArray():
		return "array"
	case v.isNull():
		return "null"
	}
	switch x := v.scalar.(type) {
	case string:
		return "string"
	case bool:
		return "boolean"
	default:
		if i, err := strconv.ParseFloat(fmt.Sprint(x), 64); err == nil && i == float64(int64(i)) {
			return "integer"
		}
		return "number"
	}
}
