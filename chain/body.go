package chain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tandem-llm/tandem/chain/prompt"
	"github.com/tandem-llm/tandem/chain/template"
	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/provider"
)

// body is what a step does.
type body interface {
	// run does it once.
	run(ctx context.Context, x *exec, s *step, v *variables, at stepPath) (StepResult, error)
	// final marks the steps in it whose answer, as it comes, is the step's, and
	// reports whether the step asks for that answer itself.
	final() bool
}

// kinds are the fields that say what a step does, those of one body together.
func (s *Step) kinds() []string {
	var kinds []string
	for _, k := range []struct {
		has  bool
		name string
	}{
		{s.Prompt != "" || s.System != "", "prompt"},
		{len(s.Messages) > 0, "messages"},
		{s.PromptFrom != nil, "file"},
		{s.Text != "", "text"},
		{s.Transform != "", "transform"},
		{s.Steps != nil, "steps"},
		{s.Parallel != nil, "parallel"},
		{s.Route != nil, "route"},
		{s.Chain != nil, "chain"},
		{s.Retrieve != nil, "retrieve"},
	} {
		if k.has {
			kinds = append(kinds, k.name)
		}
	}
	return kinds
}

// body compiles what the step does, and the type of its value.
func (c *compiler) body(src *Step, s *step, inner string) (body, Type) {
	kinds := src.kinds()
	switch {
	case len(kinds) == 2 && kinds[0] == "prompt" && kinds[1] == "messages":
		c.fail("messages", "the step has messages and also a prompt or system", "put everything into messages")
		return &ask{}, TypeAny
	case len(kinds) > 1:
		c.fail(kinds[1], fmt.Sprintf("a step does one thing, but this one has %s", strings.Join(kinds, " and ")), "make each a step of its own")
		return &textBody{}, TypeAny
	case len(kinds) == 0:
		c.fail("prompt", "there is no prompt", "write one, or messages")
		return &ask{}, TypeAny
	}
	if !asks(kinds[0]) {
		c.unasked(src, kinds[0])
	}
	switch kinds[0] {
	case "text":
		return c.compileText(src), TypeText
	case "transform":
		e := c.expression("transform", src.Transform, TypeAny)
		if e == nil {
			return &transform{}, TypeAny
		}
		return &transform{e}, e.typ
	case "steps":
		return c.group(src, inner)
	case "parallel":
		return c.parallel(src, inner)
	case "route":
		return c.route(src, inner)
	case "chain":
		return c.sub(src)
	case "retrieve":
		return c.retrieve(src), TypeText
	}
	return c.compilePrompt(src, s)
}

func asks(kind string) bool {
	return kind == "prompt" || kind == "messages" || kind == "file"
}

// unasked refuses what only a step that asks a model can have.
func (c *compiler) unasked(src *Step, kind string) {
	for _, k := range []struct {
		has  bool
		name string
	}{
		{src.Parse != nil, "parse"},
		{src.Schema != nil, "schema"},
		{len(src.Tools) > 0, "tools"},
		{len(src.Images) > 0, "images"},
		{src.Examples != nil, "examples"},
		{src.Retries > 0 && (kind == "text" || kind == "transform" || kind == "retrieve"), "retries"},
	} {
		if k.has {
			c.fail(k.name, fmt.Sprintf("%s belongs in a step that asks a model, but this one has %s", k.name, kind), "move it into the step that asks the model")
		}
	}
}

// template compiles a template of the step's own format and resolves its
// variables; nil after a mistake.
func (c *compiler) template(field string, src *Step, text string) *template.Template {
	if blank(text) {
		c.fail(field, "the template is empty", "write the text")
		return nil
	}
	t, err := template.ParseWith(src.Format, text, template.Options{Partials: src.Partials, AllowJinja2: c.jinja2})
	if err != nil {
		var bad *template.Error
		if errors.As(err, &bad) {
			c.current.at = textx.Position{Line: bad.Line, Column: bad.Column}
			c.failWith(bad.Err, field, bad.Message, bad.Remedy)
			c.current.at = textx.Position{}
		} else {
			c.fail(field, err.Error(), "")
		}
		return nil
	}
	for _, v := range t.Vars() {
		if _, given := src.Partial[v.Name]; !given {
			c.current.field, c.current.at = field, textx.Position{Line: v.Line, Column: v.Column}
			c.use(v.Name)
		}
	}
	for _, v := range t.Optional() {
		if _, given := src.Partial[v.Name]; !given {
			c.current.field, c.current.at = field, textx.Position{Line: v.Line, Column: v.Column}
			c.mayUse(v.Name)
		}
	}
	c.current.at = textx.Position{}
	return t
}

// textBody fills in a text.
type textBody struct {
	template *template.Template
	partial  map[string]any
}

func (c *compiler) compileText(src *Step) *textBody {
	return &textBody{c.template("text", src, src.Text), src.Partial}
}

func (*textBody) final() bool { return false }

func (b *textBody) run(_ context.Context, _ *exec, _ *step, v *variables, _ stepPath) (StepResult, error) {
	text, err := b.template.Render(v.with(b.partial))
	if err == nil && len(text) > maxValue {
		err = tooLarge()
	}
	if err != nil {
		return StepResult{}, err
	}
	return StepResult{Text: text, Value: text, Finish: provider.FinishStop}, nil
}

// transform computes.
type transform struct{ expression *expression }

func (*transform) final() bool { return false }

func (b *transform) run(_ context.Context, _ *exec, _ *step, v *variables, _ stepPath) (StepResult, error) {
	value, err := b.expression.eval(v)
	if err != nil {
		return StepResult{}, err
	}
	if value, err = settled(value); err != nil {
		return StepResult{}, err
	}
	text, err := textOf(value)
	return StepResult{Text: text, Value: value, Finish: provider.FinishStop}, err
}

// messagesOf returns the messages of a step that asks, and the field that each
// stands under.
func messagesOf(src *Step) (messages []prompt.Message, fields []string) {
	if len(src.Messages) > 0 {
		return src.Messages, nil
	}
	if src.System != "" {
		messages, fields = append(messages, prompt.Message{Role: provider.RoleSystem, Text: src.System}), append(fields, "system")
	}
	return append(messages, prompt.Message{Role: provider.RoleUser, Text: src.Prompt, Images: src.Images}), append(fields, cmp.Or(src.question, "prompt"))
}
