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
	text string // in lower case
	part int    // the length from which a part of it counts, from its beginning
	run  bool   // base64: the characters around it hide more of what is encoded
}

// table finds patterns by their first 8 bytes, however many there are.
type table struct {
	heads   map[uint64][]int    // patterns by their first bytes
	inside  map[uint64][]inside // places in the secrets themselves
	all     []pattern
	filter  [1 << 12]bool // whether some head has this hash
	longest int
}

// inside is a place in a pattern.
type inside struct{ pattern, at int }

func newTable(secrets map[string]bool) *table {
	t := &table{heads: map[uint64][]int{}, inside: map[uint64][]inside{}}
	for s := range secrets {
		t.add(s)
	}
	return t
}

func (t *table) add(secret string) {
	// What stands in the secret itself may be an escape, which is taken from it
	// together with those of the text.
	for said, step := secret, (escapes{{}}); len(step) > 0 && len(said) >= Shortest; said, step = unescape(said) {
		t.said(lower(said))
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
	at := len(t.all)
	t.pattern(plain, partOf(plain), false)
	for i := 1; i+Shortest <= min(len(plain), mostInside); i++ {
		if g := gram(plain[i:]); len(t.inside[g]) < mostAlike {
			t.inside[g] = append(t.inside[g], inside{at, i})
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
	if slices.ContainsFunc(t.heads[g], func(i int) bool { return t.all[i].text == text }) {
		return
	}
	t.heads[g] = append(t.heads[g], len(t.all))
	t.filter[hash(g)] = true
	t.all = append(t.all, pattern{text, min(part, len(text)), run})
	t.longest = max(t.longest, len(text))
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

// view is a part of a text, and whether the text begins and ends with it.
type view struct {
	text        string
	first, last bool
}

// deepest is how many times a text is taken to be escaped.
const deepest = 4

// layers finds secrets in a text, in what it says without its escapes, in what
// that says without its own, and so on.
func (t *table) layers(v view) (found []span) {
	var steps []escapes
	for range deepest + 1 {
		for _, s := range t.plain(v) {
			for i := len(steps) - 1; i >= 0; i-- {
				s = steps[i].before(s)
			}
			found = append(found, s)
		}
		text, step := unescape(v.text)
		if len(step) == 0 {
			break
		}
		v.text, steps = text, append(steps, step)
	}
	return found
}

// plain finds secrets in a text as it is.
func (t *table) plain(v view) (found []span) {
	text := v.text
	if len(text) < Shortest {
		return nil
	}
	if v.first {
		found = t.rest(v, 0, found)
	}
	for _, dots := range []string{"…", "..."} {
		for at := 0; ; {
			i := strings.Index(text[at:], dots)
			if i < 0 {
				break
			}
			at += i + len(dots)
			found = t.rest(v, at, found)
		}
	}
	var g uint64
	until := 0 // the end of the last that was found
	for i := range len(text) {
		g = g<<8 | uint64(fold(text[i]))
		at := i - (Shortest - 1)
		if !t.filter[hash(g)] || at < until {
			continue
		}
		for _, p := range t.heads[g] {
			if n := t.matches(v, at, &t.all[p]); n > 0 {
				s := span{at, at + n}
				if t.all[p].run {
					s = run(text, s)
				}
				found, until = append(found, s), max(until, s.end)
			}
		}
	}
	return found
}

// matches is how much of a pattern stands at a place: 0 where it is no more
// than a word that may stand anywhere.
func (t *table) matches(v view, at int, p *pattern) int {
	n := common(v.text[at:], p.text)
	if n == len(p.text) || n >= p.part && (!word(p.text[:n]) || v.cut(at+n)) {
		return n
	}
	return 0
}

// rest finds the rest of a secret whose beginning was cut off.
func (t *table) rest(v view, at int, found []span) []span {
	if len(v.text)-at < Shortest {
		return found
	}
	longest := 0
	for _, in := range t.inside[gram(lower(v.text[at:at+Shortest]))] {
		rest := t.all[in.pattern].text[in.at:]
		if n := common(v.text[at:], rest); n == len(rest) || v.cut(at+n) {
			longest = max(longest, n)
		}
	}
	if longest > 0 {
		found = append(found, span{at, at + longest})
	}
	return found
}

// cut reports whether a text may have been cut at a place.
func (v view) cut(at int) bool {
	rest := v.text[at:]
	return rest == "" && v.last || strings.HasPrefix(rest, "…") || strings.HasPrefix(rest, "...") || strings.HasPrefix(rest, "*")
}

// common is the length of what text and a pattern begin with.
func common(text, pattern string) int {
	n := min(len(text), len(pattern))
	for i := range n {
		if fold(text[i]) != pattern[i] {
			return i
		}
	}
	return n
}

// word reports whether a text in lower case has letters only.
func word(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r < 'a' || r > 'z' }) < 0
}

// run is s with the characters of base64 around it.
func run(text string, s span) span {
	for s.start > 0 && inBase64(text[s.start-1]) {
		s.start--
	}
	for s.end < len(text) && inBase64(text[s.end]) {
		s.end++
	}
	return s
}

func inBase64(c byte) bool {
	return letterOrDigit(c) || c == '+' || c == '/' || c == '-' || c == '_' || c == '='
}

func letterOrDigit(c byte) bool {
	c = fold(c)
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9'
}
