package chain

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/provider"
)

// place is where in a list of steps something stands.
type place struct {
	step    int    // index; -1: the chain itself
	name    string // of the step, where it has one
	field   string // the key in a chain file, such as "prompt"; "": the step
	message int    // index into Messages where field is "messages"; -1: all
	at      position
}

// String describes the place to a Go programmer.
func (p place) String() string {
	var parts []string
	switch {
	case p.step < 0:
		return "chain"
	case p.name != "":
		parts = append(parts, fmt.Sprintf("step %q", p.name))
	default:
		parts = append(parts, fmt.Sprintf("step %d", p.step+1))
	}
	switch {
	case p.field == "messages" && p.message >= 0:
		parts = append(parts, fmt.Sprintf("message %d", p.message+1))
	case p.field != "":
		parts = append(parts, p.field)
	}
	if p.at != (position{}) {
		parts = append(parts, fmt.Sprintf("line %d, column %d", p.at.line, p.at.column))
	}
	return strings.Join(parts, ", ")
}

// mistake is something wrong in a list of steps.
type mistake struct {
	place
	message string
	remedy  string
}

// Error says where, what, and what to do, on one line.
func (m *mistake) Error() string {
	text := m.place.String() + ": " + m.message
	if m.remedy != "" {
		text += "; " + m.remedy
	}
	return text
}

// compiler makes a Chain of Steps, and notes every mistake in them.
type compiler struct {
	chain    *Chain
	named    []string // the names that the steps were given, "" where none
	mistakes []*mistake
	current  place // of what is being compiled
}

// compile returns the chain, which is usable only if there are no mistakes.
func compile(steps []Step, pipe bool) (*Chain, []*mistake) {
	c := &compiler{chain: &Chain{pipe: pipe, steps: make([]step, len(steps))}}
	if len(steps) == 0 {
		c.current = place{step: -1}
		c.fail("", "there are no steps", "give it at least one")
	}
	for i := range steps {
		c.named = append(c.named, steps[i].Name)
		c.name(i, steps)
	}
	for i := range steps {
		s := &c.chain.steps[i]
		c.current = place{step: i, name: s.name, message: -1}
		s.settings = steps[i].settings()
		c.settings(s.settings)
		c.texts(s, &steps[i])
	}
	return c.chain, c.mistakes
}

func (c *compiler) fail(field, message, remedy string) {
	p := c.current
	p.field = field
	c.mistakes = append(c.mistakes, &mistake{place: p, message: message, remedy: remedy})
}

// name gives step i its name.
func (c *compiler) name(i int, steps []Step) {
	name := steps[i].Name
	c.current = place{step: i, name: name, message: -1}
	switch {
	case name == "" && len(steps) == 1:
		name = "answer"
	case name == "" && c.chain.pipe:
		name = fmt.Sprintf("step%d", i+1)
	case name == "":
		c.fail("", "the step has no name", "name it, so that later steps can use its answer")
	case !isName(name):
		c.fail("name", fmt.Sprintf("%q cannot be a step's name", shorten(name)), "write letters, digits and _ only, so that {"+suggestName(name)+"} can stand for its answer")
	}
	c.chain.steps[i].name = name
	if earlier := slices.Index(c.chain.Steps()[:i], name); earlier >= 0 && name != "" {
		c.fail("name", fmt.Sprintf("step %d has the name %q already", earlier+1, name), "give each step a name of its own")
	}
}

// settings checks the ranges of what the step sets.
func (c *compiler) settings(r provider.Request) {
	c.valid("model", provider.Request{Model: r.Model})
	r.Model = ""
	c.valid("", r)
}

// valid notes what is wrong with r, apart from its messages.
func (c *compiler) valid(field string, r provider.Request) {
	r.Messages = []provider.Message{provider.User("valid")}
	var invalid *provider.Error
	if errors.As(r.Validate(), &invalid) {
		c.fail(field, invalid.Err.Error(), "")
	}
}

// roles are those that a message of a step may have.
func roles() []string {
	return []string{string(provider.RoleSystem), string(provider.RoleUser), string(provider.RoleAssistant)}
}

func (c *compiler) role(role provider.Role) {
	if !slices.Contains(roles(), string(role)) {
		c.fail("messages", fmt.Sprintf("%q is no role of a message", shorten(string(role))), "the roles are "+strings.Join(roles(), ", "))
	}
}

// suggestName makes an identifier of a name.
func suggestName(name string) string {
	id := strings.Map(func(r rune) rune {
		if isName("_" + string(r)) {
			return r
		}
		return '_'
	}, strings.TrimSpace(name))
	if !isName(id) {
		id = "_" + id
	}
	return shorten(id)
}

// texts compiles the messages of src and resolves their variables.
func (c *compiler) texts(s *step, src *Step) {
	switch {
	case len(src.Messages) > 0 && (src.Prompt != "" || src.System != ""):
		c.fail("messages", "there are messages beside a prompt or system", "put all of it into messages")
		return
	case len(src.Messages) > 0:
		for i, m := range src.Messages {
			c.current.message = i
			c.role(m.Role)
			c.text(s, "messages", m.Role, m.Text)
		}
		c.current.message = -1
	default:
		if src.System != "" {
			c.text(s, "system", provider.RoleSystem, src.System)
		}
		if src.Prompt == "" {
			c.fail("prompt", "there is no prompt", "write one, or messages")
			return
		}
		c.text(s, "prompt", provider.RoleUser, src.Prompt)
	}
	if c.chain.pipe && c.current.step > 0 && len(s.vars) != 1 {
		c.fail("", pipeMistake(s.vars), "in a pipe a step has one variable, which stands for the answer before it")
	}
}

func pipeMistake(vars []string) string {
	if len(vars) == 0 {
		return "the step has no variable, so the answer before it would be lost"
	}
	return fmt.Sprintf("the step has %d variables: {%s}", len(vars), strings.Join(vars, "}, {"))
}

// text compiles one template.
func (c *compiler) text(s *step, field string, role provider.Role, text string) {
	if blank(text) {
		c.fail(field, "the "+string(role)+" message is empty", "write what the model is to be told")
		return
	}
	t, err := ParseTemplate(text)
	var mistaken *TemplateError
	if errors.As(err, &mistaken) {
		c.failAt(field, position{mistaken.Line, mistaken.Column}, mistaken.Message, mistaken.Remedy)
		return
	}
	s.messages = append(s.messages, message{role, t})
	for i, name := range t.names {
		if !slices.Contains(s.vars, name) {
			s.vars = append(s.vars, name)
			c.resolve(field, name, t.at[i])
		}
	}
}

func (c *compiler) failAt(field string, at position, message, remedy string) {
	c.current.at = at
	c.fail(field, message, remedy)
	c.current.at = position{}
}

// resolve decides what a variable of the current step stands for.
func (c *compiler) resolve(field, name string, at position) {
	i := c.current.step
	if c.chain.pipe && i > 0 {
		return
	}
	provides := slices.Index(c.named, name)
	switch {
	case c.chain.pipe || provides < 0:
		if !c.chain.takes(name) {
			p := c.current
			p.field, p.at = field, at
			c.chain.inputs = append(c.chain.inputs, input{name: name, first: p, where: p.String()})
		}
	case provides == i:
		c.failAt(field, at, fmt.Sprintf("{%s} is this step's own answer", name), "use an earlier step's name, or rename this step")
	case provides > i:
		c.failAt(field, at, fmt.Sprintf("{%s} is the answer of step %d, which comes later", name, provides+1), "move that step up, or rename it")
	}
}

func blank(text string) bool { return strings.TrimSpace(text) == "" }
