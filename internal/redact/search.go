package redact

import "strings"

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
		s := search{table: t, view: v}
		s.all()
		for _, hit := range s.found {
			for i := len(steps) - 1; i >= 0; i-- {
				hit = steps[i].before(hit)
			}
			found = append(found, hit)
		}
		text, step := unescape(v.text)
		if len(step) == 0 {
			break
		}
		v.text, steps = text, append(steps, step)
	}
	return found
}

// search is one for secrets in a text as it is.
type search struct {
	*table
	view
	found    []span
	compared int // bytes: at most 32 times the text, and twice for each pattern
}

func (s *search) all() {
	if len(s.text) >= Shortest {
		s.rests()
		s.heads()
		s.parts()
	}
}

// heads finds patterns, and parts of them, by how they begin.
func (s *search) heads() {
	var g uint64
	wordEnds := 0          // the end of the last word of base64 that was found
	seen := map[int]span{} // of patterns that repeat themselves: the furthest part
	for i := range len(s.text) {
		g = g<<8 | uint64(fold(s.text[i]))
		if !s.filter[hash(g)] {
			continue
		}
		at := i - (Shortest - 1)
		for _, index := range s.byHead[g] {
			p, known := &s.patterns[index], 0
			if last := seen[index]; at < last.end {
				known = min(p.again[at-last.start], last.end-at)
			}
			n := known + s.common(at+known, p.text[known:])
			if p.again != nil && at+n > seen[index].end {
				seen[index] = span{at, at + n}
			}
			if n < len(p.text) && (n < p.part || n <= p.letters && !s.cut(at+n)) {
				continue // no more than a word that may stand anywhere
			}
			hit := span{at, at + n}
			if p.run && at >= wordEnds {
				hit = run(s.text, hit)
				wordEnds = hit.end
			}
			s.add(hit)
		}
	}
}

// rests finds the rest of secrets whose beginning was cut off.
func (s *search) rests() {
	until := 0 // what was compared
	if s.first {
		until = s.rest(0)
	}
	for _, dots := range []string{"…", "..."} {
		for at := 0; ; {
			i := strings.Index(s.text[at:], dots)
			if i < 0 {
				break
			}
			at += i + len(dots)
			if at >= until {
				until = s.rest(at)
			}
		}
		until = 0
	}
}

// rest finds the rest of a secret at a place, and returns the end of what may
// have been one.
func (s *search) rest(at int) (end int) {
	if len(s.text)-at < Shortest {
		return at
	}
	end, longest := at, 0
	for _, in := range s.inside[gram(lower(s.text[at:at+Shortest]))] {
		rest := s.patterns[in.pattern].text[in.at:]
		n := s.common(at, rest)
		end = max(end, at+n)
		if n == len(rest) || s.cut(at+n) {
			longest = max(longest, n)
		}
	}
	if longest > 0 {
		s.add(span{at, at + longest})
	}
	return end
}

// parts finds what stands within a secret where no text would stand by chance:
// a program may write a key in pieces.
func (s *search) parts() {
	var g uint64
	until := Shortest - 1 // the first place at whose 8 bytes to look
	for i := range len(s.text) {
		g = g<<8 | uint64(fold(s.text[i]))
		if i < until || !s.within[hash(g)] || s.text[i-(Shortest-1)] == ' ' {
			continue
		}
		at, longest := i-(Shortest-1), 0
		for _, in := range s.inside[g] {
			p := &s.patterns[in.pattern]
			n := s.common(at, p.text[in.at:])
			if p.part > Shortest && in.at < p.part { // a URL's host
				continue
			}
			longest = max(longest, n)
		}
		if longest == 0 {
			continue
		}
		if telling(s.text[at : at+longest]) {
			s.found = append(s.found, span{at, at + longest})
		}
		until = at + longest // what begins within ends with it
	}
}

// telling reports whether a text is not prose: a word in it has letters and
// digits, or letters of both cases in disorder, or is a long number.
func telling(text string) bool {
	for len(text) > 0 {
		n := while(text, letterOrDigit)
		if n == 0 {
			text = text[1:]
			continue
		}
		word := text[:n]
		text = text[n:]
		digits := n - len(strings.Trim(word, "0123456789"))
		letters := while(word, func(c byte) bool { return c < '0' || c > '9' })
		switch {
		case n < 3:
		case letters == n:
			if rest := word[1:]; rest != strings.ToLower(rest) && word != strings.ToUpper(word) {
				return true
			}
		case digits < n || n >= Shortest:
			return true
		}
	}
	return false
}

// add joins a find with the one before where they overlap or touch.
func (s *search) add(hit span) {
	if last := len(s.found) - 1; last >= 0 && s.found[last].start <= hit.start && hit.start <= s.found[last].end {
		s.found[last].end = max(s.found[last].end, hit.end)
		return
	}
	s.found = append(s.found, hit)
}

// cut reports whether the text may have been cut at a place.
func (s *search) cut(at int) bool {
	rest := s.text[at:]
	return rest == "" && s.last || strings.HasPrefix(rest, "…") || strings.HasPrefix(rest, "...") || strings.HasPrefix(rest, "*")
}

// common is the length of what the text, from a place on, and a pattern begin
// with.
func (s *search) common(at int, pattern string) int {
	text := s.text[at:]
	n := min(len(text), len(pattern))
	for i := range n {
		if fold(text[i]) != pattern[i] {
			n = i
			break
		}
	}
	s.compared += n + 1
	return n
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
