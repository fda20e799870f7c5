package retrieve

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/tandem-llm/tandem/internal/textx"
)

// Sizes that suit most embedding models, in characters.
const (
	DefaultSize    = 1000
	DefaultOverlap = 100
)

// A Splitter cuts a text into passages. The zero value cuts to [DefaultSize]
// without overlap.
type Splitter struct {
	// Size is the most characters of a passage. 0: [DefaultSize].
	Size int
	// Overlap is how many characters of the end of a passage, at most, the next
	// one begins with, where both come from one paragraph. At most Size.
	Overlap int
	// Lines makes every line that is not blank a passage, however long it is.
	Lines bool
}

// Check returns what is wrong with s, or nil.
func (s Splitter) Check() error {
	switch {
	case s.Size < 0 || s.Overlap < 0:
		return errors.New("a passage's size and overlap must not be negative")
	case s.Lines && (s.Size > 0 || s.Overlap > 0):
		return errors.New("a line is a whole passage; size and overlap do not apply to lines")
	case !s.Lines && s.Overlap > s.size():
		return fmt.Errorf("an overlap of %d characters is longer than a passage of %d", s.Overlap, s.size())
	}
	return nil
}

func (s Splitter) size() int {
	if s.Size == 0 {
		return DefaultSize
	}
	return s.Size
}

// String says how s splits, such as "1000/100" or "lines": passages of the
// same text by splitters of one String are the same.
func (s Splitter) String() string {
	if s.Lines {
		return "lines"
	}
	return fmt.Sprintf("%d/%d", s.size(), s.Overlap)
}

// Split cuts text at paragraphs, else at lines, else at spaces, and only where
// there is none of them inside a word. Passages hold no space at either end and
// are in the text's order, with their Line and Offset; blank ones are left out.
//
// It cuts where LangChain's RecursiveCharacterTextSplitter does by default.
func (s Splitter) Split(source, text string) ([]Passage, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	c := cutter{text: text, size: s.size(), overlap: s.Overlap}
	if s.Lines {
		c.lines()
	} else {
		c.cut(0, len(text), []separator{paragraph, lineEnd, space})
	}
	out := make([]Passage, 0, len(c.out))
	line, at := 1, 0
	for _, p := range c.out {
		if p.from >= at {
			line += strings.Count(text[at:p.from], "\n")
		} else { // an overlap goes back
			line -= strings.Count(text[p.from:at], "\n")
		}
		at = p.from
		out = append(out, Passage{Text: text[p.from:p.to], Source: source, Line: line, Offset: p.from})
	}
	return out, nil
}

// piece is a part of the text: bytes from to to, which are n characters.
type piece struct{ from, to, n int }

type cutter struct {
	text          string
	size, overlap int
	out           []piece

	// What is being put together: pieces that follow one another, of n characters.
	current []piece
	n       int
}

func (c *cutter) lines() {
	for from := 0; from < len(c.text); {
		to := len(c.text)
		if i := strings.IndexByte(c.text[from:], '\n'); i >= 0 {
			to = from + i
		}
		c.emit(from, to)
		from = to + 1
	}
}

// cut takes text[from:to] apart at the first of separators that it has. What is
// still too long is cut at the ones after that, and last between characters.
func (c *cutter) cut(from, to int, separators []separator) {
	for len(separators) > 0 {
		if at, _ := separators[0](c.text[from:to]); at >= 0 {
			break
		}
		separators = separators[1:]
	}
	if len(separators) == 0 {
		c.cutCharacters(from, to)
		return
	}
	find, rest := separators[0], separators[1:]
	for from < to {
		// A separator stays with what follows it.
		end, skip := to, 0
		if at, n := find(c.text[from:to]); at == 0 {
			skip = n
		}
		if at, _ := find(c.text[from+skip : to]); at >= 0 {
			end = from + skip + at
		}
		if n := utf8.RuneCountInString(c.text[from:end]); n < c.size {
			c.add(piece{from, end, n})
		} else {
			c.flush()
			c.cut(from, end, rest)
		}
		from = end
	}
	c.flush()
}

// separator finds where a text can be cut: the first place, and how many bytes lie
// between the parts; -1: there is none.
type separator func(text string) (at, length int)

// paragraph finds an empty line, with either line end.
func paragraph(text string) (at, length int) {
	for from := 0; ; {
		i := strings.IndexByte(text[from:], '\n')
		if i < 0 {
			return -1, 0
		}
		i += from
		from = i + 1
		switch {
		case strings.HasPrefix(text[from:], "\n"):
			return i, 2
		case i > 0 && text[i-1] == '\r' && strings.HasPrefix(text[from:], "\r\n"):
			return i - 1, 4
		}
	}
}

func lineEnd(text string) (at, length int) { return strings.IndexByte(text, '\n'), 1 }

func space(text string) (at, length int) { return strings.IndexByte(text, ' '), 1 }

func (c *cutter) cutCharacters(from, to int) {
	for from < to {
		_, n := utf8.DecodeRuneInString(c.text[from:to])
		if c.size > 1 {
			c.add(piece{from, from + n, 1})
		} else {
			c.out = append(c.out, piece{from: from, to: from + n})
		}
		from += n
	}
	c.flush()
}

// add puts a piece to the passage in the making, or begins the next one with
// as much of its end as the overlap allows.
func (c *cutter) add(p piece) {
	if c.n+p.n > c.size && len(c.current) > 0 {
		c.emit(c.current[0].from, c.current[len(c.current)-1].to)
		for c.n > c.overlap || c.n+p.n > c.size && c.n > 0 {
			c.n -= c.current[0].n
			c.current = c.current[1:]
		}
	}
	c.current = append(c.current, p)
	c.n += p.n
}

func (c *cutter) flush() {
	if len(c.current) > 0 {
		c.emit(c.current[0].from, c.current[len(c.current)-1].to)
	}
	c.current, c.n = nil, 0
}

// emit keeps text[from:to] without the space at its ends, unless it is blank.
func (c *cutter) emit(from, to int) {
	text := strings.TrimLeftFunc(c.text[from:to], textx.IsSpace)
	from = to - len(text)
	if text = strings.TrimRightFunc(text, textx.IsSpace); text != "" {
		c.out = append(c.out, piece{from: from, to: from + len(text)})
	}
}
