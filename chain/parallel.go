package chain

import (
	"context"
	"fmt"
	"slices"

	"github.com/tandem-llm/tandem/internal/textx"
)

// parallel runs steps at the same time.
type parallel struct {
	branches    []step
	concurrency int
}

func (c *compiler) parallel(src *Step, inner string) (body, Type) {
	b := &parallel{branches: make([]step, len(src.Parallel)), concurrency: src.Concurrency}
	if len(src.Parallel) == 0 {
		c.fail("parallel", "there are no branches", "write at least one")
	}
	index := c.index
	for i := range src.Parallel {
		branch := &src.Parallel[i]
		c.current = placeOf(branch, branch.Name, i, inner)
		if branch.Name == "" {
			c.fail("", "the branch has no name", "name it, so that later steps can use its answer")
		} else if !textx.IsName(branch.Name) {
			c.fail("", fmt.Sprintf("%q cannot be a branch's name", textx.Shorten(branch.Name)), "write letters, digits and _ only, so that {"+suggestName(branch.Name)+"} can stand for its value")
		}
		c.answers(branch, branchGap, "give it an else")
		b.branches[i].name = branch.Name
		c.step(branch, &b.branches[i], index, inner)
	}
	if b.concurrency == 0 {
		b.concurrency = max(1, min(len(b.branches), 2*defaultConcurrency))
	}
	return b, TypeMap
}

// loses says why a branch of step i has no value that its name could stand for;
// nil: it has one.
func (s *Step) loses(name string, i int) *unavailable {
	switch {
	case s.Each != "":
		return &unavailable{fmt.Sprintf("is a branch of step %d, which runs for each element", i+1), "take it from the elements of {" + name + "}, in an expression"}
	case s.When != "" && s.Else != nil:
		return &unavailable{fmt.Sprintf("has no value when step %d is skipped", i+1), "use {" + name + "}, or give the branch a when and an else of its own"}
	}
	return nil
}

// typeOf is the type of the branch's value.
func (b *parallel) typeOf(name string) Type {
	for i := range b.branches {
		if b.branches[i].name == name {
			return b.branches[i].typ
		}
	}
	return TypeAny
}

func (*parallel) final() bool { return false }

func (b *parallel) run(ctx context.Context, x *exec, s *step, v *variables, at stepPath) (StepResult, error) {
	inner := x.within(s)
	values := make([]any, len(b.branches))
	results := make([][]StepResult, len(b.branches)) // in the order of the branches
	err := inner.concurrently(ctx, len(b.branches), b.concurrency, func(ctx context.Context, x *exec, i int) error {
		branch := &b.branches[i]
		if x.results != nil {
			x.results = &results[i]
		}
		result, err := x.step(ctx, branch, v, at.in(branch.name))
		values[i] = result.Value
		return err
	})
	if inner.results != nil {
		*inner.results = append(*inner.results, slices.Concat(results...)...)
	}
	if err != nil {
		return inner.tally.result(), err
	}
	all := make(map[string]any, len(values))
	for i := range b.branches {
		all[b.branches[i].name] = values[i]
	}
	return inner.composed(all)
}

// spread gives each branch's name its value, and none where the fallback of
// the branches has none.
func (b *parallel) spread(v *variables, all any) {
	values, _ := all.(map[string]any)
	for i := range b.branches {
		name := b.branches[i].name
		if value, ok := values[name]; ok {
			v.set(name, value)
		} else {
			v.set(name, absent{})
		}
	}
}
