package terminal

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/tandem-llm/tandem/internal/chatui"
)

// Sanitizer takes a stranger's control sequences out of a text whole, also where
// one is cut between two writes, and what else a terminal must not be shown (see
// chatui.Filter). A sequence that does not end takes no more than its line.
type Sanitizer struct {
	w      io.Writer
	filter chatui.Filter
	state  sanState
	part   []byte // the beginning of a character
	buf    []byte
}

// NewSanitizer returns a Sanitizer that writes to w.
func NewSanitizer(w io.Writer) *Sanitizer { return &Sanitizer{w: w} }

type sanState int

const (
	sanText   sanState = iota
	sanEscape          // after ESC
	sanCSI             // after ESC [ , until a final byte
	sanString          // in an OSC, DCS, PM, APC or SOS string, until BEL or ST
	sanStringEscape
)

// WriteString writes what of s may be shown. Newline and tab are the only
// control characters that pass.
func (z *Sanitizer) WriteString(s string) (int, error) { return z.Write([]byte(s)) }

// Write is WriteString for bytes.
func (z *Sanitizer) Write(p []byte) (int, error) {
	n := len(p)
	z.buf = z.buf[:0]
	if len(z.part) > 0 {
		p = append(z.part, p...)
		z.part = nil
	}
	for len(p) > 0 {
		if !utf8.FullRune(p) {
			z.part = bytes.Clone(p)
			break
		}
		r, size := utf8.DecodeRune(p)
		z.rune(r)
		p = p[size:]
	}
	if _, err := z.w.Write(z.buf); err != nil {
		return 0, err
	}
	return n, nil
}

func (z *Sanitizer) rune(r rune) {
	if r == '\n' { // of a sequence that does not end, the rest is text
		z.state = sanText
	}
	switch z.state {
	case sanText:
		z.text(r)
	case sanEscape:
		z.escape(r)
	case sanCSI:
		switch {
		case r >= 0x40 && r <= 0x7e:
			z.state = sanText
		case r < 0x20 || r > 0x3f: // it is none
			z.state = sanText
			z.text(r)
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

func (z *Sanitizer) text(r rune) {
	switch r {
	case 0x1b:
		z.state = sanEscape
	case 0x9b:
		z.state = sanCSI
	case 0x90, 0x98, 0x9d, 0x9e, 0x9f:
		z.state = sanString
	default:
		z.buf = z.filter.AppendRune(z.buf, r)
	}
}

func (z *Sanitizer) escape(r rune) {
	switch {
	case r == '[':
		z.state = sanCSI
	case strings.ContainsRune("]PX^_", r):
		z.state = sanString
	case r >= 0x20 && r <= 0x2f: // intermediate: one more byte follows
		z.state = sanEscape
	case r >= 0x30 && r <= 0x7e:
		z.state = sanText
	default: // it is none
		z.state = sanText
		z.text(r)
	}
}

// StripControls returns s without terminal control sequences.
func StripControls(s string) string {
	var b strings.Builder
	z := Sanitizer{w: &b}
	_, _ = z.WriteString(s) // a strings.Builder does not fail
	return b.String()
}

// OneLine folds a text, which a server or a model may have written, to one line
// without control characters.
func OneLine(s string) string { return strings.Join(strings.Fields(StripControls(s)), " ") }
