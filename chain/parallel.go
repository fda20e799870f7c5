package chain

import "context"

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
		if branch.Name == "" {
			c.current = placeOf(branch, "", i, inner)
			c.fail("", "the branch has no name", "name it, so that later steps can use its answer")
		}
		if branch.When != "" && branch.Else == nil {
			c.current = placeOf(branch, branch.Name, i, inner)
			c.fail("when", "the branch may be skipped, and would have no value", "give it an else")
		}
		b.branches[i].name = branch.Name
		c.step(branch, &b.branches[i], index, inner)
	}
	if b.concurrency == 0 {
		b.concurrency = max(1, min(len(b.branches), 2*defaultConcurrency))
	}
	return b, TypeMap
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

func (b *parallel) run(ctx context.Context, x *exec, s *step, v *frame, at site) (StepResult, error) {
	inner := x.within(s)
	values := make([]any, len(b.branches))
	err := inner.concurrently(ctx, len(b.branches), b.concurrency, func(ctx context.Context, x *exec, i int) error {
		branch := &b.branches[i]
		result, err := x.step(ctx, branch, v, at.in(branch.name))
		values[i] = result.Value
		return err
	})
	if err != nil {
		return inner.tally.result(), err
	}
	all := make(map[string]any, len(values))
	for i := range b.branches {
		all[b.branches[i].name] = values[i]
	}
	return inner.composed(all)
}

// spread gives each branch's name its value.
func (b *parallel) spread(v *frame, all any) {
	values, _ := all.(map[string]any)
	for i := range b.branches {
		v.set(b.branches[i].name, values[b.branches[i].name])
	}
}
