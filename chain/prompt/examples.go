package prompt

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tandem-llm/tandem/chain/template"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/provider"
)

// Examples show a model how it is done: few-shot. Each is written with Text,
// and all of them stand in one message; or with Messages, and stand in the
// conversation.
type Examples struct {
	Items []map[string]any // the values of each example

	Text     string    // template of one example, or
	Messages []Message // templates of the messages that one example is

	Prefix    string  // template of what stands before the examples; with Text only
	Separator *string // between prefix, examples and the message's own text; nil: an empty line

	// Selector chooses among the examples at each call; nil: all of them.
	Selector Selector

	// Reread has the text of an example read as an f-string once more, as
	// LangChain does it: a brace in an example's value is written twice.
	Reread bool

	Format  template.Format // of Text, or Messages; empty: that of the message
	Partial map[string]any  // as Options.Partial, for Text or Messages
}

// examples are compiled Examples. What does not depend on a call's values, which
// is each example by itself, has been rendered.
type examples struct {
	all       []Example
	messages  [][]provider.Message // of each example; nil: texts
	prefix    *template.Template
	separator string
	selector  Selector
	vectors   vectors
}

// Example is one of those that a [Selector] chooses among.
type Example struct {
	Values map[string]any
	Text   string // as it would stand in the prompt
}

func (x *examples) embeds() bool {
	_, ok := x.selector.(interface{ embeds() })
	return ok
}

// examples compiles a message's examples.
func (c *compiler) examples(p *part, m Message) {
	e, x := m.Examples, &examples{separator: "\n\n", selector: m.Examples.Selector}
	p.more = &more{examples: x}
	if e.Separator != nil {
		x.separator = *e.Separator
	}
	switch {
	case (e.Text == "") == (len(e.Messages) == 0):
		c.fail("example", 0, "an example has either text or messages", "write one of them")
		return
	case e.Text != "" && (len(m.Images) > 0 || len(m.ToolCalls) > 0):
		c.fail("examples", 0, "a message with examples can have only text", "put the images into another message")
		return
	case e.Text == "" && (m.Text != "" || m.Role != "" || e.Prefix != ""):
		c.fail("examples", 0, "a message whose examples are messages cannot have text", "put the text into another message")
		return
	case e.Text != "" && m.Role == "":
		p.role = provider.RoleUser
	}
	if e.Prefix != "" {
		x.prefix = c.template("prefix", 0, m.Format, e.Prefix)
	}
	if m.Text != "" {
		p.text = c.template("", 0, m.Format, m.Text)
	}
	for _, name := range selectorVars(e.Selector) {
		c.variable(Var{Var: template.Var{Name: name}, Message: c.at.Message, Field: "selector"}, c.at)
	}
	if checked, ok := e.Selector.(interface{ check() error }); ok {
		if err := checked.check(); err != nil {
			c.fail("selector", 0, err.Error(), "")
		}
	}
	c.exampleItems(x, e, m.Format)
}

// exampleItems renders every example.
func (c *compiler) exampleItems(x *examples, e *Examples, f template.Format) {
	o := c.options
	o.Examples, o.Partial = nil, e.Partial
	if e.Format != "" {
		f = e.Format
	}
	if f != "" {
		o.Format = f
	}
	messages := e.Messages
	if e.Text != "" {
		messages = []Message{{Role: provider.RoleUser, Text: e.Text}}
	}
	one, err := New(o, messages...)
	for _, err := range diag.Split(err) {
		var inner *Error
		if errors.As(err, &inner) {
			c.errs = append(c.errs, &Error{
				Message: c.at.Message, Field: "example", Index: max(inner.Message, 0),
				Line: inner.Line, Column: inner.Column, What: inner.What, Remedy: inner.Remedy,
			})
		}
	}
	if err != nil {
		return
	}
	for i, values := range e.Items {
		got, err := one.Messages(context.Background(), template.Map(values))
		var missing *template.MissingError
		if errors.As(err, &missing) {
			c.fail("examples", i, fmt.Sprintf("example %d has no value for {%s}", i+1, textx.Shorten(missing.Name)), "add it")
			continue
		}
		if err != nil {
			c.fail("examples", i, fmt.Sprintf("example %d: %v", i+1, reason(err)), "")
			continue
		}
		if e.Reread {
			if got[0].Text, err = reread(got[0].Text); err != nil {
				c.fail("examples", i, fmt.Sprintf("example %d: %v", i+1, err), "write a brace in an example twice, as in {{x}}: LangChain reads an example as a template")
				continue
			}
		}
		texts := make([]string, len(got))
		for j := range got {
			texts[j] = got[j].Text
		}
		x.all = append(x.all, Example{Values: values, Text: strings.Join(texts, "\n")})
		if e.Text == "" {
			x.messages = append(x.messages, got)
		}
	}
	if e.Text == "" && x.messages == nil {
		x.messages = [][]provider.Message{}
	}
}

