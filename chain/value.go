package chain

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/tandem-llm/tandem/provider"
)

// decodeJSON returns what one JSON text says: whole numbers as int, others as
// float64, and as json.Number what neither can hold.
func decodeJSON(text string) (any, error) {
	dec := json.NewDecoder(bytes.NewReader([]byte(text)))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, fmt.Errorf("the answer is not JSON: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("there is more after the JSON of the answer")
	}
	return numbers(v), nil
}

// numbers returns v with every json.Number as an int where it is one, and as a
// float64 where not; one that would lose digits before the point, or is too
// large for both, stays. Lists and mappings are changed in place.
func numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return int(i)
		}
		f, err := v.Float64()
		if err != nil || isWhole(string(v)) {
			return v
		}
		return f
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = numbers(v[k])
		}
	}
	return v
}

// isWhole reports whether a number in JSON has neither point nor exponent.
func isWhole(number string) bool { return !strings.ContainsAny(number, ".eE") }

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

// whole returns v with every int64 as an int.
func whole(v any) any {
	switch v := v.(type) {
	case int64:
		return int(v)
	case []any:
		for i := range v {
			v[i] = whole(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = whole(v[k])
		}
	}
	return v
}
