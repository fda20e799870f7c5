package schema

import (
	"encoding/json"
	"fmt"
	"strings"
)

// JSONIn is the JSON of an answer, without the code fence that it may be in; it
// reports whether there is any. What is not JSON comes back as it is.
func JSONIn(text string) (string, bool) {
	text = strings.TrimSpace(text)
	if whole, ok := valid(text); ok {
		return whole, true
	}
	if inner, ok := fenced(text); ok {
		return inner, true
	}
	return text, false
}

// fenced returns what the only code fence of a text holds, if it is JSON.
func fenced(text string) (string, bool) {
	_, after, ok := strings.Cut(text, "```")
	if !ok {
		return "", false
	}
	inner := after
	if i := strings.LastIndex(after, "```"); i >= 0 { // the last one: a text in the JSON may hold one itself
		inner = after[:i]
	}
	inner = strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(inner, "json"), "JSON"))
	return valid(inner)
}

// valid returns a text that is JSON, but for line ends and the like that stand in
// its texts as they are, with these escaped.
func valid(text string) (string, bool) {
	if json.Valid([]byte(text)) {
		return text, true
	}
	escaped := EscapeControls(text)
	if json.Valid([]byte(escaped)) {
		return escaped, true
	}
	return text, false
}

// EscapeControls writes control characters, such as line ends and tabs, within the
// texts of JSON as JSON wants them. Small models write them as they are.
func EscapeControls(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 }) {
		return s
	}
	var b strings.Builder
	inside, escaped := false, false
	for i := range len(s) {
		c := s[i]
		switch {
		case inside && c < 0x20 && !escaped:
			b.WriteString(escape(c))
			continue
		case inside && escaped:
			escaped = false
		case inside && c == '\\':
			escaped = true
		case c == '"':
			inside = !inside
		}
		b.WriteByte(c)
	}
	return b.String()
}

func escape(control byte) string {
	switch control {
	case '\n':
		return `\n`
	case '\r':
		return `\r`
	case '\t':
		return `\t`
	}
	return fmt.Sprintf(`\u%04x`, control)
}

// Whole reports whether JSON shows by itself that it is whole, as a number
// that was cut does not.
func Whole(answer string) bool {
	return answer != "" && strings.ContainsRune(`}]"el`, rune(answer[len(answer)-1]))
}
