package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// maxDepth bounds the nesting of what is read: of a schema, and of an answer.
const maxDepth = 128

// node is a JSON value that keeps the order of its members, which is the
// order in which a model is to write them. Nil is no value.
type node struct {
	kind   byte     // '{', '[', or 0 for a scalar
	keys   []string // of an object, each once
	kids   []*node  // the members' values, or the elements
	scalar any      // string, json.Number, bool or nil
}

func object() *node               { return &node{kind: '{'} }
func array(kids ...*node) *node   { return &node{kind: '[', kids: kids} }
func text(s string) *node         { return &node{scalar: s} }
func number(n int64) *node        { return &node{scalar: json.Number(fmt.Sprint(n))} }
func boolean(b bool) *node        { return &node{scalar: b} }
func (n *node) isObject() bool    { return n != nil && n.kind == '{' }
func (n *node) isArray() bool     { return n != nil && n.kind == '[' }
func (n *node) isNull() bool      { return n != nil && n.kind == 0 && n.scalar == nil }
func (n *node) is(b bool) bool    { return n != nil && n.kind == 0 && n.scalar == b }
func (n *node) has(k string) bool { return n.get(k) != nil }

// get returns the member, or nil.
func (n *node) get(key string) *node {
	if n.isObject() {
		if i := slices.Index(n.keys, key); i >= 0 {
			return n.kids[i]
		}
	}
	return nil
}

// str returns the text of a member that is one, or "".
func (n *node) str(key string) string {
	if m := n.get(key); m != nil && m.kind == 0 {
		s, _ := m.scalar.(string)
		return s
	}
	return ""
}

// set puts a member in its place, or behind the others.
func (n *node) set(key string, v *node) *node {
	if i := slices.Index(n.keys, key); i >= 0 {
		n.kids[i] = v
		return n
	}
	n.keys, n.kids = append(n.keys, key), append(n.kids, v)
	return n
}

func (n *node) drop(keys ...string) {
	for _, k := range keys {
		if i := slices.Index(n.keys, k); i >= 0 {
			n.keys, n.kids = slices.Delete(n.keys, i, i+1), slices.Delete(n.kids, i, i+1)
		}
	}
}

// clone copies the object itself, and shares its members.
func (n *node) clone() *node {
	return &node{kind: n.kind, keys: slices.Clone(n.keys), kids: slices.Clone(n.kids), scalar: n.scalar}
}

// strings are the texts of an array.
func (n *node) strings() (out []string) {
	if n.isArray() {
		for _, k := range n.kids {
			if s, ok := k.scalar.(string); ok && k.kind == 0 {
				out = append(out, s)
			}
		}
	}
	return out
}

// parse reads one JSON value. Its errors have the place as a JSON pointer, or
// the byte where it is not JSON.
func parse(data []byte) (*node, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	n, err := read(dec, nil)
	if err != nil {
		return nil, notJSON(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("trailing data after the JSON at byte %d", dec.InputOffset())
	}
	return n, nil
}

func notJSON(err error) error {
	var s *json.SyntaxError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the JSON is incomplete")
	case errors.As(err, &s):
		return fmt.Errorf("invalid JSON at byte %d: %w", s.Offset, err)
	}
	return err
}

func read(dec *json.Decoder, at []string) (*node, error) {
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	open, ok := tok.(json.Delim)
	if !ok {
		return &node{scalar: tok}, nil
	}
	if len(at) > maxDepth {
		return nil, fmt.Errorf("it is nested more than %d deep", maxDepth)
	}
	n := &node{kind: '['}
	if open == '{' {
		n.kind = '{'
	}
	seen := map[string]bool{}
	for i := 0; dec.More(); i++ {
		step := fmt.Sprint(i)
		if open == '{' {
			key, err := dec.Token()
			if err != nil {
				return nil, err
			}
			step, _ = key.(string) // the decoder takes nothing else here
			if seen[step] {
				return nil, fmt.Errorf("%s appears twice", pointer(append(at, step)))
			}
			seen[step] = true
			n.keys = append(n.keys, step)
		}
		kid, err := read(dec, append(at, step))
		if err != nil {
			return nil, err
		}
		n.kids = append(n.kids, kid)
	}
	_, err = dec.Token() // the closing one
	return n, err
}

// plain is n as encoding/json would give it, with numbers as json.Number.
func (n *node) plain() any {
	switch n.kind {
	case '{':
		m := make(map[string]any, len(n.keys))
		for i, k := range n.keys {
			m[k] = n.kids[i].plain()
		}
		return m
	case '[':
		l := make([]any, len(n.kids))
		for i, k := range n.kids {
			l[i] = k.plain()
		}
		return l
	}
	return n.scalar
}

// encode writes n without white space, its members in their order.
func (n *node) encode() []byte {
	var b bytes.Buffer
	n.write(&b)
	return b.Bytes()
}

func (n *node) write(b *bytes.Buffer) {
	if n.kind == 0 {
		writeScalar(b, n.scalar)
		return
	}
	b.WriteByte(n.kind)
	for i, k := range n.kids {
		if i > 0 {
			b.WriteByte(',')
		}
		if n.kind == '{' {
			writeScalar(b, n.keys[i])
			b.WriteByte(':')
		}
		k.write(b)
	}
	b.WriteByte(n.kind + 2) // ] and } stand two behind [ and {
}

func writeScalar(b *bytes.Buffer, v any) {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // scalars always encode
	b.Truncate(b.Len() - 1)
}

// equal reports whether two values are the same JSON, numbers as written.
func (n *node) equal(m *node) bool { return bytes.Equal(n.encode(), m.encode()) }

// pointer is a JSON pointer; the root is "/".
func pointer(steps []string) string {
	if len(steps) == 0 {
		return "/"
	}
	var b strings.Builder
	for _, s := range steps {
		b.WriteByte('/')
		b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(s))
	}
	return b.String()
}
