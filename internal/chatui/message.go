package chatui

import "strings"

// quotes begin and end a message of many lines.
const quotes = `"""`

// Message takes a message apart from the quotes that may be around it, and
// reports whether it is whole: what begins with """ goes on until a line ends
// with """.
func Message(text string) (message string, whole bool) {
	rest, ok := strings.CutPrefix(strings.TrimLeft(text, " \t\n"), quotes)
	if !ok {
		return text, true
	}
	rest, ok = strings.CutSuffix(strings.TrimRight(rest, " \t\n"), quotes)
	if !ok {
		return text, false
	}
	return strings.TrimSuffix(strings.TrimPrefix(rest, "\n"), "\n"), true
}

// Lines puts messages together from lines of a file or a pipe, as an Editor does
// from a keyboard: a backslash at a line's end joins it with the next, and """
// stands around many. The zero value is ready.
type Lines struct {
	text string
	more bool
}

// Add takes a line, without its newline, and returns the message that it
// completes.
func (l *Lines) Add(line string) (message string, whole bool) {
	if l.more {
		line = l.text + "\n" + line
	}
	_, closed := Message(line)
	before, joined := strings.CutSuffix(line, `\`)
	if closed && joined {
		l.text, l.more = before, true
		return "", false
	}
	if !closed {
		l.text, l.more = line, true
		return "", false
	}
	l.text, l.more = "", false
	message, _ = Message(line)
	return message, true
}

// Rest is what was begun and never completed.
func (l *Lines) Rest() (text string, there bool) {
	if !l.more {
		return "", false
	}
	text = l.text
	*l = Lines{}
	return text, true
}
