package yamlx

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/internal/diag"
)

// Decoder turns the nodes of one file into values. It collects what is wrong
// and goes on, so that a reader sees every mistake at once.
type Decoder struct {
	file string
	errs []error
}

// NewDecoder returns a Decoder whose errors name file.
func NewDecoder(file string) *Decoder { return &Decoder{file: file} }

// Err returns every mistake found so far, in the order of the file, or nil.
func (d *Decoder) Err() error { return diag.Join(d.errs...) }

// At makes an error at n's place. A nil n stands for the file as a whole.
func (d *Decoder) At(n *yaml.Node, message, remedy string) *diag.Error {
	e := &diag.Error{File: d.file, Message: message, Remedy: remedy}
	if n != nil {
		e.Line, e.Column = n.Line, n.Column
	}
	return e
}

// Fail records an error at n's place.
func (d *Decoder) Fail(n *yaml.Node, message, remedy string) {
	d.errs = append(d.errs, d.At(n, message, remedy))
}

// expected records that something else stands where want was expected.
func (d *Decoder) expected(n *yaml.Node, want string) {
	d.Fail(n, fmt.Sprintf("expected %s, found %s", want, describe(n)), "")
}

// describe says what a node is, for an error.
func describe(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping of keys to values"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!null":
		return "nothing"
	default:
		return diag.Quote(n.Value)
	}
}

// Map is a mapping whose keys have been checked.
type Map struct {
	d      *Decoder
	node   *yaml.Node
	values map[string]*yaml.Node
	keys   []string
	known  []string
}

// Mapping reads n as a mapping called what (such as "a provider") that may
// have the known keys; nil known allows any. An unknown key is an error with a
// suggestion. The second result is false when n is not a mapping.
func (d *Decoder) Mapping(n *yaml.Node, what string, known []string) (Map, bool) {
	n = Follow(n)
	if n == nil || n.Kind != yaml.MappingNode {
		if n != nil {
			d.expected(n, what+" as a mapping of keys to values")
		}
		return Map{d: d}, false
	}
	m := Map{d: d, node: n, known: known, values: make(map[string]*yaml.Node, len(n.Content)/2)}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := Follow(n.Content[i])
		if known != nil && !slices.Contains(known, key.Value) {
			d.Fail(key, fmt.Sprintf("unknown key %s", diag.Quote(key.Value)), diag.Suggest(key.Value, known))
			continue
		}
		m.values[key.Value] = n.Content[i+1]
		m.keys = append(m.keys, key.Value)
	}
	return m, true
}

// Keys are the mapping's keys in the file's order, unknown ones left out.
func (m Map) Keys() []string { return m.keys }

// Has reports whether the key is there.
func (m Map) Has(key string) bool { return m.values[key] != nil }

// May reports whether the mapping may have the key.
func (m Map) May(key string) bool { return m.Has(key) || slices.Contains(m.known, key) }

// Node is the key's value, or the mapping itself when the key is absent, so
// that an error about a missing key has a place. It may be an alias.
func (m Map) Node(key string) *yaml.Node {
	if v := m.values[key]; v != nil {
		return v
	}
	return m.node
}

// Value is the key's value with aliases followed, or nil when it is absent.
func (m Map) Value(key string) *yaml.Node { return Follow(m.values[key]) }

// Fail records an error at the key's value.
func (m Map) Fail(key, message, remedy string) { m.d.Fail(m.Node(key), message, remedy) }

// Require records an error unless the key is there.
func (m Map) Require(key, remedy string) bool {
	if !m.Has(key) {
		m.d.Fail(m.node, fmt.Sprintf("the key %q is missing", key), remedy)
	}
	return m.Has(key)
}

// Map reads the key's value as a mapping; absent gives false and no error.
func (m Map) Map(key, what string, known []string) (Map, bool) {
	if !m.Has(key) {
		return Map{d: m.d}, false
	}
	return m.d.Mapping(m.Value(key), what, known)
}

// List returns the elements of the key's list; absent gives none.
func (m Map) List(key, what string) []*yaml.Node {
	n := m.Value(key)
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		m.d.expected(n, "a list of "+what)
		return nil
	}
	return n.Content
}

