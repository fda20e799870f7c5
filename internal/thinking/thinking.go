// Package thinking separates what a model thought from what it answered, where a
// server leaves both in one text, with tags between them: it has no reasoning
// parser, or none for this model.
//
// The rule: a tag at the beginning of the text, or directly after another block
// of thinking, opens thinking, white space aside. The block ends at its own
// closing tag, or with the text. Anywhere else a tag is text, for an answer may
// be about tags. So it is in code, and in JSON.
//
// Some templates open the block themselves (DeepSeek-R1, QwQ, Qwen3-Thinking), so
// that only </think> comes. It counts if nothing opened thinking before, the text
// does not begin as JSON, markup or code do, the tag is in no code block, and
// stands at the beginning of the text or of a line, or directly behind a word: who
// writes about the tag quotes it, or leaves a space.
package thinking

import "strings"

// block is how a sort of model marks its thinking.
type block struct {
	open, closed string
	other        string // another mark that closes it; empty: none
}

// blocks are the marks: those of DeepSeek-R1, QwQ, Qwen3 and most others; of
// models told to think in the prompt; of Gemini's OpenAI-compatible API; of
// Magistral; of Seed-OSS; of Kimi-VL; of OpenThinker; of gpt-oss.
var blocks = [...]block{
	{open: "<think>", closed: "</think>"},
	{open: "<thinking>", closed: "</thinking>"},
	{open: "<reasoning>", closed: "</reasoning>"},
	{open: "<thought>", closed: "</thought>"},
	{open: "[THINK]", closed: "[/THINK]"},
	{open: "<seed:think>", closed: "</seed:think>"},
	{open: "◁think▷", closed: "◁/think▷"},
	{open: "<|begin_of_thought|>", closed: "<|end_of_thought|>"},
	{open: "<|channel|>analysis<|message|>", closed: "<|end|>", other: startMark},
}

// The marks of gpt-oss that say nothing: a message begins, and it is the answer.
const (
	startMark  = "<|start|>assistant"
	answerMark = "<|channel|>final<|message|>"
)

// maxSpace is the most white space before a tag, in bytes.
const maxSpace = 1 << 10

// Part is what a piece of text was.
type Part struct {
	// Before says that all Text of the parts before was thinking.
	Before         bool
	Thinking, Text string
}

// Splitter separates a text that comes in pieces. Its zero value is ready. What
// it makes of a text does not depend on how the text is cut. It keeps no more
// than the beginning of a tag and the white space before it, and copies nothing
// of a text without tags.
type Splitter struct {
	// Parsed says that the server separates thinking itself: a closing tag alone
	// is text then.
	Parsed bool

	state state
	block *block
	held  string
	lead  bool // the thinking of this block has not begun
	again bool // it is not the first block
	text  prose
}

type state int

const (
	start   state = iota
	inside        // a block
	between       // behind a block
	answer
)

// Add takes the next piece, which has whole letters.
func (s *Splitter) Add(piece string) (p Part) {
	if piece == "" {
		return p
	}
	if s.held != "" {
		piece, s.held = s.held+piece, ""
	}
	s.take(piece, false, &p)
	return p
}

// End returns what is left at the end of the text.
func (s *Splitter) End() (p Part) {
	piece := s.held
	s.held = ""
	s.take(piece, true, &p)
	return p
}

func (s *Splitter) take(piece string, last bool, p *Part) {
	for piece != "" || last {
		switch s.state {
		case start, between:
			if !s.opening(&piece, last) {
				return
			}
		case inside:
			if !s.thought(&piece, last, p) {
				return
			}
		case answer:
			if !s.answered(&piece, last, p) {
				return
			}
		}
	}
}

