package yamlx

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// Plain returns n as plain Go data: map[string]any, []any, string, int64,
// float64, bool or nil.
func Plain(n *yaml.Node) any {
	n = Follow(n)
	switch {
	case n == nil || n.Tag == "!!null":
		return nil
	case n.Kind == yaml.MappingNode:
		m := make(map[string]any, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[Follow(n.Content[i]).Value] = Plain(n.Content[i+1])
		}
		return m
	case n.Kind == yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, c := range n.Content {
			list[i] = Plain(c)
		}
		return list
	}
	var v any
	switch i, err := strconv.ParseInt(n.Value, 10, 64); {
	case n.Tag == "!!int" && err == nil:
		return i
	case n.Tag == "!!int" || n.Tag == "!!float" || n.Tag == "!!bool":
		if n.Decode(&v) == nil {
			return v
		}
	}
	return n.Value
}

// JSON returns n as JSON, with the keys of mappings in the order of the file.
func JSON(n *yaml.Node) (json.RawMessage, error) {
	var b bytes.Buffer
	if err := writeJSON(&b, Follow(n)); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func writeJSON(b *bytes.Buffer, n *yaml.Node) error {
	switch {
	case n == nil:
		b.WriteString("null")
	case n.Kind == yaml.MappingNode:
		b.WriteByte('{')
		for i := 0; i+1 < len(n.Content); i += 2 {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := writeValue(b, Follow(n.Content[i]).Value); err != nil {
				return err
			}
			b.WriteByte(':')
			if err := writeJSON(b, Follow(n.Content[i+1])); err != nil {
				return err
			}
		}
		b.WriteByte('}')
	case n.Kind == yaml.SequenceNode:
		b.WriteByte('[')
		for i, e := range n.Content {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := writeJSON(b, Follow(e)); err != nil {
				return err
			}
		}
		b.WriteByte(']')
	case n.Tag == "!!float" && json.Valid([]byte(n.Value)), n.Tag == "!!int" && json.Valid([]byte(n.Value)):
		b.WriteString(n.Value) // as it is written, whatever its size
	default:
		return writeValue(b, Plain(n))
	}
	return nil
}

func writeValue(b *bytes.Buffer, v any) error {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("a value cannot be written as JSON: %w", err)
	}
	b.Truncate(b.Len() - 1) // the newline
	return nil
}
