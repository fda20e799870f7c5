// Package template has texts with variables, in the syntaxes that LangChain
// knows. [Parse] compiles a text once; [Template.Render] fills in values.
package template

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/internal/textx"
)

// Format is a syntax of templates, by the name that LangChain gives it.
type Format string

// The formats.
const (
	FString Format = "f-string" // {name}; {{ and }} are the braces themselves
)

// Formats returns all formats, the default first.
func Formats() []Format { return []Format{FString} }

// Values gives variables their values: texts, booleans, numbers, nil, lists
// ([]any, []string) and mappings (map[string]any), nested at will.
type Values interface {
	// Lookup returns the value of a variable; ok is false where it has none.
	Lookup(name string) (value any, ok bool)
}

// Map is the Values of a plain map.
type Map map[string]any

// Lookup returns m[name].
func (m Map) Lookup(name string) (any, bool) {
	v, ok := m[name]
	return v, ok
}

// Var is a variable of a template.
type Var struct {
	Name         string
	Line, Column int // of its first use, from 1, in characters
}

// Template is a compiled text. It is immutable and safe for concurrent use.
type Template struct {
	text  string
	vars  []Var
	parts []part
	tail  string // the literal after the last part
}

// part is a literal and the variable that follows it.
type part struct {
	literal string
	name    int // index into Template.vars
}

// Parse compiles a text. The first mistake in it is the error, an *[Error].
func Parse(f Format, text string) (*Template, error) {
	if i := textx.InvalidUTF8(text); i >= 0 {
		return nil, errorAt(text, i, "the text is not valid UTF-8", "save it as UTF-8")
	}
	switch f {
	case FString, "":
		return parseFString(text)
	}
	return nil, fmt.Errorf("there is no template format %q", textx.Shorten(string(f)))
}

// String returns the text that the template was parsed from.
func (t *Template) String() string { return t.text }

// Vars returns the variables in order of first use.
func (t *Template) Vars() []Var { return slices.Clone(t.vars) }

// Render returns the text with each variable replaced by its value. Values are
// taken as they are: what looks like a template inside them is never expanded.
// Values without a variable are ignored. A variable without a value is a
// *[MissingError], all of them joined when there are several.
func (t *Template) Render(v Values) (string, error) {
	if len(t.vars) == 0 {
		return t.tail, nil
	}
	if v == nil {
		v = Map(nil)
	}
	var few [8]string
	values, missing := few[:0], false
	for i := range t.vars {
		value, ok := v.Lookup(t.vars[i].Name)
		missing = missing || !ok
		text, isText := value.(string)
		if !isText && ok {
			text = fmt.Sprint(value)
		}
		values = append(values, text)
	}
	if missing {
		return "", t.missing(v)
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

// missing returns the error for every variable that v has no value for.
func (t *Template) missing(v Values) error {
	var errs []error
	for _, x := range t.vars {
		if _, ok := v.Lookup(x.Name); !ok {
			errs = append(errs, &MissingError{Name: x.Name, Line: x.Line, Column: x.Column})
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

// Error is a mistake in a template's text.
type Error struct {
	Line, Column int    // from 1, in characters
	Message      string // what is wrong
	Remedy       string // what to write instead
}

// Error says where, what, and what to write instead, on one line.
func (e *Error) Error() string {
	return fmt.Sprintf("line %d, column %d: %s; %s", e.Line, e.Column, e.Message, e.Remedy)
}
