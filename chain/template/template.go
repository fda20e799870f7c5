// Package template has texts with variables, in the syntaxes that LangChain
// knows: f-strings, mustache and jinja2. [Parse] compiles a text once;
// [Template.Render] fills in values.
//
// Values look in a text as they do in Python, where these prompts come from:
// True, None, 1.0, ['a', 'b'], {'key': 1}. A mapping's keys come in alphabetical
// order, as Go's have none.
package template

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/chain/template/internal/pyval"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/textx"
)

// Format is a syntax of templates, by the name that LangChain gives it.
type Format string

// The formats.
const (
	FString  Format = "f-string" // {name}; {{ and }} are the braces themselves
	Mustache Format = "mustache" // {{name}}, {{#section}}…{{/section}}
	Jinja2   Format = "jinja2"   // {{ name }}, {% for … %}; see Options.AllowJinja2
)

// Formats returns all formats, the default first.
func Formats() []Format { return []Format{FString, Mustache, Jinja2} }

// Options are what a text may use. The zero value is for a text from anywhere.
type Options struct {
	// Partials are the texts that a mustache template includes by their names.
	Partials map[string]string
	// AllowJinja2 takes jinja2 templates, which are programs: they are refused
	// otherwise. Set it for texts whose author the user trusts.
	AllowJinja2 bool
}

// Values gives variables their values: texts, booleans, numbers, nil, lists
// ([]any, []string) and mappings (map[string]any), nested at will. A
// [time.Time] and a [fmt.Stringer] are texts. A float64 is shown as one, 1.0: JSON
// is to be decoded with UseNumber.
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

// Kind is what a template needs of a variable.
type Kind int

// The kinds.
const (
	Text Kind = iota // its text only
	Any              // what is in it: it is asked whether it is true or empty, or for its items or fields
)

// Var is a variable of a template.
type Var struct {
	Name         string
	Line, Column int // of its first use, from 1, in characters
	Kind         Kind
}

// Template is a compiled text. It is immutable and safe for concurrent use.
type Template struct {
	text     string
	format   Format // empty: f-string
	vars     []Var
	optional []Var
	given    map[string]any // by Partial

	// An f-string is its parts, each a literal and the field that follows it, and
	// the literal after the last one.
	parts     []part
	tail      string
	formatted bool // some part has a format

	body body // anything else
}

// part is a literal and the field that follows it.
type part struct {
	literal string
	name    int    // index into Template.vars
	field   *field // nil: the value's text
}

// body is a compiled mustache or jinja2 text.
type body interface {
	// Render returns the text. An error that has a place is a *textx.Mistake.
	Render(values map[string]any) (string, error)
}

// Parse compiles a text with the zero [Options].
func Parse(f Format, text string) (*Template, error) { return ParseWith(f, text, Options{}) }

// ParseWith compiles a text. The first mistake in it is the error, an *[Error].
func ParseWith(f Format, text string, o Options) (*Template, error) {
	if i := textx.InvalidUTF8(text); i >= 0 {
		return nil, errorAt(text, i, "the text is not valid UTF-8", "save it as UTF-8")
	}
	switch f {
	case FString, "":
		return parseFString(text)
	case Mustache:
		return parseMustache(text, o.Partials)
	case Jinja2:
		if !o.AllowJinja2 {
			return nil, &Error{
				Line: 1, Column: 1, Message: "a jinja2 template is a program, and this one is not trusted",
				Remedy: "allow jinja2 if you know who wrote it, or write it as mustache or f-string",
				Err:    ErrJinja2,
			}
		}
		return parseJinja2(text)
	}
	return nil, fmt.Errorf("unknown template format %q; the formats are f-string, mustache, jinja2", textx.Shorten(string(f)))
}

// String returns the text that the template was parsed from.
func (t *Template) String() string { return t.text }

// Vars returns the variables that need values, in order of first use.
func (t *Template) Vars() []Var { return t.open(t.vars) }

