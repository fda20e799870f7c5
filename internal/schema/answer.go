package schema

import (
	"encoding/json"
	"strings"
)

// Answer takes apart what a model wrote where JSON was asked for: the thinking
// that has leaked into its text, between <think> tags, and the JSON, without
// the code fence that it may be in. What is no JSON comes back as it is.
func Answer(text string) (thinking, answer string) {
	thinking, text = unthink(text)
	text = strings.TrimSpace(text)
	if json.Valid([]byte(text)) {
		return thinking, text
	}
	if inner, ok := fenced(text); ok {
		return thinking, inner
	}
	return thinking, text
}

// unthink splits off what stands between thinking tags at the start.
func unthink(text string) (thinking, rest string) {
	trimmed := strings.TrimLeft(text, " \t\r\n")
	for _, tag := range []string{"think", "thinking"} {
		if after, ok := strings.CutPrefix(trimmed, "<"+tag+">"); ok {
			thinking, rest, ok = strings.Cut(after, "</"+tag+">")
			if !ok {
				return strings.TrimSpace(after), "" // it thought to its end
			}
			return strings.TrimSpace(thinking), rest
		}
		// Templates that open the tag themselves leave only its end.
		if before, after, ok := strings.Cut(trimmed, "</"+tag+">"); ok && !strings.HasPrefix(trimmed, "{") && !strings.HasPrefix(trimmed, "[") {
			return strings.TrimSpace(before), after
		}
	}
	return "", text
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
	return inner, json.Valid([]byte(inner))
}

// Whole reports whether JSON shows by itself that it is whole, as a number
// that was cut does not.
func Whole(answer string) bool {
	return answer != "" && strings.ContainsRune(`}]"el`, rune(answer[len(answer)-1]))
}
