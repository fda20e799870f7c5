package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// inlineField is one field of a schema on the command line: a name, then a type or
// [type], then a colon and a description.
var inlineField = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_-]*)(?:\s+(\[?)([a-z]+)(\]?))?\s*(?::\s*(.*))?$`)

// inlineType is the JSON Schema type of a type's name.
func inlineType(name string) (typ string, ok bool) {
	typ, ok = map[string]string{
		"": "string", "string": "string", "str": "string", "text": "string",
		"int": "integer", "integer": "integer",
		"number": "number", "float": "number",
		"bool": "boolean", "boolean": "boolean",
	}[name]
	return typ, ok
}

// inlineSchema is the JSON Schema that a text such as "name, age int, tags
// [string]" stands for: an object with these fields, and no other. ok is false for
// a text that is none, such as a file's name: a single word is never one.
//
//	schema = field {"," field}
//	field  = name [type | "[" type "]"] [":" description]
//	type   = "string" | "int" | "number" | "bool", or str, text, integer, float, boolean
func inlineSchema(text string) (schema json.RawMessage, ok bool, err error) {
	if !strings.ContainsAny(strings.TrimSpace(text), ", :") {
		return nil, false, nil
	}
	var required []string
	var properties bytes.Buffer // in the order of the text, which models keep
	for _, field := range strings.Split(text, ",") {
		m := inlineField.FindStringSubmatch(strings.TrimSpace(field))
		if m == nil || (m[2] == "") != (m[4] == "") {
			return nil, false, nil
		}
		name, list, description := m[1], m[2] != "", m[5]
		typ, known := inlineType(m[3])
		if !known {
			return nil, true, usageError{fmt.Errorf("there is no file %s, and as a list of fields --schema has the type %q, which is not one of string, int, number and bool", text, m[3])}
		}
		for _, before := range required {
			if before == name {
				return nil, true, usageError{fmt.Errorf("--schema: the field %s appears twice", name)}
			}
		}
		value := map[string]any{"type": typ}
		if list {
			value = map[string]any{"type": "array", "items": map[string]any{"type": typ}}
		}
		if description != "" {
			value["description"] = description
		}
		data, err := json.Marshal(value)
		if err != nil {
			return nil, true, err
		}
		if len(required) > 0 {
			properties.WriteByte(',')
		}
		fmt.Fprintf(&properties, "%q:%s", name, data)
		required = append(required, name)
	}
	names, err := json.Marshal(required)
	if err != nil {
		return nil, true, err
	}
	return fmt.Appendf(nil, `{"type":"object","properties":{%s},"required":%s,"additionalProperties":false}`, properties.Bytes(), names), true, nil
}
