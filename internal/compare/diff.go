package compare

import "unicode"

// Span is a piece of a difference between two texts.
type Span struct {
	Kind string // same, added or removed
	Text string
}

// maxWords is how many words a text may have whose difference is shown: the time
// that it takes grows with the product of both.
const maxWords = 800

// diffWords is how b differs from a, word by word; false where they are too long.
func diffWords(a, b string) ([]Span, bool) {
	x, y := words(a), words(b)
	if len(x) > maxWords || len(y) > maxWords {
		return nil, false
	}
	// longest[i][j] is the longest common subsequence of x[i:] and y[j:].
	longest := make([][]int, len(x)+1)
	for i := range longest {
		longest[i] = make([]int, len(y)+1)
	}
	for i := len(x) - 1; i >= 0; i-- {
		for j := len(y) - 1; j >= 0; j-- {
			if x[i] == y[j] {
				longest[i][j] = longest[i+1][j+1] + 1
			} else {
				longest[i][j] = max(longest[i+1][j], longest[i][j+1])
			}
		}
	}
	var out []Span
	add := func(kind, text string) {
		if n := len(out); n > 0 && out[n-1].Kind == kind {
			out[n-1].Text += text
			return
		}
		out = append(out, Span{kind, text})
	}
	i, j := 0, 0
	for i < len(x) || j < len(y) {
		switch {
		case i < len(x) && j < len(y) && x[i] == y[j]:
			add("same", x[i])
			i, j = i+1, j+1
		case j >= len(y) || i < len(x) && longest[i+1][j] >= longest[i][j+1]:
			add("removed", x[i])
			i++
		default:
			add("added", y[j])
			j++
		}
	}
	return out, true
}

// words are the words of a text and what is between them.
func words(s string) []string {
	var out []string
	kind := -1
	start := 0
	for i, r := range s {
		k := 0
		switch {
		case unicode.IsSpace(r):
			k = 1
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			k = 2
		}
		if i > start && (k != kind || k == 2) {
			out = append(out, s[start:i])
			start = i
		}
		kind = k
	}
	if start < len(s) {
		out = append(out, s[start:])
	}
	return out
}
