package chain

import (
	"errors"
	"slices"
)

// Chain is a list of steps, each run after the one before it, with the values
// of earlier steps as variables of later ones. It is immutable and safe for
// concurrent use.
type Chain struct {
	name        string
	description string
	pipe        bool
	steps       []step
	inputs      []input
	needs       needs
	notes       []error
	deep        int // how deep steps lie in each other
	size        int // how many steps there are, those of the chains in it included
	files       []string
	fileType    FileType
	warnings    []error
}

// Input is a variable that no step provides: a run needs a value for it.
type Input struct {
	Name        string
	Type        Type   // of its value, TypeAny if not declared
	Description string // what the file says about it
	Default     any    // the value if none is given; nil: no default
	Optional    bool   // it may have no value
}

type input struct {
	Input
	first location // where it is first used
	where string   // first in words, for an error's text
}

// needs is what a chain's steps name and somebody else has.
type needs struct {
	providers, tools, collections []string
}

// New makes a chain in which each step's answer is bound to its name. A
// variable that names an earlier step is that step's value; all other variables
// are the chain's inputs. The error lists every mistake in the steps: a
// template or expression that cannot be read, a name that is missing, not an
// identifier, or used twice, a step that uses its own answer or a later one's,
// a value of the wrong type, a setting out of its range.
func New(steps ...Step) (*Chain, error) { return build(steps, false) }

// Pipe makes a chain in which each step's answer is the next step's only
// variable, whatever its name: LangChain's SimpleSequentialChain. The first
// step's variables are the inputs. Errors are as for [New]; a later step that
// has no variable, or more than one, is a mistake too.
func Pipe(steps ...Step) (*Chain, error) { return build(steps, true) }

func build(steps []Step, pipe bool) (*Chain, error) {
	c := newCompiler(true) // whoever writes Go can run programs anyway
	c.chain.pipe = pipe
	c.chain.steps = c.top(steps)
	var errs []error
	for _, m := range c.mistakes {
		errs = append(errs, m)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	for _, w := range c.warnings {
		c.chain.warnings = append(c.chain.warnings, w)
	}
	return c.chain, nil
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

// Inputs returns the names of the variables that no step provides, in order of
// first use. A run needs a value for each that has no default.
func (c *Chain) Inputs() []string {
	names := make([]string, len(c.inputs))
	for i, in := range c.inputs {
		names[i] = in.Name
	}
	return names
}

// Input returns what is known about an input.
func (c *Chain) Input(name string) (Input, bool) {
	if in := c.input(name); in != nil {
		return in.Input, true
	}
	return Input{}, false
}

func (c *Chain) input(name string) *input {
	for i := range c.inputs {
		if c.inputs[i].Name == name {
			return &c.inputs[i]
		}
	}
	return nil
}

// Providers returns the providers that steps name in Use, in order of first
// use, so that a caller can find an unknown name before the first call.
func (c *Chain) Providers() []string { return slices.Clone(c.needs.providers) }

// Tools returns the tools that steps name, in order of first use.
func (c *Chain) Tools() []string { return slices.Clone(c.needs.tools) }

// Collections returns the collections that steps look passages up in.
func (c *Chain) Collections() []string { return slices.Clone(c.needs.collections) }

// Warnings list what is allowed in the chain but is probably a mistake, such as
// a step whose value is not used. Those of a chain in a file have their places
// in it.
func (c *Chain) Warnings() []error { return slices.Clone(c.warnings) }

// takes reports whether name is an input.
func (c *Chain) takes(name string) bool {
	return c.input(name) != nil
}

// addNames adds what a step names.
func (n *needs) addNames(list *[]string, names ...string) {
	for _, name := range names {
		if !slices.Contains(*list, name) {
			*list = append(*list, name)
		}
	}
}
