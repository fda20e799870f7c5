package chain

import "context"

// group runs steps one after the other.
type group struct{ steps []step }

func (c *compiler) group(src *Step, inner string) (body, Type) {
	b := &group{}
	if len(src.Steps) == 0 {
		c.fail("steps", "there are no steps", "write at least one")
		return b, TypeAny
	}
	b.steps = c.compileSteps(src.Steps, false, inner)
	was, last := c.current, len(src.Steps)-1
	c.current = placeOf(&src.Steps[last], src.Steps[last].Name, last, inner)
	c.answers(&src.Steps[last], "the last step can be skipped, which would leave the steps without a value", "give it an else, or put a step after it")
	c.current = was
	return b, b.steps[len(b.steps)-1].typ
}

// mayHaveNoValue reports whether the step may be skipped, and then has no value.
func (s *Step) mayHaveNoValue() bool { return s.When != "" && s.Else == nil }

const branchGap = "the branch can be skipped, which would leave it without a value"

// answers refuses a step, the current one, that has to have a value and may not.
func (c *compiler) answers(s *Step, message, remedy string) {
	if s.mayHaveNoValue() {
		c.fail("when", message, remedy)
	}
}

func (b *group) final() bool {
	if len(b.steps) > 0 {
		final(&b.steps[len(b.steps)-1])
	}
	return false
}

func (b *group) run(ctx context.Context, x *exec, s *step, v *variables, at stepPath) (StepResult, error) {
	inner := x.within(s)
	result, err := inner.runSteps(ctx, b.steps, &variables{parent: v}, at, false)
	return inner.withTotals(result), err
}
