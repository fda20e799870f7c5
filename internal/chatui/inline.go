package chatui

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// reach is how many bytes away the end of a span is looked for. What is held
// back for it is no longer.
const reach = 400

// inline prints a line's text, or of it what is clear, and returns how much
// that was.
func (m *Markdown) inline(text []byte, s style, whole bool) int {
	for i := 0; i < len(text); {
		c := text[i]
		if c != '`' && c != '*' && c != '_' && c != '\\' && c != '[' {
			n := bytes.IndexAny(text[i:], "`*_\\[")
			if n < 0 {
				n = len(text) - i
				if !whole {
					n -= cutRune(text[i:])
				}
			}
			m.writeText(text[i:i+n], s)
			if i += n; n == 0 {
				return i
			}
			continue
		}
		var n int
		switch c {
		case '`':
			n = m.span(text[i:], s, whole)
		case '\\':
			n = m.escaped(text[i:], s, whole)
		case '[':
			n = m.link(text[i:], s, whole)
		default:
			n = m.emphasis(text[i:], s, whole)
		}
		if n == 0 {
			return i
		}
		i += n
	}
	return len(text)
}

// writeText prints text as it is.
func (m *Markdown) writeText(text []byte, s style) {
	if len(text) == 0 {
		return
	}
	m.printStyled(text, s)
	m.prev, _ = utf8.DecodeLastRune(text)
}

// cutRune is how many bytes of a rune, of which more must come, text ends with.
func cutRune(text []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if end := text[len(text)-n:]; utf8.RuneStart(end[0]) {
			if !utf8.FullRune(end) {
				return n
			}
			break
		}
	}
	return 0
}

// escaped is a backslash that takes a mark's meaning away. It returns how much
// it is done with; 0: it is not clear yet.
func (m *Markdown) escaped(text []byte, s style, whole bool) int {
	if len(text) == 1 {
		if whole {
			m.writeText(text, s)
			return 1
		}
		return 0
	}
	if bytes.IndexByte([]byte("`*_#"), text[1]) < 0 {
		m.writeText(text[:1], s)
		return 1
	}
	m.writeText(text[1:2], s)
	return 2
}

// window is where a span that text begins may end. It reports whether the
// window is all that will be looked at.
func window(text []byte, whole bool) ([]byte, bool) {
	if len(text) >= reach {
		return text[:reach], true
	}
	return text, whole
}

// span is `code`.
func (m *Markdown) span(text []byte, s style, whole bool) int {
	in, all := window(text, whole)
	n := run(in, '`')
	at := ticks(in, n, n, len(in) < reach && whole)
	switch {
	case at >= 0:
		inner := in[n:at]
		if bytes.HasPrefix(inner, []byte{' '}) && bytes.HasSuffix(inner, []byte{' '}) && len(bytes.TrimSpace(inner)) > 0 && n > 1 {
			inner = inner[1 : len(inner)-1] // the room that `` `this` `` needs
		}
		m.writeText(inner, s|code)
		m.prev = '`'
		return at + n
	case !all:
		return 0
	}
	m.writeText(in[:n], s)
	return n
}

// ticks finds n backticks, no more and no fewer, from from on; -1: there are
// none. Those at the very end count only where the text ends with them.
func ticks(text []byte, from, n int, ends bool) int {
	for from < len(text) {
		at := bytes.IndexByte(text[from:], '`')
		if at < 0 {
			return -1
		}
		at += from
		many := run(text[at:], '`')
		if many == n && (at+many < len(text) || ends) {
			return at
		}
		from = at + many
	}
	return -1
}

