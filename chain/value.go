package chain

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"

	"github.com/tandem-llm/tandem/provider"
)

// maxValue is the most bytes that a text or an expression may make: a loop that
// doubles its value would else end the process.
const maxValue = 16 << 20

// valueSize is what an element of a list takes, besides what it refers to.
const valueSize = 16

func tooLarge() error {
	return provider.Errorf(provider.Invalid, "", "", "the value exceeds %d MiB, or is nested more than %d deep; does a loop make it longer and longer?", maxValue>>20, maxNest)
}

// settled is an expression's value with texts as the keys of its mappings, as
// JSON has them. Error: it is too large.
func settled(value any) (any, error) {
	left := maxValue
	value, _ = settle(value, &left, 0)
	if left < 0 {
		return nil, tooLarge()
	}
	return value, nil
}

// settle also reports whether the value is another now. It gives up where
// nothing is left of the bytes that there may be.
func settle(value any, left *int, depth int) (any, bool) {
	if *left -= valueSize; *left < 0 {
		return value, false
	}
	if depth > maxNest {
		*left = -1
		return value, false
	}
	switch v := value.(type) {
	case string:
		*left -= len(v)
	case []any:
		var own []any // a variable may have the list, too
		for i := range v {
			if e, changed := settle(v[i], left, depth+1); changed {
				if own == nil {
					own = slices.Clone(v)
				}
				own[i] = e
			}
		}
		if own != nil {
			return own, true
		}
	case map[string]any:
		var own map[string]any
		for k, e := range v {
			*left -= len(k)
			if e, changed := settle(e, left, depth+1); changed {
				if own == nil {
					own = maps.Clone(v)
				}
				own[k] = e
			}
		}
		if own != nil {
			return own, true
		}
	case map[any][]any: // groupBy makes it
		own := make(map[string]any, len(v))
		for k, e := range v {
			key, _ := textOf(k)
			own[key], _ = settle(e, left, depth+1)
		}
		return own, true
	}
	return value, false
}

// typeOfSchema is the type of what a schema accepts, as far as its outermost
// type says.
func typeOfSchema(s *provider.Schema) Type {
	var top struct{ Type any }
	if json.Unmarshal(s.JSON, &top) != nil {
		return TypeAny
	}
	switch top.Type {
	case "object":
		return TypeMap
	case "array":
		return TypeList
	case "string":
		return TypeText
	case "boolean":
		return TypeBool
	case "number", "integer":
		return TypeNumber
	}
	return TypeAny
}

// typeOfParser is the type of a parser's values, where it tells.
func typeOfParser(p Parser) Type {
	if t, ok := p.(interface{ Type() Type }); ok {
		return t.Type()
	}
	return TypeAny
}

// choiceSchema accepts a choice among names.
func choiceSchema(names []string) *provider.Schema {
	type property struct {
		Type string   `json:"type"`
		Enum []string `json:"enum"`
	}
	data, err := json.Marshal(map[string]any{
		"type":                 "object",
		"properties":           map[string]any{"choice": property{"string", names}},
		"required":             []string{"choice"},
		"additionalProperties": false,
	})
	if err != nil {
		return nil // names are texts
	}
	return &provider.Schema{Name: "choice", JSON: data, Strict: true}
}

// has reports whether a value is of the type.
func has(t Type, value any) bool { return t == TypeAny || typeOf(reflect.TypeOf(value)) == t }
