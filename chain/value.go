package chain

import (
	"encoding/json"
	"reflect"

	"github.com/tandem-llm/tandem/provider"
)

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
