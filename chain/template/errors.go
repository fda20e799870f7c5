package template

import (
	"errors"
	"fmt"

	"github.com/tandem-llm/tandem/internal/textx"
)

// MissingError is a template's variable that got no value.
type MissingError struct {
	Name         string
	Line, Column int    // of its first use in the template
	Format       Format // of the template; empty: f-string
}

// Error names the variable and its place, and says what to do.
func (e *MissingError) Error() string {
	return fmt.Sprintf("line %d, column %d: missing variable %q; %s", e.Line, e.Column, e.Name, e.Remedy())
}

// Remedy says what to do: LangChain's hint about braces is part of it.
func (e *MissingError) Remedy() string {
	if e.Format != "" && e.Format != FString {
		return "set it"
	}
	return fmt.Sprintf("set it, or, if {%[1]s} is literal text and not a variable, escape it with double curly braces: {{%[1]s}}", e.Name)
}

// missing returns the error for every variable that v has no value for.
func (t *Template) missing(v Values) error {
	var errs []error
	for _, x := range t.vars {
		if _, ok := v.Lookup(x.Name); !ok {
			errs = append(errs, &MissingError{Name: x.Name, Line: x.Line, Column: x.Column, Format: t.format})
		}
	}
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}

// Error is a mistake in a template's text, or a value that does not go with it.
type Error struct {
	Line, Column int    // from 1, in characters
	Message      string // what is wrong
	Remedy       string // what to do instead
	Err          error  // the cause, such as [ErrJinja2], or nil; not part of the text
}

// ErrJinja2 is found by errors.Is in the error of a jinja2 template that
// [Options] do not allow.
var ErrJinja2 = errors.New("jinja2 is not allowed")

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Error says where, what, and what to do instead, on one line.
func (e *Error) Error() string {
	return fmt.Sprintf("line %d, column %d: %s; %s", e.Line, e.Column, e.Message, e.Remedy)
}

func errorAt(text string, offset int, message, remedy string) error {
	at := textx.PositionOf(text, offset)
	return &Error{Line: at.Line, Column: at.Column, Message: message, Remedy: remedy}
}

// placed turns a parser's mistake into an *Error.
func placed(text string, err error) error {
	var m *textx.Mistake
	if errors.As(err, &m) {
		return errorAt(text, m.Offset, m.Message, m.Remedy)
	}
	return err
}

// refuse says that x cannot have the value which err describes.
func (x Var) refuse(err error) error {
	return &Error{Line: x.Line, Column: x.Column, Message: fmt.Sprintf("the value of %q %s", x.Name, err), Remedy: "give it another"}
}
