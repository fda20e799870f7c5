package chain

import (
	"context"
	"encoding/json"

	"github.com/tandem-llm/tandem/chain/output"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/schema"
	"github.com/tandem-llm/tandem/provider"
)

// As asks one prompt, as [Predict] does, and returns the answer as a T: a
// struct, say. The engine enforces T's JSON Schema (see [SchemaOf]), and the
// answer is checked against it. An answer that does not match is repaired, at
// most twice; then As returns the zero T and a [provider.BadAnswer] error that
// holds a *[structured.Error].
func As[T any](ctx context.Context, p provider.Provider, prompt string, opts ...Option) (T, error) {
	var zero T
	s, err := SchemaOf[T]()
	if err != nil {
		return zero, err
	}
	text, err := predict(ctx, p, prompt, s, opts)
	if err != nil {
		return zero, err
	}
	return output.Decode[T](text)
}

// SchemaOf returns the JSON Schema of a T for [Step].Schema: fields by their
// json tags, those with omitempty or omitzero optional, a jsonschema tag as the
// description. It is strict. Errors: the type has no schema, such as a func or
// a recursive type.
func SchemaOf[T any]() (*provider.Schema, error) {
	s, err := output.SchemaOf[T]()
	if err != nil {
		return nil, err
	}
	compiled, err := schema.Compile(s.JSON)
	if err != nil {
		return nil, err
	}
	_, err = compiled.Strict()
	s.Strict = err == nil // a list, say, is nothing that strict mode can say
	return &s, nil
}

// Decode returns the value of a run whose last step has the schema of T (see
// [SchemaOf]). A value that the schema rejects is an *[output.Error]; nothing is
// filled in or dropped.
func Decode[T any](r Result) (T, error) { return output.Decode[T](r.Text) }

// DecodeStep returns the value of any step of a run as a T. An inner step is
// named by its path, such as "both.pro". It takes what Schema, Parse, Transform
// or the steps in it made, as [Decode] does. Errors: there is no result of that
// name; an *[output.Error].
func DecodeStep[T any](r Result, name string) (T, error) {
	var zero T
	step, ok := r.Step(name)
	if !ok {
		names := make([]string, len(r.Steps))
		for i := range r.Steps {
			names[i] = r.Steps[i].Name
		}
		return zero, provider.Errorf(provider.Invalid, "", "", "the run has no result of a step %q; %s", name, diag.Suggest(name, names))
	}
	if value, ok := step.Value.(T); ok {
		return value, nil
	}
	text, err := json.Marshal(step.Value)
	if err != nil {
		return zero, err
	}
	return output.Decode[T](string(text))
}
