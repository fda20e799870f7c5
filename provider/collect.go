package provider

import (
	"iter"
	"strings"
)

// Response is a whole answer: what [Collect] makes of a stream.
type Response struct {
	Text      string     `json:"text,omitempty"`
	Thinking  string     `json:"thinking,omitempty"`
	ToolCalls []ToolCall `json:"tool_calls,omitempty"`
	Finish    Finish     `json:"finish,omitempty"`
	Usage     *Usage     `json:"usage,omitempty"` // nil if the server did not report it
	Route     *Route     `json:"route,omitempty"`
}

// Collect ranges over a stream and returns the whole answer. On an error it
// returns what came before it together with the error: partial output,
// Finish empty. A stream that ends without Finish is a [Truncated] error. What
// came before a [Chunk.Restart] is dropped.
func Collect(stream iter.Seq2[Chunk, error]) (Response, error) {
	var all collected
	stream(all.addChunk)
	return all.response()
}

// collected is what has come of a stream. It is its own loop body: what a
// written one holds is allocated piece by piece, at each call.
type collected struct {
	text     joiner
	thinking *joiner // nil: most answers come without
	calls    []ToolCall
	finish   Finish
	usage    *Usage
	route    *Route
	failed   error
}

// addChunk is the body of a loop over the stream.
func (a *collected) addChunk(c Chunk, err error) bool {
	if err != nil {
		a.failed = err
		return false
	}
	a.add(&c)
	return true
}

func (a *collected) add(c *Chunk) {
	switch {
	case c.Thought && c.Restart:
		a.textWasThinking()
	case c.Restart:
		*a = collected{}
	}
	a.text.add(c.Text)
	if c.Thinking != "" {
		if a.thinking == nil {
			a.thinking = &joiner{}
		}
		a.thinking.add(c.Thinking)
	}
	a.calls = append(a.calls, c.ToolCalls...)
	if c.Finish != "" {
		a.finish, a.usage, a.route = c.Finish, c.Usage, c.Route
	}
}

// textWasThinking makes the text so far thinking.
func (a *collected) textWasThinking() {
	if a.thinking == nil {
		a.thinking = &joiner{}
	}
	a.thinking.add(a.text.String())
	a.text = joiner{}
}

func (a *collected) response() (Response, error) {
	r := Response{Text: a.text.String(), ToolCalls: a.calls, Finish: a.finish, Usage: a.usage, Route: a.route}
	if a.thinking != nil {
		r.Thinking = a.thinking.String()
	}
	if a.failed != nil {
		r.Finish = ""
		return r, a.failed
	}
	if r.Finish == "" {
		return r, &Error{Kind: Truncated, Err: errNoFinish}
	}
	return r, nil
}

var errNoFinish = &plainError{"the stream ended without a finish reason"}

type plainError struct{ text string }

func (e *plainError) Error() string { return e.text }

// joiner concatenates strings; a single one is kept as it is, uncopied. A long
// text is kept in blocks until it is asked for, since growing in one piece would
// copy it again and again; strings that are blocks by themselves are not copied.
type joiner struct {
	one    string
	many   strings.Builder
	blocks []string // that come before many
}

const (
	block      = 1 << 20 // about how long a block is, in bytes
	blockAlone = 4 << 10 // how long a string is that becomes a block
)

func (j *joiner) add(s string) {
	switch {
	case s == "":
		return
	case j.one == "" && j.many.Len() == 0 && len(j.blocks) == 0:
		j.one = s
		return
	case j.one != "":
		one := j.one
		j.one = ""
		j.put(one)
	}
	j.put(s)
}

func (j *joiner) put(s string) {
	if len(s) >= blockAlone {
		j.flush()
		j.blocks = append(j.blocks, s)
		return
	}
	if j.many.Len() >= block {
		j.flush()
		j.many.Grow(block)
	}
	j.many.WriteString(s)
}

func (j *joiner) flush() {
	if j.many.Len() > 0 {
		j.blocks = append(j.blocks, j.many.String())
		j.many = strings.Builder{}
	}
}

func (j *joiner) String() string {
	switch {
	case j.one != "":
		return j.one
	case len(j.blocks) == 0:
		return j.many.String()
	}
	j.flush()
	return strings.Join(j.blocks, "")
}
