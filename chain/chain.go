package chain

import (
	"errors"
	"slices"
)

// Chain is a list of steps, each asked after the one before it, with the
// answers of earlier steps as variables of later ones. It is immutable and
// safe for concurrent use.
type Chain struct {
	name        string
	description string
	pipe        bool
	steps       []step
	inputs      []input
}

// input is a variable that no step provides.
type input struct {
	name  string
	first place  // where it is first used
	where string // first in words, for an error's text
}

// New makes a chain in which each step's answer is bound to its name. A
// variable that names an earlier step is that step's answer; all other
// variables are the chain's inputs. The error holds every mistake in the
// steps: a template that does not parse, a name that is missing, no identifier
// or taken twice, a step that uses its own answer or a later one's, a setting
// out of its range.
func New(steps ...Step) (*Chain, error) { return build(steps, false) }

// Pipe makes a chain in which each step's answer is the next step's only
// variable, whatever its name: LangChain's SimpleSequentialChain. The first
// step's variables are the inputs. Errors are as for [New]; a later step that
// has no variable, or more than one, is a mistake too.
func Pipe(steps ...Step) (*Chain, error) { return build(steps, true) }

func build(steps []Step, pipe bool) (*Chain, error) {
	c, mistakes := compile(steps, pipe)
	var errs []error
	for _, m := range mistakes {
		errs = append(errs, m)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return c, nil
}

// Name is the chain's name in its file, "" where it has none.
func (c *Chain) Name() string { return c.name }

// Description is what the chain's file says about it.
func (c *Chain) Description() string { return c.description }

// Steps returns the steps' names in order.
func (c *Chain) Steps() []string {
	names := make([]string, len(c.steps))
	for i := range c.steps {
		names[i] = c.steps[i].name
	}
	return names
}

// Inputs returns the variables that no step provides, in order of first use.
// A run needs a value for each.
func (c *Chain) Inputs() []string {
	names := make([]string, len(c.inputs))
	for i, in := range c.inputs {
		names[i] = in.name
	}
	return names
}

// Providers returns the providers that steps name in Use, in order of first
// use, so that a caller can find a name that nobody has before the first call.
func (c *Chain) Providers() []string {
	names := []string{}
	for i := range c.steps {
		for _, name := range c.steps[i].settings.Use {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// takes reports whether name is an input.
func (c *Chain) takes(name string) bool {
	return slices.ContainsFunc(c.inputs, func(in input) bool { return in.name == name })
}
