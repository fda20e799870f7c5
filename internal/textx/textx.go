// Package textx has what readers and writers of texts share: places, JSON values,
// texts as errors show them, and amounts.
package textx

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Position is a place in a text, from 1, columns counted in characters. The
// zero Position is no place.
type Position struct{ Line, Column int }

// Mistake is what a parser finds wrong with a text, or with what happens there.
type Mistake struct {
	Offset  int    // in bytes
	Message string // what is wrong
	Remedy  string // what to do instead
}

// Error says what is wrong, without the place.
func (m *Mistake) Error() string { return m.Message + "; " + m.Remedy }

// PositionOf turns a byte offset into a line and column.
func PositionOf(text string, offset int) Position {
	before := text[:offset]
	line := strings.LastIndexByte(before, '\n') + 1
	return Position{
		Line:   strings.Count(before, "\n") + 1,
		Column: utf8.RuneCountInString(before[line:]) + 1,
	}
}

// TrimBOM returns a text without the byte order mark that programs on Windows
// put before it.
func TrimBOM[T string | []byte](text T) T {
	if strings.HasPrefix(string(text[:min(len(text), len(BOM))]), BOM) {
		return text[len(BOM):]
	}
	return text
}

// BOM is the byte order mark of UTF-8.
const BOM = "\ufeff"

// UnixLines returns a text whose lines end with \n, where they ended with \r\n or
// \r, as Python reads it.
func UnixLines(text string) string {
	if !strings.Contains(text, "\r") {
		return text
	}
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
}

// InvalidUTF8 returns the offset of the first byte that is not UTF-8, or -1.
func InvalidUTF8(s string) int {
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

// Shorten keeps the first 40 characters of s, on one line, for an error's text.
func Shorten(s string) string {
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

// Head is at most the first n bytes of s, in whole characters.
func Head(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// Brief is [Head], with … where it is not the whole.
func Brief(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return Head(s, n) + "…"
}

// IsSpace is Python's str.isspace, which counts four separators of old that
// Unicode's White_Space does not.
func IsSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// IsName reports whether s is an identifier: a letter or _, then letters,
// marks, digits and _.
func IsName(s string) bool { return s != "" && NameLen(s) == len(s) }

// NameLen returns the length in bytes of the identifier that s begins with.
func NameLen(s string) int {
	for i, r := range s {
		if r == '_' || unicode.IsLetter(r) || i > 0 && (unicode.IsDigit(r) || unicode.IsMark(r)) {
			continue
		}
		return i
	}
	return len(s)
}
