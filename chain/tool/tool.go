// Package tool lets a model call functions: Go functions ([Func]), or whatever
// else is made into a [Tool], such as the tools of an MCP server.
//
//	weather, err := tool.Func("weather", "The weather in a city", weatherIn)
//	p = tool.Loop(p, tool.Options{Tools: []tool.Tool{weather}, Confirm: tool.Always})
//	answer, err := provider.Collect(p.Chat(ctx, req))
//
// [Loop] is a provider around any other, so a chain, a router or a program of
// your own asks it as it would ask the model alone, on either engine. Nothing
// runs by default: without [Options.Confirm] every call is refused.
package tool

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/tandem-llm/tandem/internal/schema"
	"github.com/tandem-llm/tandem/provider"
)

// Tool is something that a model may ask to have run.
type Tool struct {
	// Name is what the model calls it: letters, digits, _ and -, at most 64, as
	// both engines take them. No two tools of a loop share one.
	Name        string
	Description string          // for the model: what it does, and when to use it
	Parameters  json.RawMessage // JSON Schema of the arguments, which are an object
	// Source is whose it is: [SourceGo], or the name of an MCP server.
	Source string
	// Ref is what a person calls it, such as "files/read_file". Empty: Name.
	Ref string
	// Remote says that its work leaves this machine, or may. Such a tool does
	// not run where the prompt is to stay.
	Remote bool
	// Call does the work. Its arguments have been checked against Parameters.
	// It returns when ctx ends, and is safe for concurrent use if the loop is
	// used so. An error is told to the model, which may try again or do
	// without; ctx's own ends the answer.
	Call func(ctx context.Context, arguments json.RawMessage) (Result, error)
}

// SourceGo is the Source of Go functions.
const SourceGo = "go"

// Title is what a person calls the tool.
func (t *Tool) Title() string { return cmp.Or(t.Ref, t.Name) }

// Result is what a tool gives back to the model.
type Result struct {
	Text   string // UTF-8; what is longer than 64 KiB is cut, and said to be
	Failed bool   // the tool itself says that it did not work
}

// ValidName reports whether both engines take name as a tool's.
func ValidName(name string) bool {
	return len(name) >= 1 && len(name) <= 64 && !strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-')
	})
}

func (t *Tool) check() error {
	switch {
	case !ValidName(t.Name):
		return fmt.Errorf("the tool %q: a name has 1 to 64 letters, digits, _ and -", t.Name)
	case t.Call == nil:
		return fmt.Errorf("the tool %s has no Call", t.Title())
	}
	return nil
}

// definition is the tool as the model is told about it.
func (t *Tool) definition() provider.Tool {
	return provider.Tool{Name: t.Name, Description: t.Description, Parameters: t.Parameters}
}

// Func makes a tool of a Go function. In is a struct (or a map with string
// keys): its fields are the arguments, named by their json tags and described
// by their jsonschema tags; those without omitempty or omitzero are required.
// Arguments that do not fit never reach fn. What it returns becomes text: a
// string or a [Result] as it is, anything else as JSON.
//
//	type city struct {
//		Name string `json:"name" jsonschema:"the city, such as Delhi"`
//	}
func Func[In, Out any](name, description string, fn func(context.Context, In) (Out, error)) (Tool, error) {
	t := Tool{Name: name, Description: description, Source: SourceGo}
	var err error
	if t.Parameters, err = schema.For(reflect.TypeFor[In]()); err != nil {
		return Tool{}, fmt.Errorf("the tool %s: its arguments cannot be described: %w", name, err)
	}
	if typeOf(t.Parameters) != "object" {
		return Tool{}, fmt.Errorf("the tool %s: its arguments must be a struct, not %s", name, reflect.TypeFor[In]())
	}
	t.Call = func(ctx context.Context, arguments json.RawMessage) (Result, error) {
		var in In
		if err := strictly(arguments, &in); err != nil {
			return Result{}, fmt.Errorf("the arguments do not fit: %w", err)
		}
		out, err := fn(ctx, in)
		if err != nil {
			return Result{}, err
		}
		return textOf(out)
	}
	return t, t.check()
}

// strictly decodes one JSON value, all of it, into v, and refuses members that
// v does not know.
func strictly(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("there is more than one JSON value")
	}
	return nil
}

func textOf(out any) (Result, error) {
	switch out := out.(type) {
	case Result:
		return out, nil
	case string:
		return Result{Text: out}, nil
	}
	text, err := json.Marshal(out)
	if err != nil {
		return Result{}, fmt.Errorf("what it returned cannot be written as JSON: %w", err)
	}
	return Result{Text: string(text)}, nil
}

// arguments is what a model gave as arguments, as the JSON object that it
// stands for. Small models write it as a JSON string, or leave it out.
func arguments(raw json.RawMessage) (json.RawMessage, error) {
	raw = bytes.TrimSpace(raw)
	var text string
	if len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &text) == nil {
		raw = json.RawMessage(strings.TrimSpace(text))
	}
	if len(raw) == 0 || string(raw) == "null" {
		return json.RawMessage("{}"), nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil || object == nil {
		return nil, errors.New("the arguments are not a JSON object")
	}
	return raw, nil
}
