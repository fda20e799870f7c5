// Package output makes values of what a model wrote: lists, JSON, one of
// several words, yes or no, a time, the groups of a regular expression, XML, or
// JSON that a schema accepts. Each [Parser] also has the words that tell a model
// how to answer, for a prompt.
//
// The parsers are those of LangChain, by their rules; where LangChain guesses,
// takes a cut answer for a whole one, or gives an empty value for an answer
// that holds none, a Parser fails (docs/langchain.md lists these).
package output

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/internal/thinking"
)

// Type says which kind of value a [Parser] makes.
type Type string

// The types, and what Parse returns.
const (
	TypeText   Type = "text"   // string
	TypeList   Type = "list"   // []string
	TypeMap    Type = "map"    // map[string]any
	TypeBool   Type = "bool"   // bool
	TypeTime   Type = "time"   // time.Time
	TypeNumber Type = "number" // json.Number
	TypeAny    Type = "any"    // what JSON has: map[string]any, []any, string, json.Number, bool, nil
)

// Parser makes a value of an answer. The functions of this package make
// parsers; the zero Parser is that of [Text]. It is safe for concurrent use.
type Parser struct {
	name         string
	typ          Type
	instructions string
	parse        func(text string) (any, error)
	notes        []string
}

// Name is what a chain file calls the parser.
func (p Parser) Name() string {
	if p.name == "" {
		return "text"
	}
	return p.name
}

// Type says what Parse returns.
func (p Parser) Type() Type {
	if p.typ == "" {
		return TypeText
	}
	return p.typ
}

// Instructions tell a model how to answer, in a prompt; empty: as it likes.
func (p Parser) Instructions() string { return p.instructions }

// Notes say what of a schema is not checked: patterns that are not regular
// expressions of ECMA-262.
func (p Parser) Notes() []string { return slices.Clone(p.notes) }

// Parse makes the value. Thinking that has leaked into the answer, between
// <think> tags at its start, is not part of it: a provider of your own may not
// separate it. Errors are *[Error].
func (p Parser) Parse(text string) (any, error) {
	text = thoughtless(text)
	if p.parse == nil {
		return text, nil
	}
	return p.parse(text)
}

// thoughtless is what follows the thinking, if anything does.
func thoughtless(text string) string {
	if _, answer := thinking.Split(text, false); strip(answer) != "" {
		return answer
	}
	return text
}

// Error is an answer of which a parser can make nothing.
type Error struct {
	Parser   string // its name
	Expected string // such as "a list, one item a line, such as `1. foo`"
	Found    string // the answer, or the part of it that is wrong, shortened
	Err      error  // what more is known; may be nil
}

// Error says what was expected and found, and what to do, on one line.
func (e *Error) Error() string {
	text := "expected " + e.Expected + ", found " + e.Found
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text + "; tell the model in the prompt how to answer, or use another parser"
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// found is an answer as an error shows it.
func found(text string) string {
	text = strip(text)
	switch runes := []rune(text); {
	case text == "":
		return "nothing"
	case len(runes) > 80:
		return fmt.Sprintf("%q…", string(runes[:80]))
	}
	return fmt.Sprintf("%q", text)
}

// strip takes white space off both ends, as Python has it.
func strip(s string) string { return strings.TrimFunc(s, textx.IsSpace) }

// Text leaves an answer as it is, but for thinking.
func Text() Parser { return Parser{} }

// Options are what the parsers that [New] makes can be told. Which of them a
// parser takes stands at its field; another one that is set is an error.
type Options struct {
	Values  []string        // enum: the words, at least one
	True    string          // bool: the word for true; empty: YES
	False   string          // bool: the word for false; empty: NO
	Layout  string          // datetime: see [Time]
	Pattern string          // regex: see [Regex]
	Keys    []string        // regex
	Default string          // regex
	Tags    []string        // xml: the names of elements, for the instructions
	Schema  json.RawMessage // schema: a JSON Schema
}

// names are the parsers that New makes, with the options that they take.
func names() map[string][]string {
	return map[string][]string{
		"text": nil, "json": nil, "list": nil, "numbered": nil, "markdown": nil,
		"enum": {"values"}, "bool": {"true", "false"}, "datetime": {"layout"},
		"regex": {"pattern", "keys", "default"}, "xml": {"tags"}, "schema": {"schema"},
	}
}

// Names lists what [New] knows, in alphabetical order.
func Names() []string {
	var all []string
	for n := range names() {
		all = append(all, n)
	}
	slices.Sort(all)
	return all
}

// New makes the parser of that name: text, json, list (separated by commas),
// numbered, markdown, enum, bool, datetime, regex, xml or schema. Errors: there
// is none of that name, or its options are wrong.
func New(name string, o Options) (Parser, error) {
	takes, ok := names()[name]
	if !ok {
		return Parser{}, fmt.Errorf("unknown parser %q; the parsers are: %s", name, strings.Join(Names(), ", "))
	}
	for _, opt := range []struct {
		name string
		set  bool
	}{
		{"values", len(o.Values) > 0},
		{"true", o.True != ""},
		{"false", o.False != ""},
		{"layout", o.Layout != ""},
		{"pattern", o.Pattern != ""},
		{"keys", len(o.Keys) > 0},
		{"default", o.Default != ""},
		{"tags", len(o.Tags) > 0},
		{"schema", len(o.Schema) > 0},
	} {
		if opt.set && !slices.Contains(takes, opt.name) {
			return Parser{}, fmt.Errorf("the parser %q has no option %q", name, opt.name)
		}
	}
	switch name {
	case "json":
		return JSON(), nil
	case "list":
		return List(), nil
	case "numbered":
		return Numbered(), nil
	case "markdown":
		return Markdown(), nil
	case "enum":
		return Enum(o.Values...)
	case "bool":
		return Bool(o.True, o.False)
	case "datetime":
		return Time(o.Layout)
	case "regex":
		return Regex(o.Pattern, o.Keys, o.Default)
	case "xml":
		return XML(o.Tags...), nil
	case "schema":
		return Schema(o.Schema)
	}
	return Text(), nil
}
