package yamlx

import (
	"fmt"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/textx"
)

// locate finds the place in a file's text where the character at a position of
// a scalar's value stands. It walks both together; white space matches white
// space, since YAML folds lines and takes indentation off. It gives up where
// the value is not written as it is, as with escapes in quotes.
func locate(text string, n *yaml.Node, at textx.Position) (textx.Position, bool) {
	raw := []rune(text)
	i := offsetOf(raw, textx.Position{Line: n.Line, Column: n.Column})
	switch {
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		i = offsetOf(raw, textx.Position{Line: n.Line + 1, Column: 1})
	case n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		i++
	}
	v := []rune(n.Value)
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

// Locate sets e's line and column to those of n in a file's text, or to those of
// a position within n's value. A position that cannot be found in the file, as
// within a text with escapes, is added to the message.
func Locate(e *diag.Error, text string, n *yaml.Node, at textx.Position) *diag.Error {
	e.Line, e.Column = n.Line, n.Column
	if at == (textx.Position{}) {
		return e
	}
	if found, ok := locate(text, n, at); ok {
		e.Line, e.Column = found.Line, found.Column
	} else {
		e.Message = fmt.Sprintf("%s (line %d, column %d of the text)", e.Message, at.Line, at.Column)
	}
	return e
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