// emphasis is *this*, **this** and ***this***, or the same with _.
func (m *Markdown) emphasis(text []byte, s style, whole bool) int {
	in, all := window(text, whole)
	ends := len(in) < reach && whole
	c := in[0]
	n := run(in, c)
	rest := in[n:]
	if !utf8.FullRune(rest) && !ends {
		if !all {
			return 0
		}
		m.writeText(in[:n], s)
		return n
	}
	next, _ := utf8.DecodeRune(rest)
	if n > 3 || len(rest) == 0 || unicode.IsSpace(next) || isWordRune(m.prev) {
		m.writeText(in[:n], s)
		return n
	}
	at := closer(in, c, n, ends, all)
	switch {
	case at >= 0:
		m.prev = 0
		m.inline(in[n:at], s|[...]style{italic, bold, bold | italic}[n-1], true)
		m.prev = rune(c)
		return at + n
	case !all:
		return 0
	}
	m.writeText(in[:n], s)
	return n
}

func isWordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// closer finds what ends emphasis that n marks c begin; -1: nothing does, or it
// is not clear before all the text is there. Marks in code are none.
func closer(text []byte, c byte, n int, ends, all bool) int {
	for i := n; i < len(text); {
		switch text[i] {
		case '\\':
			i += 2
		case '`':
			many := run(text[i:], '`')
			at := ticks(text, i+many, many, ends)
			if at < 0 && !all {
				return -1
			}
			i = max(i, at) + many
		case c:
			many := run(text[i:], c)
			rest := text[i+many:]
			before, _ := utf8.DecodeLastRune(text[:i])
			after, _ := utf8.DecodeRune(rest)
			known := len(rest) > 0 && utf8.FullRune(rest) || ends
			if many == n && known && !unicode.IsSpace(before) && !(len(rest) > 0 && isWordRune(after)) {
				return i
			}
			i += many
		default:
			i++
		}
	}
	return -1
}

// link is [text](address), of which the address is shown behind the text.
func (m *Markdown) link(text []byte, s style, whole bool) int {
	in, all := window(text, whole)
	ends := len(in) < reach && whole
	label, rest, found := enclosed(in, '[', ']', ends, all)
	switch {
	case isWordRune(m.prev) || m.prev == '\\', found && len(rest) > 0 && rest[0] != '(':
		all, found = true, false
	case found:
		var dest []byte
		if dest, rest, found = enclosed(rest, '(', ')', ends, all); found {
			if dest = bytes.TrimSpace(dest); isAddress(dest) {
				m.address(label, dest, s)
				return len(in) - len(rest)
			}
			all, found = true, false
		}
	}
	if !found && !all {
		return 0
	}
	m.writeText(in[:1], s)
	return 1
}

func (m *Markdown) address(label, dest []byte, s style) {
	m.prev = 0
	switch {
	case len(label) == 0:
		m.writeText(dest, s|underline)
	case bytes.Equal(label, bytes.TrimPrefix(dest, []byte("mailto:"))):
		m.writeText(label, s|underline)
	default:
		m.inline(label, s|underline, true)
		m.writeText([]byte(" ("), s)
		m.writeText(dest, s)
		m.writeText([]byte(")"), s)
	}
	m.prev = ')'
}

// enclosed is what stands between the mark that text begins with and the one that ends
// it. Marks in code or behind a backslash are none. ends and all are those of closer.
func enclosed(text []byte, opens, closes byte, ends, all bool) (inner, rest []byte, found bool) {
	if len(text) == 0 || text[0] != opens {
		return nil, text, false
	}
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '`':
			many := run(text[i:], '`')
			at := ticks(text, i+many, many, ends)
			if at < 0 && !all {
				return nil, text, false
			}
			i = max(i, at) + many - 1
		case opens:
			depth++
		case closes:
			if depth--; depth == 0 {
				return text[1:i], text[i+1:], true
			}
		}
	}
	return nil, text, false
}

// isAddress reports whether that may stand in a link's parentheses: no white space, but
// for a title in quotes.
func isAddress(text []byte) bool {
	at := bytes.IndexAny(text, " \t")
	if at < 0 {
		return len(text) > 0
	}
	title := bytes.TrimSpace(text[at:])
	return len(title) > 1 && (title[0] == '"' || title[0] == '\'') && title[len(title)-1] == title[0]
}
