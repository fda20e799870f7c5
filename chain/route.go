package chain

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/chain/template"
	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/provider"
)

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
	case (r.By == "") == (r.Question == ""):
		c.fail("route", "a route chooses by an expression, or by asking the model", "write either by or ask")
	case r.By != "":
		b.by = c.expression("by", r.By, TypeAny)
	default:
		b.ask = c.chooser(src)
	}
	if len(r.Branches) == 0 {
		c.fail("branches", "there are no branches", "write at least one")
	}
	was := c.current
	for i := range r.Branches {
		branch := &r.Branches[i]
		c.current = placeOf(branch, branch.Name, i, inner)
		switch {
		case branch.Name == "":
			c.fail("", "the branch has no name", "name it, so that it can be chosen")
		case slices.ContainsFunc(r.Branches[:i], func(s Step) bool { return s.Name == branch.Name }):
			c.fail("name", fmt.Sprintf("there is already a branch %q", branch.Name), "give each branch a name of its own")
		default:
			c.answers(branch, branchGap, "give it an else")
		}
		b.branches[i].name = branch.Name
		c.step(branch, &b.branches[i], c.index, inner)
	}
	c.current = was
	if r.Default != "" {
		if b.fallback = b.branchIndex(r.Default); b.fallback < 0 {
			c.fail("default", fmt.Sprintf("there is no branch %q", textx.Shorten(r.Default)), "the branches are "+strings.Join(b.names(), ", "))
		}
	}
	return b, b.typ()
}

// typ is that of every branch's value, where it is one.
func (b *route) typ() Type {
	if len(b.branches) == 0 || slices.ContainsFunc(b.branches, func(s step) bool { return s.typ != b.branches[0].typ }) {
		return TypeAny
	}
	return b.branches[0].typ
}

// chooser is the question that the model answers with a branch's name. The
// engine is held to the names.
func (c *compiler) chooser(src *Step) *ask {
	names := make([]string, len(src.Route.Branches))
	for i := range names {
		names[i] = src.Route.Branches[i].Name
	}
	choices := strings.Join(names, ", ")
	if cmp.Or(src.Format, template.FString) == template.FString {
		choices = escapeFString(choices)
	}
	question := src.Route.Question + "\n\nAnswer with the one that fits best: " + choices + "."
	asking := Step{Prompt: question, Format: src.Format, Partial: src.Partial, Partials: src.Partials, Schema: choiceSchema(names), src: src.src, question: "ask"}
	if blank(src.Route.Question) {
		c.fail("ask", "the question is empty", "write the question")
		return &ask{}
	}
	b, _ := c.compilePrompt(&asking, &step{})
	return b.(*ask)
}

func (b *route) branchIndex(name string) int {
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

func (b *route) run(ctx context.Context, x *exec, s *step, v *variables, at stepPath) (StepResult, error) {
	inner := x.within(s)
	chosen, err := b.choose(ctx, inner, s, v, at)
	if err != nil {
		return inner.tally.result(), err
	}
	branch := &b.branches[chosen]
	result, err := inner.step(ctx, branch, v, at.in(branch.name))
	result.Chosen = branch.name
	return inner.withTotals(result), err
}

// choose returns the index of the branch to run.
func (b *route) choose(ctx context.Context, x *exec, s *step, v *variables, at stepPath) (int, error) {
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
		result, err := x.step(ctx, &step{name: "choice", body: b.ask, retries: s.retries, bodyOnly: true}, v, at.in("choice"))
		if err != nil {
			return 0, err
		}
		choice, _ := result.Value.(map[string]any)
		name, _ = choice["choice"].(string)
	}
	name = strings.TrimSpace(name)
	if i := b.branchIndex(name); i >= 0 {
		return i, nil
	}
	if b.fallback >= 0 {
		return b.fallback, nil
	}
	return 0, provider.Errorf(provider.Invalid, "", "", "there is no branch %q (the branches are %s); add a default for other values", textx.Shorten(name), strings.Join(b.names(), ", "))
}

func escapeFString(text string) string {
	return strings.NewReplacer("{", "{{", "}", "}}").Replace(text)
}
