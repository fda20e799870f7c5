package prompt

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tandem-llm/tandem/chain/template"
)

// Error is a mistake in a prompt.
type Error struct {
	Message int // index of the message, -1: the prompt as a whole

	// Field is what of the message is wrong where it is not its Text: "images",
	// "tool_call_id", "tool_name", "tool_calls", "placeholder", "partial",
	// "prefix", "example", "examples" or "selector". Index counts among several
	// of it.
	Field string
	Index int

	Line, Column int    // in the text, from 1; 0: the text as a whole
	What         string // what is wrong
	Remedy       string // what to write instead
	Err          error  // the cause, such as [template.ErrJinja2], or nil; not part of the text
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Error says where, what, and what to write instead, on one line.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Message >= 0 {
		fmt.Fprintf(&b, "message %d: ", e.Message+1)
	}
	switch e.Field {
	case "":
	case "images":
		fmt.Fprintf(&b, "image %d: ", e.Index+1)
	default:
		b.WriteString(e.Field + ": ")
	}
	if e.Line > 0 {
		fmt.Fprintf(&b, "line %d, column %d: ", e.Line, e.Column)
	}
	b.WriteString(e.What)
	if e.Remedy != "" {
		b.WriteString("; " + e.Remedy)
	}
	return b.String()
}

// errorOf gives a template's mistake its message.
func errorOf(at Error, err error) *Error {
	var t *template.Error
	if errors.As(err, &t) {
		at.Line, at.Column, at.What, at.Remedy, at.Err = t.Line, t.Column, t.Message, t.Remedy, t.Err
		return &at
	}
	at.What = err.Error()
	return &at
}
