package chain

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ParseTemplate compiles a template. The first mistake in it is the error, a
// *[TemplateError]: a brace without its partner, {} without a name, attribute
// or index access ({a.b}, {a[0]}), a format or conversion ({a:>8}, {a!r}), a
// name that is no identifier, or text that is not UTF-8.
func ParseTemplate(text string) (*Template, error) {
	t := &Template{text: text}
	if i := invalidUTF8(text); i >= 0 {
		return nil, errorAt(text, i, "the text is not valid UTF-8", "save it as UTF-8")
	}
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

// index returns name's index in t.names, where it puts it on first use.
func (t *Template) index(name string, offset int) int {
	if i := slices.Index(t.names, name); i >= 0 {
		return i
	}
	t.names = append(t.names, name)
	t.at = append(t.at, positionOf(t.text, offset))
	return len(t.names) - 1
}

// fieldAt returns the variable's name in the field that opens at offset brace.
func fieldAt(text string, brace int) (string, error) {
	end := strings.IndexAny(text[brace+1:], "{}")
	if end < 0 || text[brace+1+end] == '{' {
		return "", errorAt(text, brace, "this { is never closed", "write {{ for a brace in the text")
	}
	field := text[brace+1 : brace+1+end]
	if isName(field) {
		return field, nil
	}
	message, remedy := judge(field)
	return "", errorAt(text, brace, message, remedy)
}

// judge says what is wrong with a field that is not a name.
func judge(field string) (message, remedy string) {
	shown := "{" + shorten(field) + "}"
	name := field[:nameLen(field)]
	trimmed := strings.TrimSpace(field)
	switch {
	case trimmed == "":
		return shown + " has no name", "name the variable, such as {country}, or write {{}} for the braces themselves"
	case isName(trimmed):
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

// isName reports whether s is an identifier: a letter or _, then letters,
// marks, digits and _.
func isName(s string) bool { return s != "" && nameLen(s) == len(s) }

// nameLen returns the length of the identifier that s begins with.
func nameLen(s string) int {
	for i, r := range s {
		if r == '_' || unicode.IsLetter(r) || i > 0 && (unicode.IsDigit(r) || unicode.IsMark(r)) {
			continue
		}
		return i
	}
	return len(s)
}

// shorten keeps the beginning of s, on one line, for an error's text.
func shorten(s string) string {
	const most = 40
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}

// invalidUTF8 returns the offset of the first byte that is not UTF-8, or -1.
func invalidUTF8(s string) int {
	for i, r := range s {
		if r != utf8.RuneError {
			continue
		}
		if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
			return i
		}
	}
	return -1
}

func errorAt(text string, offset int, message, remedy string) error {
	at := positionOf(text, offset)
	return &TemplateError{Line: at.line, Column: at.column, Message: message, Remedy: remedy}
}

// positionOf turns a byte offset into a line and column.
func positionOf(text string, offset int) position {
	before := text[:offset]
	line := strings.LastIndexByte(before, '\n') + 1
	return position{
		line:   strings.Count(before, "\n") + 1,
		column: utf8.RuneCountInString(before[line:]) + 1,
	}
}
