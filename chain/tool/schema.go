package tool

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/jsonschema-go/jsonschema"
)

// schema checks arguments. This file is the one place that knows whose.
type schema struct{ resolved *jsonschema.Resolved }

// compile reads a tool's Parameters. It fetches nothing: a schema that refers
// to another document is refused.
func compile(parameters json.RawMessage) (s schema, err error) {
	defer func() { // a stranger's schema
		if r := recover(); r != nil {
			err = fmt.Errorf("the schema cannot be read: %v", r)
		}
	}()
	var object map[string]json.RawMessage
	if err := json.Unmarshal(parameters, &object); err != nil || object == nil {
		return s, errors.New("the schema is no JSON object")
	}
	var read jsonschema.Schema
	if err := json.Unmarshal(parameters, &read); err != nil {
		return s, fmt.Errorf("the schema cannot be read: %w", err)
	}
	if read.Type != "" && read.Type != "object" {
		return s, fmt.Errorf("the schema is for arguments of type %q; they are always an object", read.Type)
	}
	if s.resolved, err = read.Resolve(nil); err != nil {
		return s, fmt.Errorf("the schema cannot be used: %w", err)
	}
	return s, nil
}

// check returns why arguments, a JSON object, do not fit, or nil.
func (s schema) check(arguments json.RawMessage) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the arguments cannot be checked: %v", r)
		}
	}()
	var v any
	if err := json.Unmarshal(arguments, &v); err != nil {
		return err
	}
	return s.resolved.Validate(v)
}

// CheckSchema returns why no arguments can be checked against parameters, or
// nil.
func CheckSchema(parameters json.RawMessage) error {
	_, err := compile(parameters)
	return err
}