// Maps reads the key's list, each element of which is a mapping; absent gives
// none. what is one of them, for people: "a provider".
func (m Map) Maps(key, list, what string, known []string) (maps []Map) {
	for _, n := range m.List(key, list) {
		if sub, ok := m.d.Mapping(n, what, known); ok {
			maps = append(maps, sub)
		}
	}
	return maps
}

// Item reads an element of one of the mapping's lists as a mapping called what.
func (m Map) Item(n *yaml.Node, what string, known []string) (Map, bool) {
	return m.d.Mapping(n, what, known)
}

// String reads a text; absent gives "". A number or a boolean without quotes
// is taken as it is written.
func (m Map) String(key string) string {
	s, _ := m.d.Text(m.Value(key))
	return s
}

// Text reads a scalar as text; nil gives "" and false.
func (d *Decoder) Text(n *yaml.Node) (string, bool) {
	n = Follow(n)
	if n == nil {
		return "", false
	}
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		remedy := ""
		if n.Kind != yaml.ScalarNode && n.Style&yaml.FlowStyle != 0 {
			remedy = "text that starts with { or [ needs quotes"
		}
		d.Fail(n, "expected text, found "+describe(n), remedy)
		return "", false
	}
	return n.Value, true
}

// OneOf reads one of the given words; absent gives "".
func (m Map) OneOf(key string, words ...string) string {
	n := m.Value(key)
	if n == nil {
		return ""
	}
	if n.Kind == yaml.ScalarNode && slices.Contains(words, n.Value) {
		return n.Value
	}
	m.d.expected(n, "one of "+strings.Join(words, ", "))
	return ""
}

// Strings reads a list of texts, or one text as a list of one; absent gives
// nil.
func (m Map) Strings(key string) []string {
	n := m.Value(key)
	if n == nil {
		return nil
	}
	if n.Kind == yaml.MappingNode {
		m.d.expected(n, "text or a list of texts")
		return nil
	}
	elements := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		elements = n.Content
	}
	texts := make([]string, 0, len(elements))
	for _, e := range elements {
		if s, ok := m.d.Text(e); ok {
			texts = append(texts, s)
		}
	}
	return texts
}

// Float reads a number from lo to hi; absent gives nil.
func (m Map) Float(key string, lo, hi float64) *float64 {
	n := m.Value(key)
	if n == nil {
		return nil
	}
	if isNumber(n) {
		if x, err := strconv.ParseFloat(n.Value, 64); err == nil && x >= lo && x <= hi {
			return &x
		}
	}
	m.d.expected(n, fmt.Sprintf("a number from %v to %v", lo, hi))
	return nil
}

// Int reads a whole number of at least lo; absent gives nil.
func (m Map) Int(key string, lo int64) *int64 {
	n := m.Value(key)
	if n == nil {
		return nil
	}
	if isNumber(n) {
		if i, err := strconv.ParseInt(n.Value, 10, 64); err == nil && i >= lo {
			return &i
		}
	}
	want := fmt.Sprintf("a whole number of at least %d", lo)
	if lo < 0 {
		want = "a whole number"
	}
	m.d.expected(n, want)
	return nil
}

// Bool reads true or false; absent gives nil.
func (m Map) Bool(key string) *bool {
	n := m.Value(key)
	if n == nil {
		return nil
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!bool" {
		b := strings.EqualFold(n.Value, "true")
		return &b
	}
	m.d.expected(n, "true or false")
	return nil
}

// Duration reads a duration of at least 0, such as 90s or 1h30m; absent gives
// nil.
func (m Map) Duration(key string) *time.Duration {
	n := m.Value(key)
	if n == nil {
		return nil
	}
	if n.Kind == yaml.ScalarNode {
		if t, err := time.ParseDuration(n.Value); err == nil && t >= 0 {
			return &t
		}
	}
	m.d.expected(n, "a duration such as 30s, 5m or 1h30m")
	return nil
}

// isNumber reports whether n is a number without quotes.
func isNumber(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && (n.Tag == "!!int" || n.Tag == "!!float")
}
