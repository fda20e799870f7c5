package chain

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/provider"
)

// FileError is a problem in a chain file or a prompt file: file, line, column,
// what is wrong and what to do. [Load] reports all of a file's problems at once:
// errors.As finds the first, and Unwrap() []error of what Load returns has all.
type FileError = diag.Error

// StepError is a step that failed.
type StepError struct {
	Step  string // its name
	Index int    // from 0
	Err   error  // why; mostly a *provider.Error
}

// Error names the step and says why.
func (e *StepError) Error() string { return fmt.Sprintf("step %s: %v", e.Step, e.Err) }

// Unwrap returns why the step failed.
func (e *StepError) Unwrap() error { return e.Err }

// stepError names the step, except in the caller's own context error. The
// innermost step names itself.
func stepError(at stepPath, err error) error {
	named := new(StepError)
	if err == nil || err == context.Canceled || err == context.DeadlineExceeded || errors.Is(err, errLeft) || errors.As(err, &named) {
		return err
	}
	return &StepError{Step: at.path, Index: at.index, Err: err}
}

// ParseError is an answer that a step's parser could not read. It is a
// [provider.BadAnswer] error: no answer can be used.
type ParseError struct {
	Text   string // the answer
	Err    error  // what was expected, and what was found
	answer provider.Response
}

// Error says what was expected, and what was found.
func (e *ParseError) Error() string { return e.Unwrap().Error() }

// Unwrap returns the error as the *provider.Error that it is.
func (e *ParseError) Unwrap() error { return answerError(provider.BadAnswer, &e.answer, e.Err) }

// cut is the error for an answer that ended at a token limit, and why that
// matters.
func cut(answer *provider.Response, why string) error {
	limit := "a token limit"
	if answer.Usage != nil && answer.Usage.OutputTokens > 0 {
		limit = fmt.Sprintf("%d tokens", answer.Usage.OutputTokens)
	}
	return answerError(provider.Truncated, answer, fmt.Errorf("the answer was cut at %s, and %s; raise max_tokens or the model's context length, or ask for a shorter answer", limit, why))
}

func answerError(kind provider.Kind, answer *provider.Response, cause error) error {
	e := &provider.Error{Kind: kind, Err: cause}
	if answer.Route != nil {
		e.Provider, e.Model, e.RequestID = answer.Route.Provider, answer.Route.Model, answer.Route.Request
	}
	return e
}

// InputError is an input of a chain that has no value, or a value that no step
// uses. It is a [provider.Invalid] error.
type InputError struct {
	Name    string // of the input
	Missing bool   // it has no value
	text    string
	remedy  string // empty: to give it a value
}

// Error names the input, and says what is wrong with it and what to do.
func (e *InputError) Error() string {
	if e.remedy == "" {
		return e.text
	}
	return e.text + "; " + e.remedy
}

// Unwrap returns the error as the *provider.Error that it is.
func (e *InputError) Unwrap() error {
	return &provider.Error{Kind: provider.Invalid, Err: errors.New(e.text)}
}

// checkInputs returns vars with the defaults of inputs that have none, or an
// error for each input without a value or with one of another type, and for
// each value without an input.
func (c *Chain) checkInputs(vars map[string]any) (map[string]any, error) {
	var errs []error
	defaults, known := 0, 0
	for i := range c.inputs {
		in := &c.inputs[i]
		value, ok := vars[in.Name]
		if ok || in.Default != nil {
			known++
		}
		switch {
		case !ok && in.Default != nil:
			if defaults++; defaults == 1 {
				vars = maps.Clone(vars)
			}
			if vars == nil {
				vars = map[string]any{}
			}
			vars[in.Name] = in.Default
		case !ok && in.Optional:
		case !ok:
			errs = append(errs, c.missing(in))
		case !validText(value):
			errs = append(errs, &InputError{Name: in.Name, text: fmt.Sprintf("input %q is not UTF-8", in.Name), remedy: "convert it first"})
		case !has(in.Type, value):
			errs = append(errs, &InputError{Name: in.Name, text: fmt.Sprintf("input %q must be a %s, not %s", in.Name, in.Type, describe(value)), remedy: "change its value"})
		}
	}
	if len(errs) > 0 || len(vars) != known {
		errs = append(errs, c.leftOver(vars)...)
	}
	switch len(errs) {
	case 0:
		return vars, nil
	case 1:
		return nil, errs[0]
	}
	return nil, errors.Join(errs...)
}

func (c *Chain) missing(in *input) error {
	e := &InputError{Name: in.Name, Missing: true, text: fmt.Sprintf("missing input %q (used at %s)", in.Name, in.where)}
	if near, ok := diag.Nearest(in.Name, c.Steps()); ok && !c.pipe && len(c.steps) > 1 {
		e.remedy = fmt.Sprintf("did you mean {%s}, the answer of that step?", near)
	}
	return e
}

// leftOver returns an error for each value that no step uses.
func (c *Chain) leftOver(vars map[string]any) []error {
	var names []string
	for name := range vars {
		if !c.takes(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	errs := make([]error, 0, len(names))
	inputs := c.Inputs()
	for _, name := range names {
		e := &InputError{Name: name, text: fmt.Sprintf("no step uses the input %q", name)}
		near, ok := diag.Nearest(name, inputs)
		switch {
		case slices.Contains(c.Steps(), name):
			e.remedy = "remove it: it is a step's name, and its value is that step's answer"
		case ok:
			e.remedy = fmt.Sprintf("did you mean %q?", near)
		case len(inputs) == 0:
			e.remedy = "the chain takes no inputs"
		default:
			e.remedy = "the inputs are " + strings.Join(inputs, ", ")
		}
		errs = append(errs, e)
	}
	return errs
}

// validText reports whether value is anything but a text that is not UTF-8.
func validText(value any) bool {
	text, ok := value.(string)
	return !ok || utf8.ValidString(text)
}

// NoPassagesError is the cause of a [provider.Invalid] error: a step searches a
// collection that is empty.
type NoPassagesError struct{ Collection string }

// Error names the collection.
func (e *NoPassagesError) Error() string {
	return "the collection " + e.Collection + " has no passages"
}
