package schema

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/tandem-llm/tandem/internal/schema/internal/jsonschema"
	"github.com/tandem-llm/tandem/internal/schema/internal/jsonschema/kind"
)

// inOrder sorts what an error says by where it stands in doc: the library walks
// over an object's members in an order that differs each time. Alternatives stay
// in the schema's order.
func inOrder(v *jsonschema.ValidationError, doc *node) {
	for _, c := range v.Causes {
		inOrder(c, doc)
	}
	switch k := v.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf:
		return
	case *kind.AdditionalProperties:
		at := doc.find(v.InstanceLocation)
		slices.SortStableFunc(k.Properties, func(a, b string) int { return cmp.Compare(at.index(a), at.index(b)) })
	}
	if len(v.Causes) < 2 {
		return
	}
	type ranked struct {
		*jsonschema.ValidationError
		place  []int
		member int
	}
	causes := make([]ranked, len(v.Causes))
	for i, c := range v.Causes {
		causes[i] = ranked{c, doc.position(c.InstanceLocation), doc.find(c.InstanceLocation).index(member(c))}
	}
	slices.SortStableFunc(causes, func(a, b ranked) int {
		return cmp.Or(
			slices.Compare(a.place, b.place), cmp.Compare(a.member, b.member),
			strings.Compare(a.SchemaURL, b.SchemaURL), strings.Compare(member(a.ValidationError), member(b.ValidationError)),
		)
	})
	for i, c := range causes {
		v.Causes[i] = c.ValidationError
	}
}

// member is the name of the member that an error at its object is about, or "".
func member(v *jsonschema.ValidationError) string {
	switch k := v.ErrorKind.(type) {
	case *kind.PropertyNames:
		return k.Property
	case *kind.DependentRequired:
		return k.Prop
	case *kind.Dependency:
		return k.Prop
	}
	return ""
}

// find returns what is at a place, or nil.
func (n *node) find(place []string) *node {
	for _, step := range place {
		if n == nil {
			return nil
		}
		n = n.step(step)
	}
	return n
}

// index is which of an object's members has that name, or which element an array
// has there; -1: none.
func (n *node) index(name string) int {
	switch {
	case n.isObject():
		return slices.Index(n.keys, name)
	case n.isArray():
		if i, err := strconv.Atoi(name); err == nil {
			return i
		}
	}
	return -1
}

// position orders places as they stand in the text.
func (n *node) position(place []string) []int {
	out := make([]int, len(place))
	for i, step := range place {
		out[i] = n.index(step)
		if n != nil {
			n = n.step(step)
		}
	}
	return out
}
