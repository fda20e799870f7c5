// Package schema compiles JSON Schemas, checks answers against them, and
// writes them down as engines can bear them: [Schema.Lower] for grammars,
// [Schema.Strict] for OpenAI's strict mode.
//
// What an engine cannot be told is left out there, for [Schema.Check] here has
// the last word about every answer. Nothing is loaded from elsewhere: a $ref
// leads to a place in the same document. The draft is 2020-12 unless $schema
// names another; `format` counts, and OpenAPI's `nullable: true` allows null.
// Patterns are ECMA-262's; one that cannot be read is not checked, see
// [Schema.Notes].
package schema

import (
	"errors"
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/tandem-llm/tandem/internal/schema/internal/jsonschema"
)

// maxSchema is the largest schema taken, in bytes: no engine bears a larger one.
const maxSchema = 256 << 10

// Schema is a compiled JSON Schema, safe for concurrent use.
type Schema struct {
	root     *node
	compiled *jsonschema.Schema
	other    *jsonschema.Schema // the same, where unreadable patterns match nothing; nil: there are none
	notes    []string
	lower    func() ([]byte, error)
	strict   func() ([]byte, error)
}

// Error is what is wrong with a schema.
type Error struct {
	At  string // JSON pointer into the schema; "/": the whole
	Err error
}

