package yamlx

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// JSON is n as JSON, its keys in the order of the file and its numbers as they
// are written. The tree is one that [Parse] has checked.
func JSON(n *yaml.Node) []byte {
	var b bytes.Buffer
	writeJSON(&b, n)
	return b.Bytes()
}

func writeJSON(b *bytes.Buffer, n *yaml.Node) {
	n = Follow(n)
	switch {
	case n == nil:
		b.WriteString("null")
	case n.Kind == yaml.MappingNode:
		b.WriteByte('{')
		for i := 0; i+1 < len(n.Content); i += 2 {
			if i > 0 {
				b.WriteByte(',')
			}
			writeValue(b, Follow(n.Content[i]).Value)
			b.WriteByte(':')
			writeJSON(b, n.Content[i+1])
		}
		b.WriteByte('}')
	case n.Kind == yaml.SequenceNode:
		b.WriteByte('[')
		for i, c := range n.Content {
			if i > 0 {
				b.WriteByte(',')
			}
			writeJSON(b, c)
		}
		b.WriteByte(']')
	case isNumber(n) && json.Valid([]byte(n.Value)):
		b.WriteString(n.Value)
	default:
		writeValue(b, Plain(n))
	}
}

// writeValue writes a scalar; what JSON has no number for, as .inf, is a text.
func writeValue(b *bytes.Buffer, v any) {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil {
		b.WriteString(strconv.Quote("not a number"))
		return
	}
	b.Truncate(b.Len() - 1)
}

// Find returns the node that a JSON pointer leads to, or the last one on its
// way that there is; for a member of a mapping, its value.
func Find(root *yaml.Node, pointer string) *yaml.Node {
	n, _ := FindExact(root, pointer)
	return n
}

// FindExact is Find, and reports whether there is such a node.
func FindExact(root *yaml.Node, pointer string) (n *yaml.Node, ok bool) {
	n = Follow(root)
	if n == nil || pointer == "" || pointer == "/" {
		return n, n != nil
	}
	for _, step := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
		next := child(n, step)
		if next == nil {
			return n, false
		}
		n = next
	}
	return n, true
}

func child(n *yaml.Node, step string) *yaml.Node {
	if n.Kind == yaml.SequenceNode {
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(n.Content) {
			return Follow(n.Content[i])
		}
		return nil
	}
	return Value(n, step)
}

// Value returns what stands at a mapping's key, or nil; n may be anything.
func Value(n *yaml.Node, key string) *yaml.Node {
	n = Follow(n)
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if Follow(n.Content[i]).Value == key {
			return Follow(n.Content[i+1])
		}
	}
	return nil
}
