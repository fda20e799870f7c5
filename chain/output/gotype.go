package output

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"

	"github.com/tandem-llm/tandem/internal/schema"
	"github.com/tandem-llm/tandem/provider"
)

// SchemaOf returns the JSON Schema of a Go type, for a request: fields by their
// json tags, those with omitempty or omitzero optional, a jsonschema tag as
// description. It is not strict in OpenAI's sense. Errors: the type has none, as
// a func or a type that holds itself.
func SchemaOf[T any]() (provider.Schema, error) {
	raw, err := schema.For(reflect.TypeFor[T]())
	return provider.Schema{JSON: raw}, err
}

// Decode makes a T of an answer that is JSON, as [JSON] takes it. What the
// schema of T does not accept is an *[Error]; nothing is filled in or dropped.
func Decode[T any](text string) (T, error) {
	var out T
	raw, err := schema.For(reflect.TypeFor[T]())
	if err != nil {
		return out, err
	}
	s, err := schema.Compile(raw)
	if err != nil {
		return out, err
	}
	_, from, err := value(text)
	if err != nil {
		return out, &Error{Parser: "schema", Expected: "JSON", Found: found(text), Err: err}
	}
	if problems := s.Check([]byte(from)); len(problems) > 0 {
		return out, &Error{Parser: "schema", Expected: "JSON of a " + reflect.TypeFor[T]().String(), Found: found(from), Err: errors.New(strings.Join(problems, "; "))}
	}
	if err := json.Unmarshal([]byte(from), &out); err != nil {
		return out, &Error{Parser: "schema", Expected: "JSON of a " + reflect.TypeFor[T]().String(), Found: found(from), Err: err}
	}
	return out, nil
}
