package schema

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/google/jsonschema-go/jsonschema"
)

// For is the schema of a Go type's JSON: fields by their json tags, those with
// omitempty or omitzero optional, a jsonschema tag as description. Errors: the
// type has no schema, as a func or a type that holds itself.
func For(t reflect.Type) ([]byte, error) {
	s, err := jsonschema.ForType(t, nil)
	if err != nil {
		return nil, fmt.Errorf("the Go type %s has no JSON Schema: %w", t, err)
	}
	return json.Marshal(s)
}
