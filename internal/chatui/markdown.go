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
// Lines are broken between words at the terminal's width, except of code; what is
// broken off an item or a quote is indented as it is. A table comes when it is
// whole, in columns of that width.
//
// How the text is cut into writes makes no difference to what is printed. Its
// control characters have been taken out before. Close prints what is held
// back.
type Markdown struct {
	w    io.Writer
	look Look
	flow flow
	err  error

	pending []byte  // of the line, not printed yet
	inside  bool    // the line's beginning is done with
	base    style   // of the line
	prev    rune    // the last rune of the line's text that was passed
	fence   []byte  // what ends the code; nil: it is not code
	empty   bool    // the line has no text
	blank   bool    // the line before has none, or is code by its indent
	list    bool    // the lines before are of a list
	code    bool    // the line is code by its indent
	grid    *grid   // the table that the lines are of; nil: of none
	cell    *[]span // gets what is printed, if it is not nil
}

// Look is how a Markdown's text looks. The zero value: formatted, and its lines
// are not broken.
type Look struct {
	// Width is the terminal's, in columns, as it is when it is asked; nil, or 0:
	// it is not known.
	Width func() int
	// Plain leaves the marks as they are, and shows no style.
	Plain bool
}

// NewMarkdown returns a printer to w.
func NewMarkdown(w io.Writer, look Look) *Markdown {
	return &Markdown{w: w, look: look, flow: flow{width: look.Width, styles: !look.Plain}, blank: true}
}

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
	m.endTable()
	m.flow.flush()
	m.flow.show(0)
	err := m.flush()
	*m = *NewMarkdown(m.w, m.look)
	return err
}

func (m *Markdown) flush() error {
	if m.err == nil && m.flow.out.Len() > 0 {
		_, m.err = m.w.Write(m.flow.out.Bytes())
	}
	m.flow.out.Reset()
	return m.err
}

// drain prints what of the pending text is clear; at the end, all of it is.
func (m *Markdown) drain(end bool) {
	rest := m.pending
	for len(rest) > 0 {
		if !m.inside && m.fence == nil && !m.look.Plain {
			n, what := m.table(rest, end)
			if what == rowUnclear {
				break
			}
			if what == rowTaken {
				rest = rest[n:]
				continue
			}
		}
		line, _, whole := bytes.Cut(rest, []byte{'\n'})
		n, known := m.part(line, whole || end)
		rest = rest[n:]
		if !known {
			break
		}
		if whole {
			m.flow.newLine()
			rest = rest[1:]
			m.blank = m.empty || m.code
			m.inside, m.empty, m.base, m.prev, m.code = false, false, 0, 0, false
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
	switch {
	case m.fence != nil, m.code:
		m.printStyled(line[n:], 0)
		return len(line), true
	case m.look.Plain:
		end := len(line)
		if !whole {
			end -= cutRune(line[n:])
		}
		m.printStyled(line[n:end], 0)
		n = end
	default:
		n += m.inline(line[n:], m.base, whole)
	}
	return n, n == len(line)
}

// begin takes a line's beginning: what it makes of the line, and how much of it
// is thereby done. It reports whether that is known yet.
func (m *Markdown) begin(line []byte, whole bool) (n int, known bool) {
	rest := bytes.TrimLeft(line, " ")
	indent := line[:len(line)-len(rest)]
	if m.fence != nil {
		m.flow.asIs = true
		return m.closing(line, rest, whole)
	}
	if len(rest) == 0 {
		m.empty = whole
		return 0, whole
	}
	c := rest[0]
	if m.blank && !m.list && (len(indent) >= 4 || c == '\t') {
		m.flow.asIs, m.code = true, true
		return 0, true
	}
	if m.list = m.list && len(indent) >= 2; m.look.Plain && c == '#' {
		return 0, true
	}
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
		m.flow.asIs = true
		m.printStyled(line, dim)
		m.fence = bytes.Repeat([]byte{c}, many)
		return len(line), true
	case c == '-' || c == '*' || c == '_' || c == '+':
		return m.mark(line, rest, indent, whole)
	case c == '>':
		if len(rest) == 1 && !whole {
			return 0, false
		}
		if m.look.Plain {
			m.flow.indent(span{bytes.Clone(indent), 0}, span{[]byte("> "), 0})
			return 0, true
		}
		bar := span{[]byte("│ "), dim}
		m.flow.indent(span{bytes.Clone(indent), 0}, bar)
		m.printStyled(indent, 0)
		m.printStyled(bar.text, bar.style)
		return len(line) - len(bytes.TrimPrefix(rest[1:], []byte{' '})), true
	case c == '|' && m.look.Plain: // a table's row
		m.flow.asIs = true
	case c >= '0' && c <= '9':
		return 0, m.numbered(rest, indent, whole)
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
		if marks >= 3 && c != '+' && !m.look.Plain {
			m.printStyled([]byte(strings.Repeat("─", 24)), dim)
			return len(line), true
		}
	}
	if c == '_' || len(rest) < 2 || rest[1] != ' ' {
		return 0, true
	}
	m.item(indent, 2)
	if m.look.Plain {
		return 0, true
	}
	m.printStyled(indent, 0)
	m.printStyled([]byte("• "), 0)
	return len(indent) + 2, true
}

// numbered is begin of a line that may be an item with a number, which is printed
// as it is. It reports whether that is known yet.
func (m *Markdown) numbered(rest, indent []byte, whole bool) (known bool) {
	n := 0
	for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
		n++
	}
	const most = 9 // digits that an item's number has
	switch {
	case n > most:
	case len(rest) < n+2:
		return whole || n < len(rest) && rest[n] != '.' && rest[n] != ')'
	case (rest[n] == '.' || rest[n] == ')') && rest[n+1] == ' ':
		m.item(indent, n+2)
	}
	return true
}

// item begins an item of a list, whose text is that far behind its indent.
func (m *Markdown) item(indent []byte, text int) {
	m.list = true
	m.flow.indent(span{append(bytes.Clone(indent), strings.Repeat(" ", text)...), 0})
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
	switch {
	case len(text) == 0:
	case m.cell != nil:
		*m.cell = appendSpan(*m.cell, text, s)
	default:
		m.flow.text(text, s)
	}
}
