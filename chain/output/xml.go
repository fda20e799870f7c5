package output

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// maxXMLDepth bounds how deep elements are nested.
const maxXMLDepth = 256

// XML takes one XML element, alone or in a code fence, and gives what
// LangChain makes of it: {"name": "text"}, or {"name": [child, …]} for an
// element with others in it; an empty child is nil. Attributes, and texts
// between elements, do not count. Tags are the names that the instructions
// tell the model. A DOCTYPE is an error, and so no entity is ever expanded.
func XML(tags ...string) Parser {
	list := "None"
	if len(tags) > 0 {
		list = "['" + strings.Join(tags, "', '") + "']"
	}
	fence, encoding := regexp.MustCompile("(?s)```(?:xml)?(.*)```"), regexp.MustCompile(`(?s)<[^>]*encoding[^>]*>\n(.*)`)
	return Parser{
		name: "xml", typ: TypeMap,
		instructions: `The output should be formatted as a XML file.
1. Output should conform to the tags below.
2. If tags are not given, make them on your own.
3. Remember to always open and close all the tags.

As an example, for the tags ["foo", "bar", "baz"]:
1. String "<foo>
   <bar>
      <baz></baz>
   </bar>
</foo>" is a well-formatted instance of the schema.
2. String "<foo>
   <bar>
   </foo>" is a badly-formatted instance.
3. String "<foo>
   <tag>
   </tag>
</foo>" is a badly-formatted instance.

Here are the output tags:
` + "```\n" + list + "\n```",
		parse: func(text string) (any, error) {
			// As in LangChain, a code fence is taken off, and a line that declares the encoding.
			body := inner(encoding, inner(fence, text))
			root, err := element(strip(body))
			if err != nil {
				return nil, &Error{Parser: "xml", Expected: "one XML element", Found: found(text), Err: err}
			}
			return root.value(), nil
		},
	}
}

// node is an element as Python's ElementTree has it.
type node struct {
	tag  string
	text *string // before the first child; nil: there is none
	kids []*node
}

// value is LangChain's shape of a root, or of a child with children.
func (n *node) value() map[string]any {
	if n.text != nil && strip(*n.text) != "" {
		return map[string]any{n.tag: *n.text}
	}
	list := make([]any, 0, len(n.kids))
	for _, k := range n.kids {
		switch {
		case len(k.kids) > 0:
			list = append(list, k.value())
		case k.text != nil:
			list = append(list, map[string]any{k.tag: *k.text})
		default:
			list = append(list, map[string]any{k.tag: nil})
		}
	}
	return map[string]any{n.tag: list}
}

// inner is what the first group of a pattern matches in a text, or all of it.
func inner(re *regexp.Regexp, text string) string {
	if m := re.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return text
}

func element(text string) (*node, error) {
	d := xml.NewDecoder(strings.NewReader(text))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // it is UTF-8 whatever it says
	var root *node
	var open []*node
	var spaces []string
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			if root == nil {
				return nil, errors.New("there is no element")
			}
			return root, nil
		}
		if err != nil {
			return nil, err
		}
		switch t := tok.(type) {
		case xml.Directive:
			return nil, errors.New("a DOCTYPE or another declaration is not supported")
		case xml.StartElement:
			n, err := start(t, &spaces)
			switch {
			case err != nil:
				return nil, err
			case len(open) == maxXMLDepth:
				return nil, fmt.Errorf("elements are nested more than %d deep", maxXMLDepth)
			case len(open) > 0:
				parent := open[len(open)-1]
				parent.kids = append(parent.kids, n)
			case root != nil:
				return nil, errors.New("there is more after the element")
			default:
				root = n
			}
			open = append(open, n)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			switch {
			case len(open) == 0 && strip(string(t)) != "":
				return nil, errors.New("there is text around the element")
			case len(open) > 0:
				open[len(open)-1].write(string(t))
			}
		}
	}
}

// write adds text, unless it follows a child.
func (n *node) write(text string) {
	if len(n.kids) > 0 {
		return
	}
	if n.text != nil {
		text = *n.text + text
	}
	n.text = &text
}

// start is an element by its name; one in a namespace is called {space}name.
func start(t xml.StartElement, spaces *[]string) (*node, error) {
	seen := map[xml.Name]bool{}
	for _, a := range t.Attr {
		if seen[a.Name] {
			return nil, fmt.Errorf("the attribute %q appears twice", a.Name.Local)
		}
		seen[a.Name] = true
		if a.Name.Space == "xmlns" || a.Name.Local == "xmlns" {
			*spaces = append(*spaces, a.Value)
		}
	}
	if t.Name.Space == "" {
		return &node{tag: t.Name.Local}, nil
	}
	for _, s := range *spaces {
		if s == t.Name.Space {
			return &node{tag: "{" + s + "}" + t.Name.Local}, nil
		}
	}
	return nil, fmt.Errorf("the prefix %q is not declared", t.Name.Space)
}
