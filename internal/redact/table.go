package redact

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
)

// span is a part of a text, in bytes.
type span struct{ start, end int }

// merge puts spans in order and joins those that overlap or touch.
func merge(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return a.start - b.start })
	out := spans[:0]
	for _, s := range spans {
		if n := len(out); n > 0 && s.start <= out[n-1].end {
			out[n-1].end = max(out[n-1].end, s.end)
			continue
		}
		out = append(out, s)
	}
	return out
}

// pattern is one form of a secret.
type pattern struct {
	text    string // in lower case
	part    int    // the length from which a part of it counts, from its beginning
	run     bool   // base64: the characters around it hide more of what is encoded
	letters int    // how many it begins with
	// again[i] is how much of text stands at text[i:] once more; nil where its
	// first 8 bytes come once.
	again []int
}

// table finds patterns by their first 8 bytes, however many there are.
type table struct {
	byHead   map[uint64][]int    // patterns by their first bytes
	inside   map[uint64][]inside // places in the secrets themselves
	patterns []pattern
	filter   [1 << 12]bool // whether some head has this hash
	within   [1 << 12]bool // whether some place within has
	longest  int
}

// inside is a place in a pattern.
type inside struct{ pattern, at int }

func newTable(secrets map[string]bool) *table {
	t := &table{byHead: map[uint64][]int{}, inside: map[uint64][]inside{}}
	for s := range secrets {
		t.add(s)
	}
	return t
}

func (t *table) add(secret string) {
	// What stands in the secret itself may be an escape, which is taken from it
	// together with those of the text.
	// A text is taken to be escaped so often at most, and so is a secret.
	said, step := secret, escapes{{}}
	for deep := 0; deep <= deepest && len(step) > 0 && len(said) >= Shortest; deep++ {
		t.said(lower(said))
		said, step = unescape(said)
	}
	t.pattern(hex.EncodeToString([]byte(secret)), 2*Shortest, false)
	for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 { // bytes, as of `user:` in basic authentication
			text := e.EncodeToString(append(make([]byte, before), secret...))
			text = text[(before*8+5)/6 : (before+len(secret))*8/6] // what does not depend on its neighbours
			t.pattern(lower(text), 11, true)
		}
	}
}

// said adds what a text without its escapes may have of a secret.
func (t *table) said(plain string) {
	at := len(t.patterns)
	t.pattern(plain, partOf(plain), false)
	for i := 1; i+Shortest <= min(len(plain), mostInside); i++ {
		if g := gram(plain[i:]); len(t.inside[g]) < mostAlike {
			t.inside[g] = append(t.inside[g], inside{at, i})
			t.within[hash(g)] = true
		}
	}
	if strings.Contains(plain, " ") { // in a URL's query
		t.pattern(strings.ReplaceAll(plain, " ", "+"), len(plain), false)
	}
}

// Bounds on how much is known of a secret's inside: it is a key, and hardly
// repeats itself.
const (
	mostInside = 4 << 10
	mostAlike  = 16
)

// pattern adds a form that is not there yet.
func (t *table) pattern(text string, part int, run bool) {
	g := gram(text)
	if slices.ContainsFunc(t.byHead[g], func(i int) bool { return t.patterns[i].text == text }) {
		return
	}
	t.byHead[g] = append(t.byHead[g], len(t.patterns))
	t.filter[hash(g)] = true
	t.patterns = append(t.patterns, pattern{text, min(part, len(text)), run, while(text, isLower), again(text)})
	t.longest = max(t.longest, len(text))
}

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }

// again is how much of a text stands at each place in it once more (its
// Z-function); nil where its first 8 bytes do not.
func again(text string) []int {
	if strings.LastIndex(text, text[:Shortest]) == 0 {
		return nil
	}
	z := make([]int, len(text))
	for i, from, to := 1, 0, 0; i < len(text); i++ {
		if i < to {
			z[i] = min(z[i-from], to-i)
		}
		for i+z[i] < len(text) && text[i+z[i]] == text[z[i]] {
			z[i]++
		}
		if i+z[i] > to {
			from, to = i, i+z[i]
		}
	}
	return z
}

// partOf is the length from which a part of a secret counts: what stands before
// the host of a URL is in many texts.
func partOf(secret string) int {
	if i := strings.Index(secret, "://"); i >= 0 {
		return i + len("://") + Shortest
	}
	return Shortest
}

// gram is the first 8 bytes of a text, as a number.
func gram(text string) (g uint64) {
	for i := range 8 {
		g = g<<8 | uint64(text[i])
	}
	return g
}

func hash(g uint64) uint64 { return g * 0x9e3779b97f4a7c15 >> (64 - 12) }

// lower is text with the letters of ASCII in lower case; all else, and every
// byte's place, stays.
func lower(text string) string {
	b := []byte(text)
	for i, c := range b {
		b[i] = fold(c)
	}
	return string(b)
}

func fold(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// window is how many bytes of a text are looked at at a time, so that what is
// needed for that does not grow with the text.
const window = 256 << 10

// find returns where a text has secrets, in no order.
func (t *table) find(text string) (found []span) {
	if t == nil {
		return nil
	}
	over := 12*t.longest + 64 // a secret's longest form, of several escapes a character
	size := max(window, 4*over)
	for from := 0; from < len(text); from += size {
		to := min(from+size+over, len(text))
		part := view{text: text[from:to], first: from == 0, last: to == len(text)}
		for _, s := range t.layers(part) {
			if s.start < size { // else the next window has it
				found = append(found, span{from + s.start, from + s.end})
			}
		}
	}
	return found
}
