package chatui

import (
	"bytes"
	"io"
	"strings"
)

// Markdown prints what a model writes, as it comes: headings, lists, quotes,
// code and emphasis get a terminal's own marks in place of Markdown's. What was
// printed is never printed over, so little is held back: the beginning of a
// line until it is clear what it begins, and emphasis until it ends. Nothing but
// such marks is left out, and code comes as it is, to be copied.
//
// How the text is cut into writes makes no difference to what is printed. Its
// control characters have been taken out before. Close prints what is held
// back.
type Markdown struct {
	w   io.Writer
	out bytes.Buffer
	err error

	pending []byte // of the line, not printed yet
	inside  bool   // the line's beginning is done with
	base    style  // of the line
	prev    rune   // the last rune of the line's text that was passed
	fence   []byte // what ends the code; nil: it is not code
	have    style  // what the terminal shows now
}

// NewMarkdown returns a printer to w.
func NewMarkdown(w io.Writer) *Markdown { return &Markdown{w: w} }

// style is how text looks: a set of these.
type style byte

const (
	bold style = 1 << iota
	dim
	italic
	underline
	code
)

// Write takes a piece of the text.
func (m *Markdown) Write(p []byte) (int, error) {
	m.pending = append(m.pending, p...)
	m.drain(false)
	return len(p), m.flush()
}

// Close prints what is left. The printer is then as new.
func (m *Markdown) Close() error {
	m.drain(true)
	m.show(0)
	err := m.flush()
	*m = Markdown{w: m.w, pending: m.pending[:0]}
	return err
}

func (m *Markdown) flush() error {
	if m.err == nil && m.out.Len() > 0 {
		_, m.err = m.w.Write(m.out.Bytes())
	}
	m.out.Reset()
	return m.err
}

// drain prints what of the pending text is clear; at the end, all of it is.
func (m *Markdown) drain(end bool) {
	rest := m.pending
	for len(rest) > 0 {
		line, _, whole := bytes.Cut(rest, []byte{'\n'})
		n, known := m.part(line, whole || end)
		rest = rest[n:]
		if !known {
			break
		}
		if whole {
			m.show(0)
			m.out.WriteByte('\n')
			rest = rest[1:]
			m.inside, m.base, m.prev = false, 0, 0
		}
	}
	m.pending = append(m.pending[:0], rest...)
}

// part prints of the line what is clear, and reports how much that was and
// whether it was all of it.
func (m *Markdown) part(line []byte, whole bool) (n int, all bool) {
	if !m.inside {
		var known bool
		if len(line) < reach {
			n, known = m.begin(line, whole)
		} else if n, known = m.begin(line[:reach], false); !known { // what begins with so much of the same is text
			n, known = 0, true
		}
		if !known {
			return 0, false
		}
		m.inside = true
	}
	if m.fence != nil {
		m.printStyled(line[n:], 0)
		return len(line), true
	}
	n += m.inline(line[n:], m.base, whole)
	return n, n == len(line)
}

// begin takes a line's beginning: what it makes of the line, and how much of it
// is thereby done. It reports whether that is known yet.
func (m *Markdown) begin(line []byte, whole bool) (n int, known bool) {
	rest := bytes.TrimLeft(line, " ")
	indent := line[:len(line)-len(rest)]
	if m.fence != nil {
		return m.closing(line, rest, whole)
	}
	if len(rest) == 0 {
		return 0, whole
	}
	c := rest[0]
	many := run(rest, c)
	after := rest[many:]
	switch {
	case c == '#' && many <= 6:
		text := bytes.TrimLeft(after, " ")
		if len(text) == 0 && !whole {
			return 0, false
		}
		if len(text) == len(after) && len(after) > 0 {
			return 0, true // #hashtag
		}
		if m.base = bold; many == 1 {
			m.base |= underline
		}
		return len(line) - len(text), true
	case c == '`' || c == '~':
		if len(after) == 0 && !whole || many >= 3 && !whole {
			return 0, false
		}
		if many < 3 || c == '`' && bytes.IndexByte(after, '`') >= 0 {
			return 0, true
		}
		m.printStyled(line, dim)
		m.fence = bytes.Repeat([]byte{c}, many)
		return len(line), true
	case c == '-' || c == '*' || c == '_' || c == '+':
		return m.mark(line, rest, indent, whole)
	case c == '>':
		if len(rest) == 1 && !whole {
			return 0, false
		}
		m.printStyled(indent, 0)
		m.printStyled([]byte("│ "), dim)
		return len(line) - len(bytes.TrimPrefix(rest[1:], []byte{' '})), true
	}
	return 0, true
}

// closing is begin in code, which a line of its marks ends.
func (m *Markdown) closing(line, rest []byte, whole bool) (n int, known bool) {
	many := run(rest, m.fence[0])
	ends := len(bytes.TrimLeft(rest[many:], " ")) == 0
	switch {
	case ends && !whole:
		return 0, false
	case ends && many >= len(m.fence):
		m.printStyled(line, dim)
		m.fence = nil
		return len(line), true
	}
	return 0, true
}

// mark is begin of a line that may be a rule or an item of a list.
func (m *Markdown) mark(line, rest, indent []byte, whole bool) (n int, known bool) {
	c := rest[0]
	marks := bytes.Count(rest, []byte{c})
	if marks+bytes.Count(rest, []byte{' '}) == len(rest) { // nothing else yet
		if !whole {
			return 0, false
		}
		if marks >= 3 && c != '+' {
			m.printStyled([]byte(strings.Repeat("─", 24)), dim)
			return len(line), true
		}
	}
	if c == '_' || len(rest) < 2 || rest[1] != ' ' {
		return 0, true
	}
	m.printStyled(indent, 0)
	m.printStyled([]byte("• "), 0)
	return len(indent) + 2, true
}

// run is how often c stands at the beginning.
func run(text []byte, c byte) (n int) {
	for n < len(text) && text[n] == c {
		n++
	}
	return n
}

// printStyled prints in a style.
func (m *Markdown) printStyled(text []byte, s style) {
	if len(text) == 0 {
		return
	}
	m.show(s)
	m.out.Write(text)
}

// show changes the terminal's style.
func (m *Markdown) show(s style) {
	if s == m.have {
		return
	}
	m.have = s
	m.out.WriteString("\x1b[0")
	for i, sgr := range [...]string{";1", ";2", ";3", ";4", ";36"} {
		if s&(1<<i) != 0 {
			m.out.WriteString(sgr)
		}
	}
	m.out.WriteByte('m')
}
