package chain

import (
	"errors"
	"fmt"
	"strings"
)

// Template is a text with variables, in LangChain's f-string form: {name}
// stands for a value, {{ and }} for the braces themselves. It is compiled
// once, immutable, and safe for concurrent use.
type Template struct {
	text  string
	names []string   // the variables, in order of first use
	at    []position // where each of names is first used
	parts []part
	tail  string // the literal after the last part
}

// part is a literal and the variable that follows it.
type part struct {
	literal string
	name    int // index into Template.names
}

// position is a place in a text, from 1, columns counted in characters.
type position struct{ line, column int }

// String returns the text that the template was parsed from.
func (t *Template) String() string { return t.text }

// Vars returns the variables' names in order of first use.
func (t *Template) Vars() []string { return append([]string(nil), t.names...) }

// Render returns the text with each variable replaced by its value. Values are
// taken as they are: braces inside them are never expanded. Values without a
// variable are ignored. A variable without a value is a *[MissingError], all
// of them joined when there are several.
func (t *Template) Render(vars map[string]string) (string, error) {
	if len(t.names) == 0 {
		return t.tail, nil
	}
	var few [8]string
	values, missing := few[:0], false
	for _, name := range t.names {
		v, ok := vars[name]
		missing = missing || !ok
		values = append(values, v)
	}
	if missing {
		return "", t.missing(vars)
	}
	size := len(t.tail)
	for _, p := range t.parts {
		size += len(p.literal) + len(values[p.name])
	}
	var b strings.Builder
	b.Grow(size)
	for _, p := range t.parts {
		b.WriteString(p.literal)
		b.WriteString(values[p.name])
	}
	b.WriteString(t.tail)
	return b.String(), nil
}

// missing returns the error for every variable that vars has no value for.
func (t *Template) missing(vars map[string]string) error {
	var errs []error
	for i, name := range t.names {
		if _, ok := vars[name]; !ok {
			errs = append(errs, &MissingError{Name: name, Line: t.at[i].line, Column: t.at[i].column})
		}
	}
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}

// MissingError is a template's variable that got no value.
type MissingError struct {
	Name         string
	Line, Column int // of its first use in the template
}

// Error names the variable and its place, and says how to mean the braces.
func (e *MissingError) Error() string {
	return fmt.Sprintf("line %d, column %d: variable %q has no value; give it one, or write {{%[3]s}} if the braces belong to the text",
		e.Line, e.Column, e.Name)
}

// TemplateError is a mistake in a template's text.
type TemplateError struct {
	Line, Column int    // from 1, in characters
	Message      string // what is wrong
	Remedy       string // what to write instead
}

// Error says where, what, and what to write instead, on one line.
func (e *TemplateError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s; %s", e.Line, e.Column, e.Message, e.Remedy)
}
