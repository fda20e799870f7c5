package normalize

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// plain reads JSON from its beginning to its end, strictly, and without memory of its own.
// It does not read all of JSON: it gives up where a name has an escape, where an object
// has a member twice or more members than it remembers, and at numbers but whole ones.
type plain struct {
	src []byte
	i   int
}

// maxMembers is how many members an object has at most.
const maxMembers = 24

// members reads an object: each is given the name of a member, and reads its value. It
// reports whether all went well.
func (p *plain) members(each func(name []byte) bool) bool {
	if !p.is('{') {
		return false
	}
	if p.is('}') {
		return true
	}
	var names [maxMembers][]byte
	for n := range maxMembers {
		name, escaped := p.text()
		if name == nil || escaped || !p.is(':') {
			return false
		}
		for _, before := range names[:n] {
			if bytes.Equal(name, before) {
				return false
			}
		}
		names[n] = name
		if p.space(); !each(name) {
			return false
		}
		if !p.is(',') {
			return p.is('}')
		}
	}
	return false
}

// space skips white space.
func (p *plain) space() {
	for p.i < len(p.src) {
		switch p.src[p.i] {
		case ' ', '\t', '\r', '\n':
			p.i++
		default:
			return
		}
	}
}

// is reports whether a sign comes next, and skips it.
func (p *plain) is(sign byte) bool {
	p.space()
	if p.i == len(p.src) || p.src[p.i] != sign {
		return false
	}
	p.i++
	return true
}

// atEnd reports whether nothing more comes.
func (p *plain) atEnd() bool {
	p.space()
	return p.i == len(p.src)
}

// text reads a text, and returns what is between its quotes, and whether that has escapes,
// which it does not check; nil: none comes.
func (p *plain) text() (inside []byte, escaped bool) {
	if !p.is('"') {
		return nil, false
	}
	for i := p.i; i < len(p.src); i++ {
		switch c := p.src[i]; {
		case c == '"':
			inside = p.src[p.i:i:i]
			p.i = i + 1
			return inside, escaped
		case c == '\\':
			escaped = true
			i++
		case c < ' ':
			return nil, false
		}
	}
	return nil, false
}

// word reports whether a word comes next, such as null, and skips it. That no more of a
// word follows is seen by what has to.
func (p *plain) word(w []byte) bool {
	if !bytes.HasPrefix(p.src[p.i:], w) {
		return false
	}
	p.i += len(w)
	return true
}

var yes, no = []byte("true"), []byte("false")

func (p *plain) null() bool { return p.word(null) }

// digits reads a whole number of so many digits at most, without a sign.
func (p *plain) digits(most int) (n int64, ok bool) {
	from := p.i
	for p.i < len(p.src) && p.src[p.i] >= '0' && p.src[p.i] <= '9' {
		if p.i-from == most {
			return 0, false
		}
		n = n*10 + int64(p.src[p.i]-'0')
		p.i++
	}
	length := p.i - from
	return n, length == 1 || length > 1 && p.src[from] != '0'
}

// unescape appends what the inside of a JSON text says. It gives up at what is no escape,
// and at half a letter or a pair of halves.
func unescape(out, inside []byte) (all []byte, ok bool) {
	for {
		at := bytes.IndexByte(inside, '\\')
		if at < 0 {
			return append(out, inside...), true
		}
		out = append(out, inside[:at]...)
		if inside = inside[at+1:]; len(inside) == 0 {
			return out, false
		}
		sign := inside[0]
		inside = inside[1:]
		switch sign {
		case '"', '\\', '/':
			out = append(out, sign)
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r, ok := hex4(inside)
			if !ok || utf16.IsSurrogate(r) {
				return out, false
			}
			out, inside = utf8.AppendRune(out, r), inside[4:]
		default:
			return out, false
		}
	}
}

// hex4 reads four hexadecimal digits.
func hex4(digits []byte) (r rune, ok bool) {
	if len(digits) < 4 {
		return 0, false
	}
	for _, c := range digits[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = (c | 0x20) - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
