package chatui

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// flow is text in styles, as a terminal's lines: a word that does not fit on one
// is on the next. A word comes when it is whole; the first of a line, and one that
// is wider than the terminal, as it comes: an address can be copied then.
// Letters that take two columns are words of their own.
type flow struct {
	out    bytes.Buffer
	width  func() int // of the terminal now; nil, or not known: lines are not broken
	asIs   bool       // the line is not broken
	styles bool       // they are shown
	have   style      // what the terminal shows now

	cols    int    // the width; 0: lines are not broken
	col     int    // where the next letter stands
	hang    []span // what a line that is broken goes on with
	gap     []span // white space, which is left out where a line is broken
	word    []span // not written yet
	wordW   int
	held    int    // bytes of the word
	long    bool   // the word's beginning has been written
	prev    []byte // the word's last letter
	pending span   // a letter, of which more may come
}

// span is text of one style, without a newline.
type span struct {
	text  []byte
	style style
}

// text adds text of one line, cut anywhere between two characters.
func (f *flow) text(text []byte, s style) {
	f.cols = 0
	if f.width != nil {
		f.cols = f.width()
	}
	if f.asIs || f.cols <= 0 {
		f.flush()
		f.write(text, s)
		return
	}
	if s != f.pending.style {
		f.settle()
	}
	f.pending.text, f.pending.style = append(f.pending.text, text...), s
	rest := f.pending.text
	for len(rest) > 0 {
		if rest[0] == ' ' || rest[0] == '\t' {
			f.letter(rest[:1], 1, s)
			rest = rest[1:]
			continue
		}
		cluster, more, w, _ := uniseg.FirstGraphemeCluster(rest, -1)
		if len(more) == 0 && len(cluster) < reach && !alone(cluster[0]) {
			break
		}
		f.letter(cluster, w, s)
		rest = more
	}
	f.pending.text = append(f.pending.text[:0], rest...)
}

// settle takes the letter that waits as it is.
func (f *flow) settle() {
	if p := f.pending; len(p.text) > 0 {
		f.letter(p.text, uniseg.StringWidth(string(p.text)), p.style)
		f.pending.text = p.text[:0]
	}
}

// letter adds a letter that is whole.
func (f *flow) letter(c []byte, w int, s style) {
	switch {
	case c[0] == ' ' || c[0] == '\t':
		f.endWord()
		f.gap = appendSpan(f.gap, c, s)
		return
	case f.prev != nil && mayBreak(f.prev, c):
		f.endWord()
	}
	f.prev = append(f.prev[:0], c...)
	if f.long {
		f.write(c, s)
		f.advance(w)
		return
	}
	f.word = appendSpan(f.word, c, s)
	f.held += len(c)
	f.wordW += w
	if hang := f.hanging(); f.col <= hang || hang+f.wordW > f.cols || f.held > reach {
		f.place()
		f.long = true
	}
}

// endWord ends the word, which is written now if it was not.
func (f *flow) endWord() {
	if len(f.word) > 0 {
		f.place()
	}
	f.long, f.prev = false, nil
}

// place writes the word, on the next line if it does not fit.
func (f *flow) place() {
	gap := 0
	for _, g := range f.gap {
		for _, c := range g.text {
			if gap++; c == '\t' {
				gap += 7 - (f.col+gap-1)%8
			}
		}
	}
	if hang := f.hanging(); f.col > hang && f.col+gap+f.wordW > f.cols {
		f.show(0)
		f.out.WriteByte('\n')
		for _, h := range f.hang {
			f.write(h.text, h.style)
		}
		f.col = hang
	} else {
		for _, g := range f.gap {
			f.write(g.text, g.style)
		}
		f.col += gap
	}
	for _, p := range f.word {
		f.write(p.text, p.style)
	}
	f.advance(f.wordW)
	f.gap, f.word, f.wordW, f.held = f.gap[:0], f.word[:0], 0, 0
}

// hanging is the width of what a broken line goes on with, where that leaves room
// for text.
func (f *flow) hanging() int {
	w := spansWidth(f.hang)
	if 2*w > f.cols {
		f.hang, w = nil, 0
	}
	return w
}

// advance moves the column, which the terminal does at its edge itself.
func (f *flow) advance(w int) {
	for f.col += w; f.col > f.cols; {
		f.col -= f.cols
	}
}

// newLine ends the line. White space at the end of one that may be broken is
// left out.
func (f *flow) newLine() {
	f.settle()
	f.endWord()
	f.show(0)
	f.out.WriteByte('\n')
	f.col, f.hang, f.gap, f.asIs = 0, nil, f.gap[:0], false
}

// flush writes what is held back, but for white space at the end.
func (f *flow) flush() {
	f.settle()
	f.endWord()
}

func (f *flow) write(text []byte, s style) {
	if len(text) > 0 {
		f.show(s)
		f.out.Write(text)
	}
}

// show changes the terminal's style.
func (f *flow) show(s style) {
	if s == f.have || !f.styles {
		return
	}
	f.have = s
	f.out.WriteString("\x1b[0")
	for i, sgr := range [...]string{";1", ";2", ";3", ";4", ";36"} {
		if s&(1<<i) != 0 {
			f.out.WriteString(sgr)
		}
	}
	f.out.WriteByte('m')
}

// indent has what is broken off this line go on with those spans.
func (f *flow) indent(hang ...span) {
	f.hang = hang
}

// alone reports whether a letter is as wide with what may follow and belong to it.
func alone(c byte) bool {
	return c > ' ' && c < 0x7f && (c < '0' || c > '9') && c != '#' && c != '*'
}

// mayBreak reports whether a line may be broken between two letters of a word:
// beside one of two columns, but for punctuation that belongs to the other.
func mayBreak(before, after []byte) bool {
	if !isWide(before) && !isWide(after) {
		return false
	}
	last, _ := utf8.DecodeRune(before)
	next, _ := utf8.DecodeRune(after)
	return !unicode.In(last, unicode.Ps, unicode.Pi) && !unicode.In(next, unicode.Pe, unicode.Pf, unicode.Po)
}

// isWide reports whether a letter takes two columns by itself, and not with a mark, which
// may have come later.
func isWide(c []byte) bool {
	r, _ := utf8.DecodeRune(c)
	return r >= utf8.RuneSelf && !unicode.Is(unicode.M, r) && uniseg.StringWidth(string(c)) >= 2
}

func spansWidth(spans []span) (w int) {
	for _, s := range spans {
		w += uniseg.StringWidth(string(s.text))
	}
	return w
}

func appendSpan(spans []span, text []byte, s style) []span {
	if n := len(spans); n > 0 && spans[n-1].style == s {
		spans[n-1].text = append(spans[n-1].text, text...)
		return spans
	}
	return append(spans, span{bytes.Clone(text), s})
}
