package redact

import (
	"html"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// escape is an escaped character: where it stood, and where what it says stands
// in the text without escapes.
type escape struct{ from, into span }

// escapes are the escapes of a text, in order.
type escapes []escape

// before is where in the text with escapes a part of the text without them
// stood.
func (e escapes) before(s span) span {
	return span{e.place(s.start, false), e.place(s.end, true)}
}

func (e escapes) place(at int, end bool) int {
	// The last escape that begins before at, or at it.
	i, _ := slices.BinarySearchFunc(e, at, func(e escape, at int) int {
		if e.into.start < at || e.into.start == at && !end {
			return -1
		}
		return 1
	})
	if i == 0 {
		return at
	}
	last := e[i-1]
	switch {
	case at >= last.into.end:
		return last.from.end + at - last.into.end
	case end:
		return last.from.end
	}
	return last.from.start
}

// unescape takes one layer of escapes from a text: those of JSON, Go and
// shells, which begin with a backslash or double a quote, of URLs, and of HTML.
func unescape(text string) (string, escapes) {
	var (
		all  escapes
		out  []byte
		kept = 0
	)
	for i := 0; i < len(text); {
		next := strings.IndexAny(text[i:], `\%&'`)
		if next < 0 {
			break
		}
		i += next
		var buf [utf8.UTFMax * 2]byte
		said, n := escaped(text[i:], buf[:0])
		if n == 0 {
			i++
			continue
		}
		out = append(append(out, text[kept:i]...), said...)
		all = append(all, escape{span{i, i + n}, span{len(out) - len(said), len(out)}})
		i += n
		kept = i
	}
	if len(all) == 0 {
		return text, nil
	}
	return string(append(out, text[kept:]...)), all
}

// escaped is what the escape says with which text begins, and its length; 0:
// there is none.
func escaped(text string, buf []byte) (said []byte, n int) {
	switch text[0] {
	case '%':
		if b, ok := number(text, 1, 2, 16); ok {
			return append(buf, byte(b&0xff)), 3
		}
	case '&':
		if end := strings.IndexByte(text[:min(len(text), 32)], ';'); end > 1 {
			if s := html.UnescapeString(text[:end+1]); s != text[:end+1] {
				return append(buf, s...), end + 1
			}
		}
	case '\'':
		for _, doubled := range []string{`''`, `'\''`, `'"'"'`} { // of YAML and SQL, and of shells
			if strings.HasPrefix(text, doubled) {
				return append(buf, '\''), len(doubled)
			}
		}
	case '\\':
		return backslash(text, buf)
	}
	return nil, 0
}

func backslash(text string, buf []byte) (said []byte, n int) {
	if len(text) < 2 {
		return nil, 0
	}
	switch c := text[1]; {
	case c == 'u':
		r, ok := number(text, 2, 4, 16)
		if !ok {
			return nil, 0
		}
		if utf16.IsSurrogate(r) && strings.HasPrefix(text[6:], `\u`) {
			if low, ok := number(text, 8, 4, 16); ok {
				return utf8.AppendRune(buf, utf16.DecodeRune(r, low)), 12
			}
		}
		return utf8.AppendRune(buf, r), 6
	case c == 'U':
		if r, ok := number(text, 2, 8, 16); ok && r <= utf8.MaxRune {
			return utf8.AppendRune(buf, r), 10
		}
	case c == 'x':
		if b, ok := number(text, 2, 2, 16); ok {
			return append(buf, byte(b&0xff)), 4
		}
	case '0' <= c && c <= '3':
		if b, ok := number(text, 1, 3, 8); ok {
			return append(buf, byte(b&0xff)), 4
		}
	case c == 'n':
		return append(buf, '\n'), 2
	case c == 't':
		return append(buf, '\t'), 2
	case c == 'r':
		return append(buf, '\r'), 2
	case c > ' ' && c < utf8.RuneSelf && !letterOrDigit(c):
		return append(buf, c), 2
	}
	return nil, 0
}

// number is the number of so many digits at a place.
func number(text string, at, digits, base int) (rune, bool) {
	if len(text) < at+digits || text[at] == '+' || text[at] == '-' {
		return 0, false
	}
	n, err := strconv.ParseInt(text[at:at+digits], base, 32)
	return rune(n), err == nil
}
