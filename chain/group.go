package chain

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/provider"
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

// route runs one of several steps.
type route struct {
	by       *expression // nil: the model chooses
	ask      *ask
	branches []step
	fallback int // index of the default branch, or -1
}

func (c *compiler) route(src *Step, inner string) (body, Type) {
	r := src.Route
	b := &route{branches: make([]step, len(r.Branches)), fallback: -1}
	switch {
	case (r.By == "") == (r.Ask == ""):
		c.fail("route", "a route chooses by an expression or by asking the model", "write by or ask, one of the two")
	case r.By != "":
		b.by = c.expression("by", r.By, TypeAny)
	default:
		b.ask = c.chooser(src)
	}
	if len(r.Branches) == 0 {
		c.fail("branches", "there are no branches", "write at least one")
	}
	was := c.current
	typ := TypeAny
	for i := range r.Branches {
		branch := &r.Branches[i]
		c.current = placeOf(branch, branch.Name, i, inner)
		switch {
		case branch.Name == "":
			c.fail("", "the branch has no name", "name it, so that it can be chosen")
		case slices.ContainsFunc(r.Branches[:i], func(s Step) bool { return s.Name == branch.Name }):
			c.fail("name", fmt.Sprintf("there is a branch %q already", branch.Name), "give each branch a name of its own")
		case branch.When != "" && branch.Else == nil:
			c.fail("when", "the branch may be skipped, and would have no value", "give it an else")
		}
		b.branches[i].name = branch.Name
		c.step(branch, &b.branches[i], c.index, inner)
		if typ = b.branches[i].typ; typ != b.branches[0].typ {
			typ = TypeAny
		}
	}
	c.current = was
	for i := range b.branches {
		if b.branches[i].typ != b.branches[0].typ {
			typ = TypeAny
		}
	}
	if r.Default != "" {
		if b.fallback = b.find(r.Default); b.fallback < 0 {
			c.fail("default", fmt.Sprintf("there is no branch %q", textx.Shorten(r.Default)), "the branches are "+strings.Join(b.names(), ", "))
		}
	}
	return b, typ
}

// chooser is the question that the model answers with a branch's name. The
// engine is held to the names.
func (c *compiler) chooser(src *Step) *ask {
	names := make([]string, len(src.Route.Branches))
	for i := range names {
		names[i] = src.Route.Branches[i].Name
	}
	question := src.Route.Ask + "\n\nAnswer with the one that fits best: " + escapeFString(strings.Join(names, ", ")) + "."
	if src.Format != "" && src.Format != "f-string" {
		question = src.Route.Ask + "\n\nAnswer with the one that fits best: " + strings.Join(names, ", ") + "."
	}
	asking := Step{Prompt: question, Format: src.Format, Partial: src.Partial, Schema: choiceSchema(names), src: src.src}
	if blank(src.Route.Ask) {
		c.fail("ask", "the question is empty", "write what the model is to choose by")
		return &ask{}
	}
	b, _ := c.ask(&asking, &step{})
	return b.(*ask)
}

func (b *route) find(name string) int {
	return slices.IndexFunc(b.branches, func(s step) bool { return s.name == name })
}

func (b *route) names() []string {
	names := make([]string, len(b.branches))
	for i := range b.branches {
		names[i] = b.branches[i].name
	}
	return names
}

func (b *route) final() bool {
	for i := range b.branches {
		final(&b.branches[i])
	}
	return false
}

func (b *route) run(ctx context.Context, x *exec, s *step, v *frame, at site) (StepResult, error) {
	inner := x.within(s)
	chosen, err := b.choose(ctx, inner, s, v, at)
	if err != nil {
		return inner.tally.result(), err
	}
	branch := &b.branches[chosen]
	result, err := inner.step(ctx, branch, v, at.in(branch.name))
	result.Chosen = branch.name
	return inner.merged(result), err
}

// choose returns the index of the branch to run.
func (b *route) choose(ctx context.Context, x *exec, s *step, v *frame, at site) (int, error) {
	var name string
	if b.by != nil {
		value, err := b.by.eval(v)
		if err != nil {
			return 0, err
		}
		if name, err = textOf(value); err != nil {
			return 0, err
		}
	} else {
		result, err := x.step(ctx, &step{name: "choice", body: b.ask, retries: s.retries, bare: true}, v, at.in("choice"))
		if err != nil {
			return 0, err
		}
		choice, _ := result.Value.(map[string]any)
		name, _ = choice["choice"].(string)
	}
	name = strings.TrimSpace(name)
	if i := b.find(name); i >= 0 {
		return i, nil
	}
	if b.fallback >= 0 {
		return b.fallback, nil
	}
	return 0, provider.Errorf(provider.Invalid, "", "", "there is no branch %q to take; the branches are %s; name a default for everything else", textx.Shorten(name), strings.Join(b.names(), ", "))
}

func escapeFString(text string) string {
	return strings.NewReplacer("{", "{{", "}", "}}").Replace(text)
}