// Optional returns the variables that may have a value and need none. In
// mustache they are those that only sections use, such as name in
// {{#greet}}Hello {{name}}{{/greet}}: a section's item may have them, or the
// values, or neither, and then they are empty. In jinja2 they are those that are
// read only by default or behind `is defined`, and those that the template itself
// sets before it reads them.
func (t *Template) Optional() []Var { return t.open(t.optional) }

func (t *Template) open(vars []Var) []Var {
	return slices.DeleteFunc(slices.Clone(vars), func(v Var) bool { _, ok := t.given[v.Name]; return ok })
}

// Partial returns a template in which these variables have values already. A
// value may be a func() any or func() string, which is called each time the
// template is rendered. What is given to Render goes before. A name that is no
// variable of the template is an error.
func (t *Template) Partial(values map[string]any) (*Template, error) {
	var names []string
	for _, v := range slices.Concat(t.vars, t.optional) {
		names = append(names, v.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if slices.Contains(names, name) {
			continue
		}
		if len(names) == 0 {
			return nil, fmt.Errorf("the template has no variables, but %q has a value", textx.Shorten(name))
		}
		return nil, fmt.Errorf("the template has no variable %q; %s", textx.Shorten(name), diag.Suggest(name, names))
	}
	p := *t
	p.given = maps.Clone(t.given)
	if p.given == nil {
		p.given = make(map[string]any, len(values))
	}
	maps.Copy(p.given, values)
	return &p, nil
}

// given are values over those of Partial.
type given struct {
	Values
	partial map[string]any
}

func (g given) Lookup(name string) (any, bool) {
	if v, ok := g.Values.Lookup(name); ok {
		return v, true
	}
	v, ok := g.partial[name]
	switch f := v.(type) {
	case func() any:
		return f(), true
	case func() string:
		return f(), true
	}
	return v, ok
}

// Render returns the text with each variable replaced by its value. Values are
// taken as they are: what looks like a template inside them is never expanded.
// Values without a variable are ignored. A variable without a value is a
// *[MissingError], all of them joined when there are several. A value that does
// not go with what the text does to it is an *[Error] with the place.
func (t *Template) Render(v Values) (string, error) {
	if v == nil {
		v = Map(nil)
	}
	if t.given != nil {
		v = given{v, t.given}
	}
	if t.body != nil {
		return t.renderBody(v)
	}
	if len(t.vars) == 0 {
		return t.tail, nil
	}
	if t.formatted {
		return t.renderFormatted(v)
	}
	var few [8]string
	values, missing := few[:0], false
	for i := range t.vars {
		value, ok := v.Lookup(t.vars[i].Name)
		missing = missing || !ok
		text, isText := value.(string)
		if !isText && ok {
			var err error
			if text, err = textOf(value); err != nil {
				return "", t.vars[i].refuse(err)
			}
		}
		values = append(values, text)
	}
	if missing {
		return "", t.missing(v)
	}
	size := len(t.tail)
	for _, p := range t.parts {
		if size += len(p.literal) + len(values[p.name]); size > maxText {
			return "", t.tooLong()
		}
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

// renderBody looks each value up once.
func (t *Template) renderBody(v Values) (string, error) {
	values := make(map[string]any, len(t.vars)+len(t.optional))
	for i, x := range slices.Concat(t.vars, t.optional) {
		value, ok := v.Lookup(x.Name)
		if !ok && i < len(t.vars) {
			return "", t.missing(v)
		}
		if !ok {
			continue
		}
		plain, err := pyval.Plain(value)
		if err != nil {
			return "", x.refuse(err)
		}
		values[x.Name] = plain
	}
	text, err := t.body.Render(values)
	if err != nil {
		return "", placed(t.text, err)
	}
	return text, nil
}

// maxText is the most that an f-string may become, in bytes. A value that it
// uses many times is small in the text, and large in what comes of it.
const maxText = 64 << 20

func (t *Template) tooLong() error {
	return errorAt(t.text, 0, fmt.Sprintf("with these values, the text exceeds %d MiB", maxText>>20), "use a value less often, or shorten it")
}

// textOf returns Python's str of a value.
func textOf(value any) (string, error) {
	plain, err := pyval.Plain(value)
	if err != nil {
		return "", err
	}
	return pyval.Str(plain, nil)
}
