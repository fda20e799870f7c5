package template

import (
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/internal/textx"
)

// parseFString compiles an f-string template. The first mistake in it is the error, a
// *[Error]: a brace without its partner, {} without a name, attribute
// or index access ({a.b}, {a[0]}), a format or conversion ({a:>8}, {a!r}), a
// name that is no identifier, or text that is not UTF-8.
func parseFString(text string) (*Template, error) {
	t := &Template{text: text}
	var literal strings.Builder
	for rest := 0; rest < len(text); {
		i := strings.IndexAny(text[rest:], "{}")
		if i < 0 {
			literal.WriteString(text[rest:])
			break
		}
		literal.WriteString(text[rest : rest+i])
		brace := rest + i
		rest = brace + 1
		switch {
		case rest < len(text) && text[rest] == text[brace]: // {{ or }}
			literal.WriteByte(text[brace])
			rest++
		case text[brace] == '}':
			return nil, errorAt(text, brace, "this } closes nothing", "write }} for a brace in the text")
		default:
			name, err := fieldAt(text, brace)
			if err != nil {
				return nil, err
			}
			t.parts = append(t.parts, part{literal.String(), t.index(name, brace)})
			literal.Reset()
			rest += len(name) + 1
		}
	}
	t.tail = literal.String()
	return t, nil
}

// index returns name's index in t.vars, where it puts it on first use.
func (t *Template) index(name string, offset int) int {
	if i := slices.IndexFunc(t.vars, func(v Var) bool { return v.Name == name }); i >= 0 {
		return i
	}
	at := textx.PositionOf(t.text, offset)
	t.vars = append(t.vars, Var{Name: name, Line: at.Line, Column: at.Column})
	return len(t.vars) - 1
}

// fieldAt returns the variable's name in the field that opens at offset brace.
func fieldAt(text string, brace int) (string, error) {
	end := strings.IndexAny(text[brace+1:], "{}")
	if end < 0 || text[brace+1+end] == '{' {
		return "", errorAt(text, brace, "this { is never closed", "write {{ for a brace in the text")
	}
	field := text[brace+1 : brace+1+end]
	if textx.IsName(field) {
		return field, nil
	}
	message, remedy := judge(field)
	return "", errorAt(text, brace, message, remedy)
}

// judge says what is wrong with a field that is not a name.
func judge(field string) (message, remedy string) {
	shown := "{" + textx.Shorten(field) + "}"
	name := field[:textx.NameLen(field)]
	trimmed := strings.TrimSpace(field)
	switch {
	case trimmed == "":
		return shown + " has no name", "name the variable, such as {country}, or write {{}} for the braces themselves"
	case textx.IsName(trimmed):
		return shown + " has spaces around the name", "write {" + trimmed + "}"
	case name != "" && strings.ContainsRune(".[", rune(field[len(name)])):
		return shown + " reaches into a value, and values are plain text", "write {" + name + "}"
	case name != "" && strings.ContainsRune(":!", rune(field[len(name)])):
		return shown + " has a format or conversion, which is not supported", "write {" + name + "}"
	case strings.Trim(field, "0123456789") == "":
		return shown + " is a number, and variables have names", "name the variable, such as {country}"
	}
	return shown + " is not a variable's name", "write {{ and }} for braces in the text; a name has letters, digits and _"
}

func errorAt(text string, offset int, message, remedy string) error {
	at := textx.PositionOf(text, offset)
	return &Error{Line: at.Line, Column: at.Column, Message: message, Remedy: remedy}
}
