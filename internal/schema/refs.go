package schema

import (
	"net/url"
	"strings"
)

// resolve returns what a reference within the document leads to, and its place.
func (s *Schema) resolve(ref string, at []string) (*node, []string, error) {
	fragment, ok := strings.CutPrefix(ref, "#")
	if !ok {
		return nil, nil, schemaError(at, "the reference %q by $id cannot be expanded for an engine; use #/$defs/NAME", ref)
	}
	if f, err := url.PathUnescape(fragment); err == nil {
		fragment = f
	}
	if fragment != "" && !strings.HasPrefix(fragment, "/") {
		if n, place := anchor(s.root, fragment, nil); n != nil {
			return n, place, nil
		}
		return nil, nil, schemaError(at, "%q does not resolve", ref)
	}
	n, place := s.root, []string(nil)
	for _, step := range strings.Split(fragment, "/")[1:] {
		step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
		if n = n.step(step); n == nil {
			return nil, nil, schemaError(at, "%q does not resolve", ref)
		}
		place = append(place, step)
	}
	return n, place, nil
}

// anchor finds the schema of that name.
func anchor(n *node, name string, at []string) (*node, []string) {
	if n.str("$anchor") == name || n.str("$dynamicAnchor") == name {
		return n, at
	}
	for i, kid := range n.kids {
		if n.kind == '{' {
			if found, place := anchor(kid, name, append(at[:len(at):len(at)], n.keys[i])); found != nil {
				return found, place
			}
		}
	}
	return nil, nil
}

// refOf is the reference that a schema consists in, or "".
func refOf(n *node) string {
	if r := n.str("$ref"); r != "" {
		return r
	}
	return n.str("$dynamicRef")
}

// recursive reports whether what a reference leads to refers to itself again.
func (s *Schema) recursive(ref string) bool {
	seen := map[string]bool{}
	var visit func(n *node) bool
	visit = func(n *node) bool {
		if n == nil {
			return false
		}
		if r := refOf(n); r != "" {
			if r == ref {
				return true
			}
			if !seen[r] {
				seen[r] = true
				if target, _, err := s.resolve(r, nil); err == nil && visit(target) {
					return true
				}
			}
		}
		for i, kid := range n.kids {
			if n.kind == '{' && (n.keys[i] == "$defs" || n.keys[i] == "definitions" || keepsData(n.keys[i])) {
				continue
			}
			if visit(kid) {
				return true
			}
		}
		return false
	}
	target, _, err := s.resolve(ref, nil)
	return err == nil && visit(target)
}
