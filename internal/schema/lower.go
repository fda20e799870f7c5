package schema

import (
	"slices"
	"strconv"
	"strings"
)

// maxLowered is how many values a schema may grow to as its references are
// written out.
const maxLowered = 20_000

// Lower is the schema for an engine that makes a grammar of it, as llama.cpp
// and so Ollama do: references written out, unless they are recursive; const,
// oneOf and allOf in terms of enum, anyOf and one object; patterns and formats
// in the form that the grammar takes; what it would misread left out. It may
// let through what [Schema.Check] refuses, and keeps out none of what a model
// would sensibly say. Errors are *[Error]: the schema cannot be lowered.
func (s *Schema) Lower() ([]byte, error) { return s.lower() }

func (s *Schema) lowered() ([]byte, error) {
	n, err := s.lowerRoot()
	if err != nil {
		return nil, err
	}
	return n.encode(), nil
}

func (s *Schema) lowerRoot() (*node, error) {
	l := &lowering{s: s, defs: object(), names: map[string]string{}, loops: map[string]bool{}}
	n, err := l.body(s.root, nil, nil)
	if err != nil {
		return nil, err
	}
	if n == nil {
		return nil, schemaError(nil, "no answer can match it")
	}
	if len(l.defs.keys) > 0 {
		n = n.clone().set("$defs", l.defs)
	}
	return n, nil
}

// lowering is one schema on its way.
type lowering struct {
	s     *Schema
	defs  *node             // the recursive ones, lowered
	names map[string]string // of them, by reference
	loops map[string]bool   // which references are recursive, as far as was asked
	size  int
}

func (l *lowering) recursive(ref string) bool {
	loops, known := l.loops[ref]
	if !known {
		loops = l.s.recursive(ref)
		l.loops[ref] = loops
	}
	return loops
}

// anyType are all types, in the order in which a grammar tries them.
func anyType() *node {
	return object().set("type", array(text("string"), text("number"), text("boolean"), text("object"), text("array"), text("null")))
}

func isAny(n *node) bool {
	t := n.get("type")
	return t.isArray() && len(t.kids) == 6
}

// schema lowers n. Nil is a schema that nothing satisfies. A recursive
// reference stays one.
func (l *lowering) schema(n *node, at []string) (*node, error) {
	if ref := refOf(n); ref != "" && !restricts(n) && l.recursive(ref) {
		return l.named(ref, n, at)
	}
	return l.body(n, at, nil)
}

// named is a reference to what is lowered once, under $defs.
func (l *lowering) named(ref string, n *node, at []string) (*node, error) {
	name, ok := l.names[ref]
	if !ok {
		target, place, err := l.s.resolve(ref, at)
		if err != nil {
			return nil, err
		}
		name = "root"
		if len(place) > 0 {
			name = plainName(place[len(place)-1])
		}
		for l.defs.has(name) {
			name += "x"
		}
		l.names[ref] = name
		l.defs.set(name, object())
		body, err := l.body(target, place, []string{ref})
		if err != nil {
			return nil, err
		}
		if body == nil {
			return nil, schemaError(place, "no answer can match it")
		}
		l.defs.set(name, body)
	}
	return describe(object().set("$ref", text("#/$defs/"+name)), n), nil
}

// plainName is a name that is a rule's as well.
func plainName(s string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, s)
	if strings.Trim(name, "-") == "" {
		return "part"
	}
	return name
}

// describe gives out n's description.
func describe(out, n *node) *node {
	if d := n.str("description"); d != "" && out != nil {
		out = out.clone().set("description", text(d))
	}
	return out
}

// restricts reports whether a schema with a reference says more than that.
func restricts(n *node) bool {
	return slices.ContainsFunc(n.keys, func(k string) bool {
		switch k {
		case "$ref", "$dynamicRef", "$defs", "definitions", "title", "description", "default", "examples", "example",
			"$id", "$schema", "$comment", "$anchor", "$dynamicAnchor", "deprecated", "readOnly", "writeOnly", "nullable":
			return false
		}
		return true
	})
}

// body lowers n with its outermost reference written out, whatever it is.
// Followed are the references that lead here without anything between.
func (l *lowering) body(n *node, at, followed []string) (*node, error) {
	if l.size++; l.size > maxLowered {
		return nil, schemaError(at, "it becomes too large when its references are expanded")
	}
	switch {
	case n.is(true):
		return anyType(), nil
	case n.is(false):
		return nil, nil
	case !n.isObject():
		return nil, schemaError(at, "expected a schema, an object")
	}
	out, err := l.ownRules(n, at)
	if err != nil {
		return nil, err
	}
	if ref := refOf(n); ref != "" {
		if slices.Contains(followed, ref) {
			return nil, schemaError(at, "%q refers only to itself", ref)
		}
		target, place, err := l.s.resolve(ref, at)
		if err != nil {
			return nil, err
		}
		t, err := l.body(target, place, append(followed[:len(followed):len(followed)], ref))
		if err != nil {
			return nil, err
		}
		out = merge(out, t)
	}
	if all := n.get("allOf"); all.isArray() {
		for i, part := range all.kids {
			p, err := l.body(part, append(at[:len(at):len(at)], "allOf", strconv.Itoa(i)), followed)
			if err != nil {
				return nil, err
			}
			out = merge(out, p)
		}
	}
	for _, word := range []string{"anyOf", "oneOf"} {
		if out, err = l.alternatives(out, n, word, at, followed); err != nil {
			return nil, err
		}
	}
	return describe(out, n), nil
}

// alternatives is out, of which one of n's alternatives must hold, too.
func (l *lowering) alternatives(out, n *node, word string, at, followed []string) (*node, error) {
	alts := n.get(word)
	if !alts.isArray() || out == nil {
		return out, nil
	}
	list := array()
	for i, alt := range alts.kids {
		place := append(at[:len(at):len(at)], word, strconv.Itoa(i))
		var a *node
		var err error
		if ref := refOf(alt); isAny(out) && ref != "" && !restricts(alt) && l.recursive(ref) && !slices.Contains(followed, ref) {
			a, err = l.named(ref, alt, place)
		} else {
			a, err = l.body(alt, place, followed)
		}
		if err != nil {
			return nil, err
		}
		if a != nil {
			list.kids = append(list.kids, a)
		}
	}
	return merge(out, oneOrMore(list)), nil
}

// oneOrMore is the union of schemas; of none, nil.
func oneOrMore(list *node) *node {
	switch len(list.kids) {
	case 0:
		return nil
	case 1:
		return list.kids[0]
	}
	return object().set("anyOf", list)
}

// ownRules lowers what n says by itself, without references and combinations.
func (l *lowering) ownRules(n *node, at []string) (*node, error) {
	if values := n.get("enum"); values.isArray() || n.has("const") {
		if n.has("const") {
			values = array(n.get("const"))
		}
		return enum(values, types(n), ruledOut(n)), nil
	}
	list := types(n)
	if len(list) == 0 {
		if list = implied(n); len(list) == 0 {
			return anyType(), nil
		}
	}
	union := array()
	simple := array() // types of which nothing more is said
	for _, t := range list {
		one, err := l.typed(n, t, at)
		if err != nil {
			return nil, err
		}
		switch {
		case one == nil:
		case len(one.keys) == 1:
			simple.kids = append(simple.kids, one.kids[0])
		default:
			union.kids = append(union.kids, one)
		}
	}
	switch len(simple.kids) {
	case 0:
	case 1:
		union.kids = append(union.kids, object().set("type", simple.kids[0]))
	default:
		union.kids = append(union.kids, object().set("type", simple))
	}
	return oneOrMore(union), nil
}
