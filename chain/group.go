package chain

import (
	"context"
)

// group runs steps one after the other.
type group struct{ steps []step }

func (c *compiler) group(src *Step, inner string) (body, Type) {
	b := &group{}
	if len(src.Steps) == 0 {
		c.fail("steps", "there are no steps", "write at least one")
		return b, TypeAny
	}
	b.steps = c.list(src.Steps, false, inner)
	c.answers(src.Steps)
	return b, b.steps[len(b.steps)-1].typ
}

// answers refuses a list of steps whose last one may leave it without a value.
func (c *compiler) answers(steps []Step) {
	last := &steps[len(steps)-1]
	if last.When != "" && last.Else == nil {
		was := c.current
		c.current = placeOf(last, last.Name, len(steps)-1, was.inner())
		c.fail("when", "the last step may be skipped, and the steps would have no value", "give it an else, or put a step after it")
		c.current = was
	}
}

func (b *group) final() bool {
	if len(b.steps) > 0 {
		final(&b.steps[len(b.steps)-1])
	}
	return false
}

func (b *group) run(ctx context.Context, x *exec, s *step, v *frame, at site) (StepResult, error) {
	inner := x.within(s)
	result, err := inner.list(ctx, b.steps, &frame{parent: v}, at, false)
	return inner.merged(result), err
}
