package prompt

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/chain/template"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/provider"
)

// compiler makes the parts of a Prompt, and notes every mistake in them.
type compiler struct {
	prompt  *Prompt
	options Options
	used    map[string]bool // partials of the Options
	own     partials        // of the message being compiled
	ownUsed map[string]bool
	at      Error // where the compiler is
	errs    []error
}

func (c *compiler) fail(field string, index int, what, remedy string) {
	e := c.at
	e.Field, e.Index, e.What, e.Remedy = field, index, what, remedy
	c.errs = append(c.errs, &e)
}

func (c *compiler) compile(o Options, messages []Message) {
	c.options, c.used = o, map[string]bool{}
	before := c.placeExamples(messages)
	for i := range messages {
		m := messages[i]
		c.at = Error{Message: i}
		if i == before && o.Examples.Text == "" {
			c.message(Message{Examples: o.Examples})
		} else if i == before {
			m.Examples = o.Examples
		}
		c.message(m)
	}
	c.at = Error{Message: -1}
	if len(messages) == 0 {
		c.fail("", 0, "there are no messages", "write one")
	}
	if len(c.errs) == 0 {
		c.unused("", o.Partial, c.used)
	}
}

// placeExamples returns the index of the message that the Options' examples go
// with; -1: no message.
func (c *compiler) placeExamples(messages []Message) int {
	if c.options.Examples == nil {
		return -1
	}
	for i := range slices.Backward(messages) {
		if m := &messages[i]; m.Role == provider.RoleUser && m.Placeholder == "" && m.Examples == nil {
			return i
		}
	}
	c.at = Error{Message: -1}
	c.fail("examples", 0, "examples need a user message", "add one, or put the examples into a message")
	return -1
}

// unused finds partials that stand nowhere.
func (c *compiler) unused(field string, values map[string]any, used map[string]bool) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !used[name] {
			c.fail(field, 0, fmt.Sprintf("nothing uses the partial %q", textx.Shorten(name)), diag.Suggest(name, c.names()))
		}
	}
}

func (c *compiler) names() []string {
	names := make([]string, len(c.prompt.vars))
	for i, v := range c.prompt.vars {
		names[i] = v.Name
	}
	return names
}

// message compiles one message.
func (c *compiler) message(m Message) {
	c.own, c.ownUsed = makePartials(m.Partial), map[string]bool{}
	p := part{role: m.Role, partial: c.own}
	failed := len(c.errs)
	switch {
	case m.Placeholder != "":
		p.more = c.placeholder(m)
	case m.Examples != nil:
		c.examples(&p, m)
	default:
		c.plain(&p, m)
	}
	if len(c.errs) == failed {
		c.unused("partial", m.Partial, c.ownUsed)
		c.prompt.parts = append(c.prompt.parts, p)
	}
}

func (c *compiler) plain(p *part, m Message) {
	switch {
	case !slices.Contains(roles(), m.Role):
		c.fail("", 0, fmt.Sprintf("%q is not a role of a message", textx.Shorten(string(m.Role))), "the roles are system, user, assistant, tool")
		if m.Text != "" { // it may have mistakes of its own
			c.template("", 0, m.Format, m.Text)
		}
		return
	case strings.TrimSpace(m.Text) == "" && len(m.Images) == 0 && len(m.ToolCalls) == 0 && m.Role != provider.RoleTool:
		c.fail("", 0, "the "+string(m.Role)+" message is empty", "add a text")
		return
	case len(m.Images) > 0 && m.Role != provider.RoleUser:
		c.fail("images", 0, "images belong to a user message, not to a "+string(m.Role)+" message", "")
	case len(m.ToolCalls) > 0 && m.Role != provider.RoleAssistant:
		c.fail("tool_calls", 0, "tool calls belong to an assistant message, not to a "+string(m.Role)+" message", "")
	case m.Role != provider.RoleTool && m.ToolCallID+m.ToolName != "":
		c.fail("tool_call_id", 0, "only a tool message answers a call", "give it the role tool")
	case m.Role == provider.RoleTool && m.ToolCallID+m.ToolName == "":
		c.fail("tool_call_id", 0, "the tool message does not say which call it answers", "give it a tool_call_id, or the tool's name")
	}
	if m.Text != "" {
		p.text = c.template("", 0, m.Format, m.Text)
	}
	if len(m.Images) > 0 || len(m.ToolCalls) > 0 || m.Role == provider.RoleTool {
		p.more = &more{calls: slices.Clone(m.ToolCalls)}
		for i, text := range m.Images {
			p.more.images = append(p.more.images, c.image(i, m.Format, text))
		}
		if m.ToolCallID != "" {
			p.more.callID = c.template("tool_call_id", 0, m.Format, m.ToolCallID)
		}
		if m.ToolName != "" {
			p.more.toolName = c.template("tool_name", 0, m.Format, m.ToolName)
		}
	}
}