// reread reads a text as an f-string without variables.
func reread(text string) (string, error) {
	t, err := template.Parse(template.FString, text)
	if err != nil {
		return "", errors.New("it has an unpaired brace")
	}
	if vars := t.Vars(); len(vars) > 0 {
		return "", fmt.Errorf("there is {%s} in it", vars[0].Name)
	}
	return t.Render(nil)
}

// reason is the text of an error of this package's without the kind before it.
func reason(err error) error {
	var pe *provider.Error
	if errors.As(err, &pe) && pe.Err != nil {
		return pe.Err
	}
	return err
}

// choose returns the indices of the examples to show.
func (x *examples) choose(ctx context.Context, p *Prompt, v template.Values, call Call) ([]int, error) {
	if x.selector == nil {
		all := make([]int, len(x.all))
		for i := range all {
			all[i] = i
		}
		return all, nil
	}
	chosen, err := x.selector.Select(ctx, Query{Inputs: p.inputs(v), Examples: x.all, Call: call, vectors: &x.vectors})
	if err != nil {
		return nil, err
	}
	for _, i := range chosen {
		if i < 0 || i >= len(x.all) {
			return nil, fmt.Errorf("a selector chose example %d of %d", i+1, len(x.all))
		}
	}
	return chosen, nil
}

// inputs are those of a prompt's variables whose values are texts or numbers.
func (p *Prompt) inputs(v template.Values) map[string]string {
	inputs := make(map[string]string, len(p.vars))
	add := func(name string) {
		switch value, ok := v.Lookup(name); value.(type) {
		case nil, []any, map[string]any, []provider.Message, []string, []map[string]any:
		default:
			if ok {
				inputs[name] = textOf(value)
			}
		}
	}
	for i := range p.vars {
		if !p.vars[i].Messages {
			add(p.vars[i].Name)
		}
	}
	for name := range p.partial.values {
		add(name)
	}
	return inputs
}

// join makes the text of a message with examples.
func (x *examples) join(ctx context.Context, p *Prompt, own *template.Template, v template.Values, call Call) (string, error) {
	chosen, err := x.choose(ctx, p, v, call)
	if err != nil {
		return "", err
	}
	var pieces []string
	if x.prefix != nil {
		text, err := x.prefix.Render(v)
		if err != nil {
			return "", err
		}
		pieces = append(pieces, text)
	}
	for _, i := range chosen {
		if x.all[i].Text != "" {
			pieces = append(pieces, x.all[i].Text)
		}
	}
	if own != nil {
		text, err := own.Render(v)
		if err != nil {
			return "", err
		}
		pieces = append(pieces, text)
	}
	return strings.Join(pieces, x.separator), nil
}

// appendMessages adds the messages of the chosen examples.
func (x *examples) appendMessages(ctx context.Context, out []provider.Message, p *Prompt, v template.Values, call Call) ([]provider.Message, error) {
	chosen, err := x.choose(ctx, p, v, call)
	if err != nil {
		return nil, err
	}
	for _, i := range chosen {
		out = append(out, x.messages[i]...)
	}
	return out, nil
}
