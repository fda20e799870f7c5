package chain

import (
	"fmt"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

// report turns what is wrong with the steps into errors with places. Of a step
// that could not be read, only its templates are judged: the rest follows from
// what has been reported.
func (f *fileReader) report(mistakes []*mistake) {
	for _, m := range mistakes {
		if !m.src.broken || m.at != (textx.Position{}) {
			f.errs = append(f.errs, f.errorAt(m))
		}
	}
}

// place tells where each input of c is first used.
func (f *fileReader) place(c *Chain) {
	for i := range c.inputs {
		in := &c.inputs[i]
		if in.where != "" {
			in.where = f.errorAt(&mistake{place: in.first}).Position()
		}
	}
}

func (f *fileReader) errorAt(m *mistake) *yamlx.Error {
	n, value := f.node(m.place)
	e := &yamlx.Error{File: f.file, Line: n.Line, Column: n.Column, Message: m.message, Remedy: m.remedy}
	if m.at == (textx.Position{}) {
		return e
	}
	if at, ok := locate(f.text, n, value, m.at); ok {
		e.Line, e.Column = at.Line, at.Column
	} else {
		e.Message = fmt.Sprintf("%s (line %d, column %d of the text)", e.Message, m.at.Line, m.at.Column)
	}
	return e
}

// node returns what stands at p, and its text.
func (f *fileReader) node(p place) (n *yaml.Node, value string) {
	s := p.src
	n = s.keys.Node(p.field)
	switch {
	case p.field == "messages" && p.message >= 0 && p.message < len(s.messages):
		if m := s.messages[p.message]; m.Has("content") {
			n = m.Node("content")
		} else {
			n = m.Node("role")
		}
	case p.field == "with" && s.with.Has(p.entry):
		n = s.with.Node(p.entry)
	case !s.keys.Has(p.field):
		for _, in := range s.within {
			if in.keys.May(p.field) {
				n = in.keys.Node(p.field)
			}
		}
	}
	n = yamlx.Follow(n)
	return n, n.Value
}

// locate finds the place in a file's text where the character at a position of
// a scalar's value stands. It walks both together; white space matches white
// space, since YAML folds lines and takes indentation off. It gives up where
// the value is not written as it is, as with escapes in quotes.
func locate(text string, n *yaml.Node, value string, at textx.Position) (textx.Position, bool) {
	raw := []rune(text)
	i := offsetOf(raw, textx.Position{Line: n.Line, Column: n.Column})
	switch {
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		i = offsetOf(raw, textx.Position{Line: n.Line + 1, Column: 1})
	case n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		i++
	}
	v := []rune(value)
	end := offsetOf(v, at)
	i = skipSpace(raw, i)
	for j := skipSpace(v, 0); i < len(raw) && j < len(v); {
		switch {
		case unicode.IsSpace(raw[i]) && unicode.IsSpace(v[j]):
			i, j = skipSpace(raw, i), skipSpace(v, j)
		case raw[i] != v[j]:
			return textx.Position{}, false
		case j == end:
			return textx.PositionOf(text, len(string(raw[:i]))), true
		default:
			i, j = i+1, j+1
		}
	}
	return textx.Position{}, false
}

func skipSpace(s []rune, i int) int {
	for i < len(s) && unicode.IsSpace(s[i]) {
		i++
	}
	return i
}

// offsetOf turns a line and column into an index.
func offsetOf(s []rune, at textx.Position) int {
	i := 0
	for line := 1; line < at.Line && i < len(s); i++ {
		if s[i] == '\n' {
			line++
		}
	}
	return min(i+at.Column-1, len(s))
}
