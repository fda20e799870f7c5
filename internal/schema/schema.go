// Package schema compiles JSON Schemas, checks answers against them, and
// writes them down as engines can bear them: [Schema.Lower] for grammars,
// [Schema.Strict] for OpenAI's strict mode.
//
// What an engine cannot be told is left out there, for [Schema.Check] here has
// the last word about every answer. Nothing is loaded from elsewhere: a $ref
// leads to a place in the same document. The draft is 2020-12 unless $schema
// names another; `format` counts, and OpenAPI's `nullable: true` allows null.
package schema

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// maxSchema is the largest schema taken, in bytes: no engine bears a larger one.
const maxSchema = 256 << 10

// Schema is a compiled JSON Schema, safe for concurrent use.
type Schema struct {
	root     *node
	compiled *jsonschema.Schema
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
		return nil, schemaError(nil, "it has %d bytes, and %d are the most", len(raw), maxSchema)
	}
	root, err := parse(raw)
	if err != nil {
		return nil, schemaError(nil, "%w", err)
	}
	if !root.isObject() {
		return nil, schemaError(nil, "it is not a JSON object")
	}
	if err := prepare(root, nil); err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	c.AssertFormat()
	const here = "tandem:///schema.json"
	if err := c.AddResource(here, root.plain()); err != nil {
		return nil, compileError(err)
	}
	compiled, err := c.Compile(here)
	if err != nil {
		return nil, compileError(err)
	}
	s := &Schema{root: root, compiled: compiled}
	s.lower = sync.OnceValues(s.lowered)
	s.strict = sync.OnceValues(s.strictly)
	return s, nil
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

// prepare refuses what leads elsewhere, and takes `nullable` as it is meant.
func prepare(n *node, at []string) error {
	for i, kid := range n.kids {
		step := fmt.Sprint(i)
		if n.kind == '{' {
			step = n.keys[i]
			if ref, ok := kid.scalar.(string); ok && kid.kind == 0 && (step == "$ref" || step == "$dynamicRef") && isRemoteRef(ref) {
				return schemaError(append(at, step), "%q: %w", ref, errRemoteRef)
			}
			if keepsData(step) && !isNames(at) {
				continue
			}
		}
		if err := prepare(kid, append(at, step)); err != nil {
			return err
		}
	}
	if n.kind == '{' && !isNames(at) && n.get("nullable").is(true) {
		nullable(n)
	}
	return nil
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

// isRemoteRef reports whether a reference leaves the document.
func isRemoteRef(ref string) bool {
	u, err := url.Parse(ref)
	return err != nil || u.Scheme != "" || u.Host != "" || strings.HasPrefix(u.Path, "/")
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
func compileError(err error) error {
	at, text := "/", err.Error()
	var bad *jsonschema.SchemaValidationError
	var load *jsonschema.LoadURLError
	var regex *jsonschema.InvalidRegexError
	switch {
	case errors.As(err, &bad):
		if p := problems(bad.Err, 3); len(p) > 0 {
			return &Error{At: deepest(bad.Err), Err: errors.New(strings.Join(p, "; "))}
		}
	case errors.As(err, &regex):
		_, at, _ = strings.Cut(regex.URL, "#")
		return &Error{At: at, Err: fmt.Errorf("the pattern %q cannot be checked here: %w (RE2 has no lookaround and no back references)", regex.Regex, regex.Err)}
	case errors.As(err, &load):
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
	return problems(s.compiled.Validate(n.plain()), maxProblems)
}

// WithoutNulls returns the answer without those members that are null where
// the schema wants them left out instead, and reports whether it then is what
// the schema asks for. Strict mode has a model write null for what is optional.
func (s *Schema) WithoutNulls(answer []byte) ([]byte, bool) {
	n, err := parse(answer)
	if err != nil {
		return nil, false
	}
	for {
		err := s.compiled.Validate(n.plain())
		if err == nil {
			return n.encode(), true
		}
		var v *jsonschema.ValidationError
		if !errors.As(err, &v) || !dropNulls(n, v) {
			return nil, false
		}
	}
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

// step is the member or the element of that name, or nil.
func (n *node) step(name string) *node {
	if n.isArray() {
		for i, k := range n.kids {
			if fmt.Sprint(i) == name {
				return k
			}
		}
		return nil
	}
	return n.get(name)
}