// opening looks for a tag that opens thinking. It reports whether it can tell;
// what it cannot tell is held.
func (s *Splitter) opening(piece *string, last bool) bool {
	rest := strings.TrimLeft(*piece, " \t\r\n")
	if rest == "" {
		switch {
		case s.state == between && last:
			*piece = ""
			return false
		case s.state == between:
			*piece = ""
			return true
		case !last && len(*piece) <= maxSpace:
			s.held = *piece
			return false
		}
	}
	far := s.state == start && len(*piece)-len(rest) > maxSpace
	for i := range blocks {
		b := &blocks[i]
		switch after, ok := strings.CutPrefix(rest, b.open); {
		case far:
		case ok:
			s.state, s.block, s.lead, *piece = inside, b, true, after
			return true
		case !last && cut(rest, b.open):
			s.held = *piece
			return false
		}
	}
	for _, mark := range [...]string{startMark, answerMark} {
		switch after, ok := strings.CutPrefix(rest, mark); {
		case far:
		case ok:
			if s.state, *piece = between, after; mark == answerMark {
				s.state, s.text.off = answer, true
			}
			return true
		case !last && cut(rest, mark):
			s.held = *piece
			return false
		}
	}
	for _, tag := range closings {
		switch after, ok := strings.CutPrefix(rest, tag); {
		case far || s.state == between || s.Parsed:
		case ok: // it thought nothing
			s.state, *piece = between, after
			return true
		case !last && cut(rest, tag):
			s.held = *piece
			return false
		}
	}
	if s.state == between {
		*piece = rest
		s.text.off = true
	}
	s.state = answer
	s.text.begin(rest)
	return true
}

// thought passes on thinking, as far as its end.
func (s *Splitter) thought(piece *string, last bool, p *Part) bool {
	before, after, found := strings.Cut(*piece, s.block.closed)
	if other := s.block.other; other != "" {
		if i := strings.Index(before, other); i >= 0 {
			before, after, found = before[:i], (*piece)[i+len(other):], true
		}
	}
	if !found && !last {
		n := max(partial(before, s.block.closed), partial(before, s.block.other))
		before, s.held = before[:len(before)-n], before[len(before)-n:]
	}
	*piece = after
	if s.lead {
		before = strings.TrimLeft(before, " \t\r\n")
		s.lead = before == ""
		if s.again && !s.lead {
			before = "\n\n" + before
		}
		s.again = s.again || !s.lead
	}
	p.Thinking = join(p.Thinking, before)
	if found {
		s.state = between
	}
	return found
}

// answered passes on text, and looks for a closing tag alone.
func (s *Splitter) answered(piece *string, last bool, p *Part) bool {
	if s.Parsed {
		s.text.off = true
	}
	n, tag, closed := s.text.end(*piece, last)
	if !closed {
		p.Text = join(p.Text, (*piece)[:n])
		s.held, *piece = (*piece)[n:], ""
		return false
	}
	p.Before = true
	p.Thinking, p.Text = join(p.Thinking, join(p.Text, (*piece)[:n])), ""
	*piece = (*piece)[n+tag:]
	s.state, s.again, s.text.off = between, true, true
	return true
}

// join is a + b, without a copy where one is empty.
func join(a, b string) string {
	switch {
	case a == "":
		return b
	case b == "":
		return a
	}
	return a + b
}

// partial is the length of the longest end of s that tag begins with.
func partial(s, tag string) int {
	for n := min(len(s), len(tag)-1); n > 0; n-- {
		if strings.HasSuffix(s, tag[:n]) {
			return n
		}
	}
	return 0
}

// Split separates a whole text; parsed is [Splitter].Parsed.
func Split(text string, parsed bool) (thinking, answer string) {
	s := Splitter{Parsed: parsed}
	p, rest := s.Add(text), s.End()
	if rest.Before {
		return join(p.Text, rest.Thinking), rest.Text
	}
	return join(p.Thinking, rest.Thinking), join(p.Text, rest.Text)
}

// CutClosing cuts a text at the first of the closing tags that may come alone.
func CutClosing(text string) (before, after string, found bool) {
	for _, tag := range closings {
		if b, a, ok := strings.Cut(text, tag); ok && (!found || len(b) < len(before)) {
			before, after, found = b, a, true
		}
	}
	return before, after, found
}
