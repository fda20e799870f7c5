package chatui

import (
	"strings"
	"unicode"

	"github.com/rivo/uniseg"
)

// line is a text under way, of one line or many, and a cursor in it. What the
// cursor steps over is what a reader takes for one letter.
type line struct {
	text   string
	at     int    // the cursor, in bytes
	killed string // what Ctrl-Y brings back
}

func (l *line) set(text string) { l.text, l.at = text, len(text) }

func (l *line) insert(text string) {
	l.text = l.text[:l.at] + text + l.text[l.at:]
	l.at += len(text)
}

// lineStart and lineEnd are where the cursor's own line begins and ends.
func (l *line) lineStart() int { return strings.LastIndexByte(l.text[:l.at], '\n') + 1 }

func (l *line) lineEnd() int {
	if n := strings.IndexByte(l.text[l.at:], '\n'); n >= 0 {
		return l.at + n
	}
	return len(l.text)
}

// before is where the letter before the cursor begins.
func (l *line) before() int {
	from := l.lineStart()
	if from == l.at {
		return max(0, l.at-1) // the line's end before it, if there is one
	}
	at := from
	for rest := l.text[from:l.at]; rest != ""; {
		var cluster string
		cluster, rest, _, _ = uniseg.FirstGraphemeClusterInString(rest, -1)
		if rest != "" {
			at += len(cluster)
		}
	}
	return at
}

// after is where the letter at the cursor ends.
func (l *line) after() int {
	if l.at == len(l.text) {
		return l.at
	}
	cluster, _, _, _ := uniseg.FirstGraphemeClusterInString(l.text[l.at:], -1)
	return l.at + len(cluster)
}

// wordBefore is where the word before the cursor begins, and wordAfter where the
// one after it ends.
func (l *line) wordBefore() int {
	s := strings.TrimRightFunc(l.text[:l.at], notWord)
	return len(strings.TrimRightFunc(s, isWord))
}

func (l *line) wordAfter() int {
	s := strings.TrimLeftFunc(l.text[l.at:], notWord)
	return len(l.text) - len(strings.TrimLeftFunc(s, isWord))
}

func isWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || r == '_'
}
func notWord(r rune) bool { return !isWord(r) }

// cut takes out what is between the cursor and to. It can be brought back if
// keep is set.
func (l *line) cut(to int, keep bool) {
	from := min(l.at, to)
	to = max(l.at, to)
	if keep && from < to {
		l.killed = l.text[from:to]
	}
	l.text, l.at = l.text[:from]+l.text[to:], from
}

// vertical moves the cursor up or down a line, if there is one.
func (l *line) vertical(by int) bool {
	begin, end := l.lineStart(), l.lineEnd()
	column := uniseg.GraphemeClusterCount(l.text[begin:l.at])
	switch {
	case by < 0 && begin == 0, by > 0 && end == len(l.text):
		return false
	case by < 0:
		l.at = begin - 1
		l.at = l.lineStart()
	default:
		l.at = end + 1
	}
	for ; column > 0 && l.at < l.lineEnd(); column-- {
		l.at = l.after()
	}
	return true
}

// edit does what a key that only changes or moves within the text does, and
// reports whether it is such a key.
func (l *line) edit(name string) bool {
	switch name {
	case "left", "ctrl-b":
		l.at = l.before()
	case "right", "ctrl-f":
		l.at = l.after()
	case "home", "ctrl-a":
		l.at = l.lineStart()
	case "end", "ctrl-e":
		l.at = l.lineEnd()
	case "alt-b":
		l.at = l.wordBefore()
	case "alt-f":
		l.at = l.wordAfter()
	case "backspace":
		l.cut(l.before(), false)
	case "delete", "ctrl-d":
		l.cut(l.after(), false)
	case "alt-d":
		l.cut(l.wordAfter(), true)
	case "ctrl-w":
		l.cut(l.wordBefore(), true)
	case "ctrl-u":
		l.cut(l.lineStart(), true)
	case "ctrl-k":
		l.cut(l.lineEnd(), true)
	case "ctrl-y":
		l.insert(l.killed)
	case "newline", "ctrl-j":
		l.insert("\n")
	default:
		return false
	}
	return true
}
