package chain

import (
	"fmt"
	"slices"
	"strings"
)

// scope is what has a name at one place of a chain: the steps of one list, or
// what a step adds for the steps in it.
type scope struct {
	parent   *scope
	bindings []binding
	pipe     *piped // not nil: every other name stands for the value before
}

// binding is a name and what it stands for.
type binding struct {
	name        string
	typ         Type
	step        int          // the step that provides it, from 0; -1: no step of a list
	known       bool         // it has a value by now
	skippable   bool         // the step may be skipped, and then has none
	unavailable *unavailable // why a branch's value cannot be had by its name
	used        bool
}

// unavailable says why a branch's value cannot be had by its name, and what to do.
type unavailable struct{ message, remedy string }

// piped is the one variable of a step in a pipe.
type piped struct {
	typ   Type
	names []string // the step's variables, in order of first use
}

// binding returns the binding of a name, the nearest first.
func (s *scope) binding(name string) *binding {
	for ; s != nil; s = s.parent {
		if b := s.own(name); b != nil {
			return b
		}
		if s.pipe != nil {
			if !slices.Contains(s.pipe.names, name) {
				s.pipe.names = append(s.pipe.names, name)
			}
			return &binding{name: name, typ: s.pipe.typ, step: -1, known: true}
		}
	}
	return nil
}

// own returns the binding of a name in this scope alone.
func (s *scope) own(name string) *binding {
	if i := slices.IndexFunc(s.bindings, func(b binding) bool { return b.name == name }); i >= 0 {
		return &s.bindings[i]
	}
	return nil
}

// taken reports whether a step that can be seen has the name.
func (s *scope) taken(name string) bool {
	for ; s != nil && s.pipe == nil; s = s.parent {
		if s.own(name) != nil {
			return true
		}
	}
	return false
}

// piped reports whether this is a step of a pipe, or in one.
func (s *scope) piped() bool {
	for ; s != nil; s = s.parent {
		if s.pipe != nil {
			return true
		}
	}
	return false
}

// use decides what a variable of the current step stands for, and returns the
// type of its value. A name without a source is an input of the chain.
func (c *compiler) use(name string) Type {
	b := c.scope.binding(name)
	if b == nil {
		return c.input(name)
	}
	b.used = true
	switch {
	case b.known && b.unavailable != nil:
		c.fail(c.current.field, fmt.Sprintf("{%s} ", name)+b.unavailable.message, b.unavailable.remedy)
	case b.known && b.skippable:
		c.fail(c.current.field, fmt.Sprintf("{%s} has no value when step %d is skipped", name, b.step+1), "give that step an else: the text to use as its answer then")
	case b.known:
	case b.step == c.index:
		c.fail(c.current.field, fmt.Sprintf("{%s} is this step's own answer", name), "use an earlier step's name, or rename this step")
	default:
		c.fail(c.current.field, fmt.Sprintf("{%s} is the answer of step %d, which comes later", name, b.step+1), "move that step up, or rename it")
	}
	return b.typ
}

// input notes that the chain takes a value for name.
func (c *compiler) input(name string) Type {
	if in := c.chain.input(name); in != nil {
		in.use(c.current)
		in.Optional = false
		return in.Type
	}
	if c.declared {
		c.fail(c.current.field, fmt.Sprintf("{%s} is neither a step nor one of the inputs", name), suggest(name, c.names()))
		return TypeAny
	}
	c.chain.inputs = append(c.chain.inputs, input{Input: Input{Name: name, Type: TypeAny}, first: c.current, where: c.current.String()})
	return TypeAny
}

// mayUse resolves a variable that a template needs no value for, such as what a
// section of mustache's may have from the values or from the element that it
// stands for: a step before, or an input that may be missing.
func (c *compiler) mayUse(name string) {
	for s := c.scope; s != nil; s = s.parent {
		if b := s.own(name); b != nil {
			b.used = b.used || b.known
			return
		}
		if s.pipe != nil {
			return // there is one value, and it has its name
		}
	}
	if in := c.chain.input(name); in != nil {
		in.use(c.current)
	} else if !c.declared {
		c.chain.inputs = append(c.chain.inputs, input{Input: Input{Name: name, Type: TypeAny, Optional: true}, first: c.current, where: c.current.String()})
	}
}

// use notes where an input is used first.
func (in *input) use(at location) {
	if in.where == "" {
		in.first = at
		in.where = in.first.String()
	}
}

// names are all names that the current step can use.
func (c *compiler) names() []string {
	var names []string
	for s := c.scope; s != nil; s = s.parent {
		for _, b := range s.bindings {
			if b.known {
				names = append(names, b.name)
			}
		}
	}
	for _, in := range c.chain.inputs {
		names = append(names, in.Name)
	}
	return names
}

// inside compiles what add names for the steps in the current one.
func (c *compiler) inside(s *scope, compile func()) {
	outer := c.scope
	s.parent = outer
	c.scope = s
	compile()
	c.scope = outer
}

// pipeMistake says what is wrong with the number of variables in a pipe.
func pipeMistake(vars []string) string {
	if len(vars) == 0 {
		return "the step has no variable, so the answer before it would be lost"
	}
	return fmt.Sprintf("the step has %d variables: {%s}", len(vars), strings.Join(vars, "}, {"))
}
