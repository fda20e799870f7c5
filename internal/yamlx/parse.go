package yamlx

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/internal/diag"
)

// maxNodes and maxDepth bound what one file may hold once its aliases are
// followed.
const (
	maxNodes = 100_000
	maxDepth = 100
)

// Parse returns the root of the one YAML document in data, or nil when there
// is nothing but comments. The tree has been checked: mapping keys are plain
// and unique, tags are those of JSON, and aliases end. Errors are [*diag.Error];
// see [diag.Join] for more than one.
func Parse(file string, data []byte) (*yaml.Node, error) {
	doc, err := Document(file, data)
	if err != nil || doc == nil {
		return nil, err
	}
	root := doc.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return nil, nil
	}
	return root, nil
}

// ParseText reads the text of a file, YAML or JSON: [Text], [FromJSON] and
// [Parse]. A file with nothing in it is an error; remedy says what to write.
func ParseText(file string, data []byte, remedy string) (text []byte, root *yaml.Node, err error) {
	if data, err = Text(file, data); err != nil {
		return nil, nil, err
	}
	text = FromJSON(data)
	if root, err = Parse(file, text); err != nil {
		return nil, nil, err
	}
	if root == nil {
		return nil, nil, &diag.Error{File: file, Message: "the file is empty", Remedy: remedy}
	}
	return text, root, nil
}

// Document is Parse for those who write the file back: it returns the document
// node, with the comments around the root.
func Document(file string, data []byte) (doc *yaml.Node, err error) {
	data, err = Text(file, data)
	if err != nil {
		return nil, err
	}
	defer func() { // the library panics on some malformed comments
		if p := recover(); p != nil {
			doc, err = nil, &diag.Error{File: file, Message: fmt.Sprintf("is not YAML: %v", p)}
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(data))
	doc = &yaml.Node{}
	switch err := dec.Decode(doc); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, syntaxError(file, data, err)
	}
	var second yaml.Node
	switch err := dec.Decode(&second); {
	case err == nil:
		return nil, &diag.Error{File: file, Line: second.Line, Column: second.Column, Message: "a second document starts here", Remedy: "a file holds one; remove the `---` before it, or split the file"}
	case !errors.Is(err, io.EOF):
		return nil, syntaxError(file, data, err)
	}
	c := checker{file: file}
	c.check(doc.Content[0], 1)
	if err := diag.Join(c.errs...); err != nil {
		return nil, err
	}
	return doc, nil
}

// Follow returns the node that n stands for: what an alias refers to, or n.
func Follow(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// checker walks a tree as a reader would, through aliases, and refuses what
// makes reading it endless or ambiguous.
type checker struct {
	file  string
	nodes int
	open  []*yaml.Node // the aliased nodes being walked
	errs  []error
}

func (c *checker) fail(n *yaml.Node, message, remedy string) {
	c.errs = append(c.errs, &diag.Error{File: c.file, Line: n.Line, Column: n.Column, Message: message, Remedy: remedy})
}

// check reports false when the walk must end.
func (c *checker) check(n *yaml.Node, depth int) bool {
	c.nodes++
	switch {
	case c.nodes > maxNodes:
		c.fail(n, fmt.Sprintf("there are more than %d values", maxNodes), "do aliases multiply them?")
		return false
	case depth > maxDepth:
		c.fail(n, fmt.Sprintf("values are nested more than %d deep", maxDepth), "")
		return false
	case n.Kind == yaml.AliasNode:
		return c.checkAlias(n, depth)
	case !slices.Contains([]string{"!!str", "!!int", "!!float", "!!bool", "!!null", "!!map", "!!seq", "!!timestamp", "!!merge"}, n.Tag):
		c.fail(n, fmt.Sprintf("the tag %s is not known here", diag.Quote(n.Tag)), "remove it")
	case n.Kind == yaml.MappingNode:
		c.checkKeys(n)
	}
	for _, child := range n.Content {
		if !c.check(child, depth+1) {
			return false
		}
	}
	return true
}

func (c *checker) checkAlias(n *yaml.Node, depth int) bool {
	if slices.Contains(c.open, n.Alias) {
		c.fail(n, fmt.Sprintf("the alias %s refers to itself", diag.Quote("*"+n.Value)), "write the value out")
		return false
	}
	c.open = append(c.open, n.Alias)
	defer func() { c.open = c.open[:len(c.open)-1] }()
	return c.check(n.Alias, depth+1)
}

func (c *checker) checkKeys(n *yaml.Node) {
	first := make(map[string]*yaml.Node, len(n.Content)/2)
	for i := 0; i < len(n.Content); i += 2 {
		key := Follow(n.Content[i])
		switch earlier := first[key.Value]; {
		case key.Kind != yaml.ScalarNode:
			c.fail(n.Content[i], "a key must be a word, not a list or mapping", "a value that starts with { or [ needs quotes")
		case key.Tag == "!!merge":
			c.fail(key, "merging with << is not supported", "write the values out")
		case earlier != nil && earlier != key:
			c.fail(key, fmt.Sprintf("the key %s appears twice", diag.Quote(key.Value)), fmt.Sprintf("it is already in line %d; remove one", earlier.Line))
		default:
			first[key.Value] = key
		}
	}
}
