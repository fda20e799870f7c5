package cli

import (
	"io"
	"strings"
	"unicode/utf8"
)

// A model's output is a stranger's: on a terminal its escape sequences could
// retitle the window, write the clipboard or hide text. sanitizer drops them,
// also where one is cut between two chunks.
type sanitizer struct {
	w     io.Writer
	state sanState
	buf   []byte
}

type sanState int

const (
	sanText   sanState = iota
	sanEscape          // after ESC
	sanCSI             // after ESC [ , until a final byte
	sanString          // in an OSC, DCS, PM, APC or SOS string, until BEL or ST
	sanStringEscape
)

// WriteString writes s without terminal control sequences. Newline and tab are
// the only control characters that pass.
func (z *sanitizer) WriteString(s string) (int, error) {
	z.buf = z.buf[:0]
	for _, r := range s {
		z.rune(r)
	}
	if _, err := z.w.Write(z.buf); err != nil {
		return 0, err
	}
	return len(s), nil
}

func (z *sanitizer) rune(r rune) {
	switch z.state {
	case sanText:
		z.text(r)
	case sanEscape:
		z.escape(r)
	case sanCSI:
		if r >= 0x40 && r <= 0x7e {
			z.state = sanText
		}
	case sanString:
		switch r {
		case 0x07, 0x9c:
			z.state = sanText
		case 0x1b:
			z.state = sanStringEscape
		}
	case sanStringEscape:
		z.state = sanText
		if r != '\\' {
			z.escape(r)
		}
	}
}

func (z *sanitizer) text(r rune) {
	switch {
	case r == '\n' || r == '\t':
		z.buf = append(z.buf, byte(r))
	case r == 0x1b:
		z.state = sanEscape
	case r == 0x9b:
		z.state = sanCSI
	case r == 0x90, r == 0x98, r == 0x9d, r == 0x9e, r == 0x9f:
		z.state = sanString
	case r < 0x20, r >= 0x7f && r < 0xa0:
	default:
		z.buf = utf8.AppendRune(z.buf, r)
	}
}

func (z *sanitizer) escape(r rune) {
	switch {
	case r == '[':
		z.state = sanCSI
	case strings.ContainsRune("]PX^_", r):
		z.state = sanString
	case r >= 0x20 && r <= 0x2f: // intermediate: one more byte follows
		z.state = sanEscape
	default:
		z.state = sanText
	}
}

// stripControls returns s without terminal control sequences.
func stripControls(s string) string {
	var b strings.Builder
	z := sanitizer{w: &b}
	_, _ = z.WriteString(s) // a strings.Builder does not fail
	return b.String()
}

// oneLine folds a text, which a server or a model may have written, to one line
// without control characters.
func oneLine(s string) string { return strings.Join(strings.Fields(stripControls(s)), " ") }

// firstRunes is at most n letters of a text.
func firstRunes(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
