package provider

import (
	"iter"
	"strings"
)

// Response is a whole answer: what [Collect] makes of a stream.
type Response struct {
	Text      string
	Thinking  string
	ToolCalls []ToolCall
	Finish    Finish
	Usage     *Usage // nil when the server did not tell
	Route     *Route
}

// Collect ranges over a stream and returns the whole answer. On an error it
// returns what came before it together with the error: partial output,
// Finish empty. A stream that ends without Finish is a [Truncated] error.
func Collect(stream iter.Seq2[Chunk, error]) (Response, error) {
	var (
		r              Response
		text, thinking joiner
		failed         error
	)
	for c, err := range stream {
		if err != nil {
			failed = err
			break
		}
		text.add(c.Text)
		thinking.add(c.Thinking)
		r.ToolCalls = append(r.ToolCalls, c.ToolCalls...)
		if c.Finish != "" {
			r.Finish, r.Usage, r.Route = c.Finish, c.Usage, c.Route
		}
	}
	r.Text, r.Thinking = text.String(), thinking.String()
	if failed != nil {
		r.Finish = ""
		return r, failed
	}
	if r.Finish == "" {
		return r, &Error{Kind: Truncated, Err: errNoFinish}
	}
	return r, nil
}

var errNoFinish = &plainError{"the stream ended without saying why"}

type plainError struct{ text string }

func (e *plainError) Error() string { return e.text }

// joiner concatenates strings; a single one is kept as it is, uncopied.
type joiner struct {
	one  string
	many strings.Builder
}

func (j *joiner) add(s string) {
	switch {
	case s == "":
	case j.one == "" && j.many.Len() == 0:
		j.one = s
	default:
		if j.many.Len() == 0 {
			j.many.WriteString(j.one)
			j.one = ""
		}
		j.many.WriteString(s)
	}
}

func (j *joiner) String() string {
	if j.one != "" {
		return j.one
	}
	return j.many.String()
}
