package chain

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// sub runs another chain.
type sub struct {
	chain *Chain
	with  map[string]*expression
}

func (c *compiler) sub(src *Step) (body, Type) {
	b := &sub{chain: src.Chain, with: map[string]*expression{}}
	n := &c.chain.needs
	n.addNames(&n.providers, src.Chain.needs.providers...)
	n.addNames(&n.tools, src.Chain.needs.tools...)
	n.addNames(&n.collections, src.Chain.needs.collections...)
	for _, name := range slices.Sorted(maps.Keys(src.With)) {
		c.current.entry = name
		in, ok := src.Chain.Input(name)
		if !ok {
			c.fail("with", fmt.Sprintf("the chain takes no input %q", name), suggest(name, src.Chain.Inputs()))
			continue
		}
		if e := c.expression("with", src.With[name], in.Type); e != nil {
			b.with[name] = e
		}
	}
	c.current.entry = ""
	for _, in := range src.Chain.inputs {
		if _, with := src.With[in.Name]; with || c.needsNoValue(src.Chain, &in) {
			continue
		}
		c.current.field = "chain"
		given := c.scope.binding(in.Name) != nil || c.chain.takes(in.Name)
		if typ := c.use(in.Name); in.Type != TypeAny && typ != TypeAny && typ != in.Type {
			c.fail("chain", fmt.Sprintf("its input %q must be a %s, but {%s} is a %s", in.Name, in.Type, in.Name, typ), "pass another value in with")
		}
		if outer := c.chain.input(in.Name); outer != nil && (!given || !in.Optional) {
			outer.Optional = in.Optional
		}
	}
	c.chain.deep = max(c.chain.deep, c.depth+src.Chain.deep)
	if c.chain.deep > maxDepth {
		c.fail("chain", fmt.Sprintf("chains are nested more than %d deep", maxDepth), "does one run itself?")
	}
	return b, src.Chain.steps[len(src.Chain.steps)-1].typ
}

// needsNoValue reports whether an input of a chain that is a step goes without a
// value of the same name: it need not have one, and there is none.
func (c *compiler) needsNoValue(of *Chain, in *input) bool {
	switch {
	case in.Default == nil && !in.Optional, c.scope.taken(in.Name):
		return false
	case c.scope.piped():
		return len(of.inputs) > 1 // the one variable is for an input that needs it
	case c.declared:
		return !c.chain.takes(in.Name)
	}
	return in.Default != nil
}

// final is true: the chain has marked its own last step.
func (*sub) final() bool { return true }

func (b *sub) run(ctx context.Context, x *exec, s *step, v *variables, at stepPath) (StepResult, error) {
	vars := make(map[string]any, len(b.chain.inputs))
	for _, in := range b.chain.inputs {
		if e := b.with[in.Name]; e != nil {
			value, err := e.eval(v)
			if err != nil {
				return StepResult{}, err
			}
			vars[in.Name] = value
		} else if value, ok := v.Lookup(in.Name); ok {
			vars[in.Name] = value
		}
	}
	vars, err := b.chain.checkInputs(vars)
	if err != nil {
		return StepResult{}, err
	}
	inner := x.within(s)
	inner.quiet = x.quiet || !s.final
	result, err := inner.runSteps(ctx, b.chain.steps, &variables{base: vars}, at, b.chain.pipe)
	return inner.withTotals(result), err
}