// template compiles a text of the current message; nil where it cannot.
func (c *compiler) template(field string, index int, f template.Format, text string) *template.Template {
	if f == "" {
		f = c.options.Format
	}
	t, err := parse(c.options, f, text)
	at := Error{Message: c.at.Message, Field: field, Index: index}
	if err != nil {
		c.errs = append(c.errs, errorOf(at, err))
		return nil
	}
	for _, v := range t.Vars() {
		at.Line, at.Column = v.Line, v.Column
		c.variable(Var{Var: v, Message: c.at.Message, Field: field}, at)
	}
	for _, v := range t.Optional() {
		c.mayHave(Var{Var: v, Message: c.at.Message, Field: field, Optional: true})
	}
	return t
}

// mayHave notes a variable that needs no value.
func (c *compiler) mayHave(v Var) {
	switch {
	case c.own.has(v.Name):
		c.ownUsed[v.Name] = true
	case c.prompt.partial.has(v.Name):
		c.used[v.Name] = true
	case !slices.ContainsFunc(c.prompt.optional, func(have Var) bool { return have.Name == v.Name }):
		c.prompt.optional = append(c.prompt.optional, v)
	}
}

// parse compiles a text in one of the formats.
func parse(o Options, f template.Format, text string) (*template.Template, error) {
	return template.ParseWith(f, text, template.Options{Partials: o.Partials, AllowJinja2: o.AllowJinja2})
}

// variable notes a use of a variable: v, at a place.
func (c *compiler) variable(v Var, at Error) {
	var value any
	switch {
	case c.own.has(v.Name):
		c.ownUsed[v.Name], value = true, c.own.values[v.Name]
	case c.prompt.partial.has(v.Name):
		c.used[v.Name], value = true, c.prompt.partial.values[v.Name]
	default:
		c.addVar(v)
		return
	}
	nested, ok := value.(*Prompt)
	if !ok {
		return
	}
	if !v.Messages && !nested.oneText() {
		at.What = fmt.Sprintf("{%s} is a prompt of several messages, but a text is needed here", v.Name)
		at.Remedy = "put it into a placeholder"
		c.errs = append(c.errs, &at)
	}
	for _, inner := range nested.vars {
		inner.Message, inner.Field, inner.Line, inner.Column = -1, "partial", 0, 0
		c.addVar(inner)
	}
}

// addVar adds v to the variables, or makes a known one needed.
func (c *compiler) addVar(v Var) {
	for i := range c.prompt.vars {
		if have := &c.prompt.vars[i]; have.Name == v.Name {
			have.Optional = have.Optional && v.Optional
			return
		}
	}
	c.prompt.vars = append(c.prompt.vars, v)
}

// oneText reports whether p always makes one message of text alone.
func (p *Prompt) oneText() bool {
	if len(p.parts) != 1 {
		return false
	}
	m := p.parts[0].more
	return m == nil || m.examples != nil && m.examples.messages == nil
}

// placeholder compiles a message that stands for a list of them.
func (c *compiler) placeholder(m Message) *more {
	switch {
	case !textx.IsName(m.Placeholder):
		c.fail("placeholder", 0, fmt.Sprintf("%q is not a variable's name", textx.Shorten(m.Placeholder)), "use only letters, digits and _, without braces")
	case m.Text != "" || len(m.Images) > 0 || len(m.ToolCalls) > 0 || m.Examples != nil || m.ToolCallID+m.ToolName != "" || m.Role != "":
		c.fail("placeholder", 0, "a placeholder stands for whole messages and takes no other keys", "put the rest into another message")
	case m.Limit < 0:
		c.fail("placeholder", 0, fmt.Sprintf("the limit %d is negative", m.Limit), "0 keeps all messages")
	}
	at := c.at
	at.Field = "placeholder"
	c.variable(Var{Var: template.Var{Name: m.Placeholder}, Message: at.Message, Field: at.Field, Optional: m.Optional, Messages: true}, at)
	return &more{placeholder: m.Placeholder, optional: m.Optional, limit: m.Limit}
}
