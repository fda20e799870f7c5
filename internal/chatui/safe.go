package chatui

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Filter writes down what of a stranger's text a terminal may be shown. Control
// characters, C1 ones included, do not pass, except newline and tab; nor does what changes the
// direction of text, takes no room (zero-width and tag characters, soft
// hyphens) or is not UTF-8, which becomes U+FFFD. A text may be cut anywhere
// between two calls. The zero value is ready.
//
// Two joiners have a meaning that readers see, and pass only where they have it:
// between two emoji (U+200D), and between letters of scripts whose letters join
// (both). So does one variation selector behind a character.
type Filter struct {
	part   []byte // the beginning of a character
	prev   rune   // the last character that passed
	joiner rune   // it waits for what follows
}

const (
	zwnj = '\u200c'
	zwj  = '\u200d'
)

// Append appends what of p passes to dst.
func (f *Filter) Append(dst, p []byte) []byte {
	if len(f.part) > 0 {
		p = append(f.part, p...)
		f.part = nil
	}
	for len(p) > 0 {
		if !utf8.FullRune(p) {
			f.part = append([]byte(nil), p...)
			break
		}
		r, n := utf8.DecodeRune(p)
		dst = f.AppendRune(dst, r)
		p = p[n:]
	}
	return dst
}

// AppendRune appends r to dst, if it passes.
func (f *Filter) AppendRune(dst []byte, r rune) []byte {
	if f.joiner != 0 {
		if joins(f.prev, f.joiner, r) {
			dst = utf8.AppendRune(dst, f.joiner)
		}
		f.joiner = 0
	}
	switch {
	case r == zwj, r == zwnj:
		f.joiner = r
		return dst
	case r == '\u2028', r == '\u2029': // they end lines, and terminals show nothing
		r = ' '
	case Hidden(r), unicode.Is(unicode.Variation_Selector, r) && !takesSelector(f.prev):
		return dst
	}
	f.prev = r
	return utf8.AppendRune(dst, r)
}

// Hidden reports whether a character of a stranger's text must not reach a
// terminal as it is. A joiner is hidden, although a Filter knows where it may pass.
func Hidden(r rune) bool {
	switch {
	case r == '\n', r == '\t':
		return false
	case r >= 0x600 && r <= 0x605, r == 0x6dd, r == 0x70f, r == 0x890, r == 0x891, r == 0x8e2, r == 0x110bd, r == 0x110cd:
		return false // format characters that are seen: signs before numbers
	case r >= 0xe0100 && r <= 0xe01ef:
		return false // variation selectors, with which a Filter deals
	case r >= 0xe0000 && r <= 0xe0fff:
		return true // tags, and what may become such
	}
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) || r == 0x2065 || r >= 0xfff0 && r <= 0xfff8
}

// joins reports whether a joiner between those two is seen.
func joins(before, joiner, after rune) bool {
	if joiner == zwj && emoji(before) && emoji(after) {
		return true
	}
	return unicode.In(before, joining...) && unicode.In(after, joining...)
}

// joining are the scripts whose letters take other forms beside each other.
var joining = []*unicode.RangeTable{
	unicode.Arabic, unicode.Syriac, unicode.Mandaic, unicode.Mongolian, unicode.Nko, unicode.Phags_Pa, unicode.Manichaean,
	unicode.Psalter_Pahlavi, unicode.Hanifi_Rohingya, unicode.Sogdian, unicode.Adlam,
	unicode.Devanagari, unicode.Bengali, unicode.Gurmukhi, unicode.Gujarati, unicode.Oriya, unicode.Tamil, unicode.Telugu,
	unicode.Kannada, unicode.Malayalam, unicode.Sinhala, unicode.Khmer, unicode.Myanmar, unicode.Tibetan, unicode.Balinese, unicode.Javanese,
}

// emoji reports whether a joiner may stand beside r in a picture.
func emoji(r rune) bool {
	return r == 0xfe0f || r >= 0x2190 && r <= 0x2bff && unicode.Is(unicode.S, r) || r >= 0x1f000 && r <= 0x1faff
}

// takesSelector: one variation selector behind a character that is seen.
func takesSelector(before rune) bool {
	return before > ' ' && before != 0x7f && !unicode.Is(unicode.Variation_Selector, before) && !unicode.IsSpace(before)
}

// Visible is text with what is not seen as escapes, for whoever decides on it.
func Visible(text string) string {
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(text, "\uFFFD") {
		switch {
		case !unseen(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

func unseen(r rune) bool {
	return unicode.IsControl(r) || Hidden(r) ||
		unicode.In(r, unicode.Cf, unicode.Co, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) || r == 0x2800
}
