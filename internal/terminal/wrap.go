package terminal

import (
	"strings"
	"unicode"

	"github.com/tandem-llm/tandem/internal/chatui"
)

// wrapIndent is how far the lines of a message go in after its first: below its
// text, where it begins with a mark such as "· ".
const wrapIndent = 2

// wrap breaks the lines of a message that are wider than the terminal between
// words. Lines that fit, and everything where width is 0, stay as they are. A word
// that is wider, such as an address, stays whole: it can be copied then.
func (t *Terminal) wrap(text string, width int) string {
	if width == 0 {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if t.shownWidth(line) > width {
			lines[i] = t.wrapLine(line, width)
		}
	}
	return strings.Join(lines, "\n")
}

func (t *Terminal) wrapLine(line string, width int) string {
	plain := t.unpainted(line)
	lead := len(plain) - len(strings.TrimLeft(plain, " "))
	hang := lead + wrapIndent
	if hang > width/2 {
		hang = 0
	}
	var out strings.Builder
	used, first := 0, true
	for _, word := range phrases(line) {
		w := t.shownWidth(word)
		switch {
		case first:
			out.WriteString(strings.Repeat(" ", lead))
			used = lead
			first = false
		case used+1+w > width && used > hang:
			out.WriteString("\n" + strings.Repeat(" ", hang))
			used = hang
		default:
			out.WriteByte(' ')
			used++
		}
		out.WriteString(word)
		used += w
	}
	return out.String()
}

// phrases are the words of a line, with those that belong together in one: a mark
// with what it is before, and a number with its unit.
func phrases(line string) []string {
	var all []string
	joins := false
	for _, word := range strings.Fields(line) {
		if n := len(all); n > 0 && (joins || isUnit(all[n-1], word)) {
			all[n-1] += " " + word
		} else {
			all = append(all, word)
		}
		joins = isMark(word)
	}
	return all
}

func isMark(word string) bool {
	switch strings.TrimLeftFunc(word, func(r rune) bool { return r < 0x80 }) { // behind a colour
	case "·", "→", "…":
		return true
	}
	return word == ">" || word == "!" || word == "-"
}

func isUnit(before, word string) bool {
	if !unicode.IsDigit(rune(before[len(before)-1])) {
		return false
	}
	switch strings.TrimRight(word, ",;.)") {
	case "s", "ms", "min", "h", "B", "KiB", "MiB", "GiB", "%":
		return true
	}
	return false
}

// shownWidth is how many columns a text takes, which may be painted.
func (t *Terminal) shownWidth(s string) int { return chatui.Width(t.unpainted(s)) }

// unpainted is a text without our own colours.
func (t *Terminal) unpainted(s string) string {
	if t.mark == "" { // nothing is painted
		return s
	}
	before, rest, found := strings.Cut(s, t.mark)
	for found {
		if _, after, ok := strings.Cut(rest, "m"); ok {
			rest = after
		}
		var part string
		part, rest, found = strings.Cut(rest, t.mark)
		before += part
	}
	return before
}
