package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/terminal"
)

// inputs are the values of a chain's inputs: those of -p; the one behind the file, or
// what is piped in, where a single input has no value yet; and what is typed at a
// terminal. What is missing then, the run says.
func (a *app) inputs(ctx context.Context, c *chain.Chain, in *runInput) (map[string]any, error) {
	vars, err := a.params(ctx, c, in.params)
	if err != nil {
		return nil, err
	}
	if in.rows.file != "" {
		if len(in.values) > 0 {
			return nil, usageError{fmt.Errorf("with --each the columns are the inputs; write -p name=%s for all rows", in.values[0])}
		}
		return vars, nil
	}
	missing := missingInputs(c, vars)
	switch {
	case takesNo(c, vars):
		return vars, nil // the run says so, and nothing is asked for before
	case len(in.values) > 0:
		name, err := meantInput(c, vars, missing, in.values)
		if err != nil {
			return nil, err
		}
		vars[name], err = a.inputValue(ctx, c, name, in.values[0])
		return vars, err
	case len(missing) == 1 && a.term.InPiped && !in.readsInput() && !in.watch:
		err := a.pipedInput(ctx, c, missing[0], vars)
		return vars, err
	case a.term.Interactive():
		return vars, a.askInputs(ctx, c, missing, vars, in.typed)
	}
	return vars, nil
}

// readsInput reports whether the chain or a value of -p is read from standard input.
func (in *runInput) readsInput() bool {
	return in.file == stdinPath || slices.ContainsFunc(in.params, func(p string) bool { return strings.HasSuffix(p, "=-") })
}

// takesNo reports whether one of these is no input of the chain.
func takesNo(c *chain.Chain, vars map[string]any) bool {
	for name := range vars {
		if _, ok := c.Input(name); !ok {
			return true
		}
	}
	return false
}

// missingInputs are those that need a value and have none.
func missingInputs(c *chain.Chain, vars map[string]any) (names []string) {
	for _, name := range c.Inputs() {
		in, _ := c.Input(name)
		if _, given := vars[name]; !given && in.Default == nil && !in.Optional {
			names = append(names, name)
		}
	}
	return names
}

// meantInput is the input that a value behind the file is for: the one that is
// missing, or the only one without a value.
func meantInput(c *chain.Chain, vars map[string]any, missing, values []string) (string, error) {
	value := values[0]
	if len(values) > 1 {
		return "", usageError{fmt.Errorf("expected one value after the chain file, found %d; quote a value that has spaces, or give the inputs as -p name=value", len(values))}
	}
	open := missing
	if len(open) == 0 {
		for _, name := range c.Inputs() {
			if _, given := vars[name]; !given {
				open = append(open, name)
			}
		}
	}
	switch {
	case len(open) == 1:
		return open[0], nil
	case len(c.Inputs()) == 0:
		return "", usageError{fmt.Errorf("the chain takes no inputs; leave out %q", value)}
	case len(open) == 0:
		return "", usageError{fmt.Errorf("all inputs have a value; leave out %q, or one -p", value)}
	}
	return "", usageError{fmt.Errorf("%q may be any of the inputs %s: write -p %s=VALUE", value, strings.Join(open, ", "), open[0])}
}

// pipedInput reads the value of the only missing input from standard input, without
// the line end behind it. Nothing at all is no value.
func (a *app) pipedInput(ctx context.Context, c *chain.Chain, name string, vars map[string]any) error {
	text, err := readText(ctx, "standard input", a.term.In)
	if err != nil || text == "" {
		return err
	}
	vars[name], err = parseInput(c, name, "standard input", strings.TrimRight(text, "\r\n"))
	return err
}

// askInputs asks for the inputs that are missing. An empty line and the end of the
// input are no value. typed keeps the answers, so that they are asked for once.
func (a *app) askInputs(ctx context.Context, c *chain.Chain, missing []string, vars map[string]any, typed map[string]string) error {
	for _, name := range missing {
		for {
			text, known := typed[name]
			if !known {
				var err error
				text, err = a.term.Line(ctx, inputQuestion(c, name))
				if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, terminal.ErrNotAsked) {
					return err
				}
			}
			if text == "" {
				return nil
			}
			value, err := a.inputValue(ctx, c, name, text)
			if err == nil {
				vars[name], typed[name] = value, text
				break
			}
			delete(typed, name)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			a.report(err)
		}
	}
	return nil
}

// inputQuestion asks for an input by its name, with what the file says of it.
func inputQuestion(c *chain.Chain, name string) string {
	in, _ := c.Input(name)
	var more []string
	if in.Description != "" {
		more = append(more, terminal.OneLine(in.Description))
	}
	if in.Type != chain.TypeAny && in.Type != chain.TypeText {
		more = append(more, "a "+string(in.Type)+", as JSON")
	}
	if len(more) == 0 {
		return name + ": "
	}
	return fmt.Sprintf("%s (%s): ", name, strings.Join(more, "; "))
}
