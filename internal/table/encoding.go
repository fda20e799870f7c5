package table

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
)

// guessed is the only encoding that is ever guessed.
const guessed = "windows-1252"

// encodingOf is the name of the encoding of a text that begins with sample and
// goes on with rest. What is told wins, then a byte order mark, then UTF-8.
// Where it may be guessed, a text that is not UTF-8 and in which all that is not
// ASCII stands alone, as accents do, is windows-1252.
func (f *File) encodingOf(sample []byte, rest io.Reader, guess bool) (string, error) {
	switch {
	case f.encoding != "":
		return f.encoding, nil
	case bytes.HasPrefix(sample, []byte{0xff, 0xfe}), len(sample) > 1 && sample[0] != 0 && sample[1] == 0:
		return "utf-16le", nil
	case bytes.HasPrefix(sample, []byte{0xfe, 0xff}), len(sample) > 1 && sample[0] == 0 && sample[1] != 0:
		return "utf-16be", nil
	case !guess:
		return "utf-8", nil
	}
	latin, err := isLatin(io.MultiReader(bytes.NewReader(sample), rest))
	if err != nil {
		return "", f.unreadable(err)
	}
	if latin {
		return guessed, nil
	}
	return "utf-8", nil
}

// isLatin reports whether r is hardly anything but a text in windows-1252: no two
// or more bytes of it are one character in UTF-8, which would make it a damaged
// text in UTF-8; each byte beyond ASCII stands for a letter or sign that a western
// European writes where it stands; and most of them stand alone, as accents do.
func isLatin(r io.Reader) (bool, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	high, adjacent := 0, 0
	for before := byte(0); ; {
		next, err := in.Peek(max(utf8.UTFMax, in.Buffered()))
		if len(next) == 0 {
			return high > 0 && adjacent*3 <= high, ignoreEOF(err)
		}
		ascii := 0
		for ascii < len(next) && next[ascii] < utf8.RuneSelf && next[ascii] != 0 {
			ascii++
		}
		if ascii > 0 {
			before = next[ascii-1]
			_, _ = in.Discard(ascii) // it was peeked
			continue
		}
		if _, n := utf8.DecodeRune(next); n > 1 || !isWestern(before, next) {
			return false, nil
		}
		high++
		if before >= utf8.RuneSelf {
			adjacent++
		}
		before = next[0]
		_, _ = in.Discard(1)
	}
}

// isWestern reports whether the first of these bytes has a likely meaning in
// windows-1252, behind the byte before. Signs in the middle of a word are letters
// of another encoding, and some bytes begin a character of Shift JIS.
func isWestern(before byte, next []byte) bool {
	const middleDot = 0xb7 // of Catalan
	b := next[0]
	switch {
	case b == 0, charmap.Windows1252.DecodeByte(b) == utf8.RuneError, strings.IndexByte("\x83\x86\x87\x88\x89\x98", b) >= 0:
		return false
	case b < 0xa1 || b > 0xbf || b == middleDot || len(next) < 2:
		return true
	}
	return !isASCIILetter(before) || !isASCIILetter(next[1])
}

func isASCIILetter(b byte) bool { return 'a' <= b|0x20 && b|0x20 <= 'z' }

// encodingNamed is an encoding by a name that the web knows.
func encodingNamed(name string) (encoding.Encoding, error) {
	switch name {
	case "utf-16le":
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), nil
	case "utf-16be":
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM), nil
	}
	return htmlindex.Get(name)
}

// WithEncoding returns the same file, read in the encoding of that name: latin1,
// shift_jis, gbk, …
func (f *File) WithEncoding(name string) (*File, error) {
	e, err := htmlindex.Get(strings.TrimSpace(name))
	if err != nil {
		return nil, fmt.Errorf("unknown encoding %q: give its usual name, such as utf-8, utf-16le, windows-1252, shift_jis or gbk", name)
	}
	canonical, err := htmlindex.Name(e)
	if err != nil {
		return nil, err
	}
	return &File{name: f.name, open: f.open, encoding: canonical, strict: f.strict}, nil
}