func (e *Error) Error() string {
	if e.At == "/" || e.At == "" {
		return "the schema: " + e.Err.Error()
	}
	return "the schema at " + e.At + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func schemaError(at []string, format string, args ...any) *Error {
	return &Error{At: pointer(at), Err: fmt.Errorf(format, args...)}
}

// Compile reads a schema, a JSON object. Errors are *[Error].
func Compile(raw []byte) (*Schema, error) {
	if len(raw) > maxSchema {
		return nil, schemaError(nil, "it has %d bytes, but at most %d are allowed", len(raw), maxSchema)
	}
	root, err := parse(raw)
	if err != nil {
		return nil, schemaError(nil, "%w", err)
	}
	if !root.isObject() {
		return nil, schemaError(nil, "it is not a JSON object")
	}
	prepare(root, nil)
	s := &Schema{root: root}
	if s.compiled, s.notes, err = compileTree(root, true); err != nil {
		return nil, err
	}
	if len(s.notes) > 0 {
		if s.other, _, err = compileTree(root, false); err != nil {
			return nil, err
		}
	}
	s.lower = sync.OnceValues(s.lowered)
	s.strict = sync.OnceValues(s.strictly)
	return s, nil
}

// compileTree compiles a schema whose unreadable patterns, which the notes
// name, match any text or none.
func compileTree(root *node, unreadable bool) (s *jsonschema.Schema, notes []string, err error) {
	p := &patterns{unreadable: unreadable}
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	c.UseRegexpEngine(p.compile)
	c.AssertFormat()
	const here = "tandem:///schema.json"
	if err := c.AddResource(here, root.plain()); err != nil {
		return nil, nil, compileError(err, root)
	}
	if s, err = c.Compile(here); err != nil {
		return nil, nil, compileError(err, root)
	}
	p.done = true
	return s, p.notes, nil
}

// Notes say what of the schema is not checked: patterns that are no regular
// expression of ECMA-262, or that cannot be read here.
func (s *Schema) Notes() []string { return slices.Clone(s.notes) }

// validate returns what is wrong with a value. What depends on a pattern that
// cannot be read is not wrong.
func (s *Schema) validate(v any) error {
	err := s.compiled.Validate(v)
	if err != nil && s.other != nil && s.other.Validate(v) == nil {
		return nil
	}
	return err
}

// Text is the schema as it was given, without white space.
func (s *Schema) Text() []byte { return s.root.encode() }

// noLoader loads nothing.
type noLoader struct{}

func (noLoader) Load(string) (any, error) { return nil, errRemoteRef }

var errRemoteRef = errors.New("remote schemas are not loaded; put it under $defs and refer to it as #/$defs/NAME")

// keepsData are the keywords whose value is data, and no schema.
func keepsData(key string) bool {
	switch key {
	case "const", "enum", "default", "examples", "example":
		return true
	}
	return false
}

// prepare takes `nullable` as it is meant.
func prepare(n *node, at []string) {
	for step, kid := range n.parts(at) {
		prepare(kid, append(at, step))
	}
	if n.kind == '{' && !isNames(at) && n.get("nullable").is(true) {
		nullable(n)
	}
}

// parts are what an array or object at that place of a schema holds, by index or
// name, less what it keeps as plain data.
func (n *node) parts(at []string) iter.Seq2[string, *node] {
	return func(yield func(string, *node) bool) {
		for i, kid := range n.kids {
			step := strconv.Itoa(i)
			if n.kind == '{' {
				step = n.keys[i]
				if keepsData(step) && !isNames(at) {
					continue
				}
			}
			if !yield(step, kid) {
				return
			}
		}
	}
}

// isNames reports whether the object at that place maps names that its author
// chose, and is no schema.
func isNames(at []string) bool {
	if len(at) == 0 {
		return false
	}
	switch at[len(at)-1] {
	case "properties", "patternProperties", "$defs", "definitions", "dependentSchemas":
		return len(at) < 2 || !isNames(at[:len(at)-1])
	}
	return false
}

// nullable lets null in, too.
func nullable(n *node) {
	n.drop("nullable")
	switch t := n.get("type"); {
	case t == nil && slices.ContainsFunc([]string{"$ref", "allOf", "anyOf", "oneOf"}, n.has):
		inner := object()
		for _, k := range slices.Clone(n.keys) {
			if k[0] != '$' && k != "definitions" || k == "$ref" { // what others refer to stays where it is
				inner.set(k, n.get(k))
				n.drop(k)
			}
		}
		n.set("anyOf", array(inner, object().set("type", text("null"))))
		return
	case t == nil:
	case t.isArray():
		if !contains(t, text("null")) {
			n.set("type", array(append(t.clone().kids, text("null"))...))
		}
	default:
		n.set("type", array(t, text("null")))
	}
	if e := n.get("enum"); e.isArray() && !contains(e, &node{}) {
		n.set("enum", array(append(e.clone().kids, &node{})...))
	}
}

func contains(list, v *node) bool {
	for _, k := range list.kids {
		if k.equal(v) {
			return true
		}
	}
	return false
}

// findRemoteRef returns the first reference that leads to a URL outside the document,
// and its place.
func findRemoteRef(n *node, target string, at []string) (ref string, place []string) {
	for step, kid := range n.parts(at) {
		place := append(at[:len(at):len(at)], step)
		if s, ok := kid.scalar.(string); ok && (step == "$ref" || step == "$dynamicRef") {
			if u, err := url.Parse(s); err == nil && u.EscapedPath() != "" && strings.HasSuffix(target, u.EscapedPath()) || err == nil && u.Opaque != "" && strings.HasSuffix(target, u.Opaque) {
				return s, place
			}
		}
		if ref, place := findRemoteRef(kid, target, place); ref != "" {
			return ref, place
		}
	}
	return "", nil
}

// deepest is the place that an error got furthest to.
func deepest(err error) string {
	var v *jsonschema.ValidationError
	if !errors.As(err, &v) {
		return "/"
	}
	var best []string
	var visit func(v *jsonschema.ValidationError)
	visit = func(v *jsonschema.ValidationError) {
		if len(v.InstanceLocation) > len(best) {
			best = v.InstanceLocation
		}
		for _, c := range v.Causes {
			visit(c)
		}
	}
	visit(v)
	return pointer(best)
}

// compileError is a compiler's error with its place.
func compileError(err error, root *node) error {
	at, text := "/", err.Error()
	var bad *jsonschema.SchemaValidationError
	var load *jsonschema.LoadURLError
	switch {
	case errors.As(err, &bad):
		if p := problems(bad.Err, 3, root); len(p) > 0 {
			return &Error{At: deepest(bad.Err), Err: errors.New(strings.Join(p, "; "))}
		}
	case errors.As(err, &load):
		if ref, place := findRemoteRef(root, load.URL, nil); ref != "" {
			return schemaError(place, "%q: %w", ref, load.Err)
		}
		return &Error{At: at, Err: fmt.Errorf("%s: %w", load.URL, load.Err)}
	}
	return &Error{At: at, Err: errors.New(strings.ReplaceAll(text, "tandem:///schema.json", ""))}
}

// Check returns what is wrong with an answer in the words of [problems], or
// nil. What is no JSON has one problem.
func (s *Schema) Check(answer []byte) []string {
	n, err := parse(answer)
	if err != nil {
		return []string{err.Error()}
	}
	return problems(s.validate(n.plain()), maxProblems, n)
}

// step is the member or the element of that name, or nil.
func (n *node) step(name string) *node {
	if n.isArray() {
		if i := n.index(name); i >= 0 && i < len(n.kids) {
			return n.kids[i]
		}
		return nil
	}
	return n.get(name)
}
