package httpx

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Servers cut their answers into events by tokens, and a token may end inside a
// letter. Its halves come as bytes that are not UTF-8, or as `\ud83d` in one
// event and `\ude00` in the next. A JSON decoder makes U+FFFD of each. So the
// bytes travel through it as runes of a private plane, halfBase + byte, and
// [Letters] puts them together behind it.
const (
	halfBase = 0x10FE00
	halfMark = "\xf4\x8f" // how the UTF-8 of all those runes begins
)

// keepHalves puts the halves of letters that data, one JSON value, has into the
// form that a JSON decoder leaves alone.
func keepHalves(data []byte) []byte {
	if !hasHalves(data) {
		return data
	}
	out := make([]byte, 0, len(data)+64)
	for i := 0; i < len(data); {
		if data[i] == '\\' {
			n, half := escape(data[i:])
			if half != 0 {
				out = half3(out, half)
			} else {
				out = append(out, data[i:i+n]...)
			}
			i += n
			continue
		}
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 || r >= halfBase && r <= halfBase+0xff {
			for _, b := range data[i : i+size] {
				out = utf8.AppendRune(out, halfBase+rune(b))
			}
		} else {
			out = append(out, data[i:i+size]...)
		}
		i += size
	}
	return out
}

// hasHalves reports whether data may have halves of letters, or what would be taken for
// one.
func hasHalves(data []byte) bool {
	return !utf8.Valid(data) || bytes.Contains(data, []byte(`\ud`)) || bytes.Contains(data, []byte(`\uD`)) || bytes.Contains(data, []byte(halfMark))
}

// escape is the length of the escape that data begins with, a pair of
// surrogates counted as one, and the surrogate that it is if it is one alone.
func escape(data []byte) (n int, half rune) {
	r := surrogate(data)
	if r == 0 {
		return min(2, len(data)), 0
	}
	if next := surrogate(data[6:]); next != 0 && utf16.DecodeRune(r, next) != utf8.RuneError {
		return 12, 0
	}
	return 6, r
}

// surrogate is the surrogate that data begins with as an escape, or 0.
func surrogate(data []byte) rune {
	if len(data) < 6 || data[0] != '\\' || data[1] != 'u' {
		return 0
	}
	n, err := strconv.ParseUint(string(data[2:6]), 16, 16)
	if err != nil || !utf16.IsSurrogate(rune(n)) {
		return 0
	}
	return rune(n)
}

// half3 appends the three bytes that a surrogate would have in UTF-8.
func half3(out []byte, r rune) []byte {
	for _, b := range []rune{0xe0 | r>>12, 0x80 | r>>6&0x3f, 0x80 | r&0x3f} {
		out = utf8.AppendRune(out, halfBase+b)
	}
	return out
}

// Letters puts together what a stream has cut inside a letter. Its zero value
// is ready; each text of an answer has one of its own.
type Letters struct{ partial []byte }

// Add takes the next piece and returns what is whole. What stays broken becomes
// U+FFFD.
func (l *Letters) Add(s string) string {
	if len(l.partial) == 0 && !strings.Contains(s, halfMark) {
		return s
	}
	for _, r := range s {
		if r >= halfBase && r <= halfBase+0xff {
			l.partial = append(l.partial, byte(r-halfBase))
		} else {
			l.partial = utf8.AppendRune(l.partial, r)
		}
	}
	out, n := letters(l.partial)
	l.partial = append(l.partial[:0], l.partial[n:]...)
	return string(out)
}

// End returns what is left at the end of the text: U+FFFD where half a letter
// is, or nothing.
func (l *Letters) End() string {
	if len(l.partial) == 0 {
		return ""
	}
	l.partial = l.partial[:0]
	return string(utf8.RuneError)
}

// letters are the whole letters that data begins with, and how many bytes of it
// they are.
func letters(data []byte) (out []byte, n int) {
	for n < len(data) {
		rest := data[n:]
		r, size := utf8.DecodeRune(rest)
		if r == utf8.RuneError && size == 1 {
			if !utf8.FullRune(rest) {
				break
			}
			var more bool
			if r, size, more = pair(rest); more {
				break
			}
		}
		out = utf8.AppendRune(out, r)
		n += size
	}
	return out, n
}

// pair is the letter of the two surrogates that data begins with; U+FFFD for
// what is none. more says that the next piece is needed to tell.
func pair(data []byte) (r rune, size int, more bool) {
	high, ok, more := half(data)
	if more || !ok {
		return utf8.RuneError, 1, more
	}
	if high >= 0xdc00 {
		return utf8.RuneError, 3, false
	}
	if len(data) == 3 {
		return 0, 0, true
	}
	low, ok, more := half(data[3:])
	if r := utf16.DecodeRune(high, low); ok && r != utf8.RuneError {
		return r, 6, false
	}
	return utf8.RuneError, 3, more
}

// half is the surrogate whose three bytes data begins with.
func half(data []byte) (r rune, ok, more bool) {
	switch {
	case data[0] != 0xed, len(data) > 1 && data[1]&0xe0 != 0xa0, len(data) > 2 && data[2]&0xc0 != 0x80:
		return 0, false, false
	case len(data) < 3:
		return 0, false, true
	}
	return 0xd000 | rune(data[1]&0x3f)<<6 | rune(data[2]&0x3f), true, false
}
