package tool

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/tandem-llm/tandem/internal/schema"
)

// compile reads a tool's Parameters. It fetches nothing: a schema that refers
// to another document is refused.
func compile(parameters json.RawMessage) (s *schema.Schema, err error) {
	defer func() { // a stranger's schema
		if r := recover(); r != nil {
			err = fmt.Errorf("the schema cannot be read: %v", r)
		}
	}()
	if s, err = schema.Compile(parameters); err != nil {
		return nil, err
	}
	if t := typeOf(parameters); t != "" && t != "object" {
		return nil, fmt.Errorf("the schema has the type %q, but arguments are always an object", t)
	}
	return s, nil
}

// typeOf is the one type that a schema names, or "".
func typeOf(raw []byte) (name string) {
	var top struct {
		Type any `json:"type"`
	}
	if json.Unmarshal(raw, &top) == nil {
		name, _ = top.Type.(string)
	}
	return name
}

// fitting returns arguments, a JSON object, as the schema takes them, or why it does
// not. A value that a model wrote as JSON text is taken as the value where the schema
// takes no text there.
func fitting(s *schema.Schema, arguments json.RawMessage) (_ json.RawMessage, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the arguments cannot be checked: %v", r)
		}
	}()
	problems := s.Check(arguments)
	if len(problems) == 0 {
		return arguments, nil
	}
	if read, ok := s.Unquoted(arguments); ok {
		return read, nil
	}
	return arguments, errors.New(strings.Join(problems, "; "))
}

// CheckSchema returns why no arguments can be checked against parameters, or
// nil.
func CheckSchema(parameters json.RawMessage) error {
	_, err := compile(parameters)
	return err
}
