package schema

import (
	"encoding/json"
	"errors"
	"math/big"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/internal/schema/internal/jsonschema"
	"github.com/tandem-llm/tandem/internal/schema/internal/jsonschema/kind"
)

// WithoutNulls returns the answer without those members that are null where
// the schema wants them left out instead, and reports whether it then is what
// the schema asks for. Strict mode has a model write null for what is optional.
func (s *Schema) WithoutNulls(answer []byte) ([]byte, bool) {
	return s.mend(answer, dropNulls)
}

// Unquoted returns the answer with those texts as what they say in JSON that stand
// where the schema wants no text but what they say, such as "[1]" for a list or "5"
// for a number; it reports whether the answer then is what the schema asks for.
// Small models write the values of a call's arguments so.
func (s *Schema) Unquoted(answer []byte) ([]byte, bool) {
	return s.mend(answer, unquote)
}

// mend changes an answer as long as change finds something in what is wrong with it,
// and reports whether it then is what the schema asks for.
func (s *Schema) mend(answer []byte, change func(*node, *jsonschema.ValidationError) bool) ([]byte, bool) {
	n, err := parse(answer)
	if err != nil {
		return nil, false
	}
	for {
		err := s.validate(n.plain())
		if err == nil {
			return n.encode(), true
		}
		var v *jsonschema.ValidationError
		if !errors.As(err, &v) || !change(n, v) {
			return nil, false
		}
	}
}

// unquote reads the texts that an error of their type is about; it reports whether
// there were any.
func unquote(n *node, v *jsonschema.ValidationError) (found bool) {
	for _, c := range v.Causes {
		found = unquote(n, c) || found
	}
	wrong, ok := v.ErrorKind.(*kind.Type)
	at := n.find(v.InstanceLocation)
	if !ok || at == nil || at.kind != 0 {
		return found
	}
	s, ok := at.scalar.(string)
	if !ok {
		return found
	}
	said, err := parse([]byte(EscapeControls(strings.TrimSpace(s))))
	if err != nil || !slices.Contains(wrong.Want, said.typeName()) && !(said.typeName() == "integer" && slices.Contains(wrong.Want, "number")) {
		return found
	}
	*at = *said
	return true
}

// typeName is the narrowest type of JSON Schema that n has.
func (n *node) typeName() string {
	switch s := n.scalar.(type) {
	case json.Number:
		if r, ok := new(big.Rat).SetString(s.String()); len(s) < 100 && ok && r.IsInt() {
			return "integer"
		}
		return "number"
	case string:
		return "string"
	case bool:
		return "boolean"
	}
	switch n.kind {
	case '{':
		return "object"
	case '[':
		return "array"
	}
	return "null"
}

// dropNulls drops the members that an error is about and that are null; it
// reports whether there were any.
func dropNulls(n *node, v *jsonschema.ValidationError) (found bool) {
	for _, c := range v.Causes {
		found = dropNulls(n, c) || found
	}
	if len(v.InstanceLocation) == 0 {
		return found
	}
	parent, last := n, len(v.InstanceLocation)-1
	for _, step := range v.InstanceLocation[:last] {
		parent = parent.step(step)
	}
	if parent.isObject() && parent.get(v.InstanceLocation[last]).isNull() {
		parent.drop(v.InstanceLocation[last])
		found = true
	}
	return found
}
