package chain

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/chain/prompt"
	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/provider"
)

// place is where in a list of steps something stands.
type place struct {
	step    int    // index; -1: the chain itself
	name    string // of the step, where it has one
	field   string // the key in a chain file, such as "prompt"; "": the step
	message int    // index into Messages where field is "messages"; -1: all
	at      textx.Position
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
	if p.at != (textx.Position{}) {
		parts = append(parts, fmt.Sprintf("line %d, column %d", p.at.Line, p.at.Column))
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
	case !textx.IsName(name):
		c.fail("name", fmt.Sprintf("%q cannot be a step's name", textx.Shorten(name)), "write letters, digits and _ only, so that {"+suggestName(name)+"} can stand for its answer")
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

// suggestName makes an identifier of a name.
func suggestName(name string) string {
	id := strings.Map(func(r rune) rune {
		if textx.IsName("_" + string(r)) {
			return r
		}
		return '_'
	}, strings.TrimSpace(name))
	if !textx.IsName(id) {
		id = "_" + id
	}
	return textx.Shorten(id)
}

// texts compiles the messages of src and resolves their variables.
func (c *compiler) texts(s *step, src *Step) {
	var messages []prompt.Message
	fields := []string{} // which key each message stands under
	switch {
	case len(src.Messages) > 0 && (src.Prompt != "" || src.System != ""):
		c.fail("messages", "there are messages beside a prompt or system", "put all of it into messages")
		return
	case len(src.Messages) > 0:
		messages = src.Messages
	default:
		if src.System != "" {
			messages, fields = append(messages, prompt.Message{Role: provider.RoleSystem, Text: src.System}), append(fields, "system")
		}
		if src.Prompt == "" {
			c.fail("prompt", "there is no prompt", "write one, or messages")
			return
		}
		messages, fields = append(messages, prompt.Message{Role: provider.RoleUser, Text: src.Prompt}), append(fields, "prompt")
	}
	at := func(message int, position textx.Position) {
		c.current.message, c.current.at = message, position
		c.current.field = "messages"
		if len(fields) > 0 {
			c.current.field, c.current.message = fields[message], -1
		}
	}
	p, err := prompt.New(prompt.Options{}, messages...)
	for _, err := range split(err) {
		var m *prompt.Error
		if errors.As(err, &m) {
			at(m.Message, textx.Position{Line: m.Line, Column: m.Column})
			c.fail(c.current.field, m.What, m.Remedy)
		}
	}
	if err == nil {
		s.prompt = p
		for _, v := range p.Vars() {
			s.vars = append(s.vars, v.Name)
			at(v.Message, textx.Position{Line: v.Line, Column: v.Column})
			c.resolve(v.Name)
		}
	}
	c.current = place{step: c.current.step, name: c.current.name, message: -1}
	if err == nil && c.chain.pipe && c.current.step > 0 && len(s.vars) != 1 {
		c.fail("", pipeMistake(s.vars), "in a pipe a step has one variable, which stands for the answer before it")
	}
}

func pipeMistake(vars []string) string {
	if len(vars) == 0 {
		return "the step has no variable, so the answer before it would be lost"
	}
	return fmt.Sprintf("the step has %d variables: {%s}", len(vars), strings.Join(vars, "}, {"))
}

// resolve decides what a variable of the current step stands for.
func (c *compiler) resolve(name string) {
	i := c.current.step
	if c.chain.pipe && i > 0 {
		return
	}
	provides := slices.Index(c.named, name)
	switch {
	case c.chain.pipe || provides < 0:
		if !c.chain.takes(name) {
			p := c.current
			c.chain.inputs = append(c.chain.inputs, input{name: name, first: p, where: p.String()})
		}
	case provides == i:
		c.fail(c.current.field, fmt.Sprintf("{%s} is this step's own answer", name), "use an earlier step's name, or rename this step")
	case provides > i:
		c.fail(c.current.field, fmt.Sprintf("{%s} is the answer of step %d, which comes later", name, provides+1), "move that step up, or rename it")
	}
}

func blank(text string) bool { return strings.TrimSpace(text) == "" }
