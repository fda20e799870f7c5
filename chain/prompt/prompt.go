// Package prompt has prompts: messages with variables, from which the values
// make what a model is asked. [New] compiles one.
package prompt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/chain/template"
	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/provider"
)

// Message is a message as it is written: who speaks, and the template of what
// is said.
type Message struct {
	Role provider.Role // system, user or assistant
	Text string
}

// Options say how the messages are written.
type Options struct {
	Format template.Format // of every text; empty: f-string
}

// Prompt is a list of compiled messages. It is immutable and safe for
// concurrent use.
type Prompt struct {
	messages []message
	vars     []Var
}

type message struct {
	role provider.Role
	text *template.Template
}

// Var is a variable of a prompt, and where it is first used.
type Var struct {
	template.Var
	Message int // index into the messages
}

// New compiles messages. The error holds every mistake in them, each an
// *[Error].
func New(o Options, messages ...Message) (*Prompt, error) {
	p := &Prompt{}
	var errs []error
	for i, m := range messages {
		if err := p.add(o, i, m); err != nil {
			errs = append(errs, err)
		}
	}
	if len(messages) == 0 {
		errs = append(errs, &Error{Message: -1, What: "there are no messages", Remedy: "write one"})
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return p, nil
}

// Roles are those that a message may have.
func Roles() []provider.Role {
	return []provider.Role{provider.RoleSystem, provider.RoleUser, provider.RoleAssistant}
}

func (p *Prompt) add(o Options, i int, m Message) error {
	if !slices.Contains(Roles(), m.Role) {
		return &Error{Message: i, What: fmt.Sprintf("%q is no role of a message", textx.Shorten(string(m.Role))), Remedy: "the roles are system, user, assistant"}
	}
	if strings.TrimSpace(m.Text) == "" {
		return &Error{Message: i, What: "the " + string(m.Role) + " message is empty", Remedy: "write what the model is to be told"}
	}
	t, err := template.Parse(o.Format, m.Text)
	if err != nil {
		return errorOf(i, err)
	}
	p.messages = append(p.messages, message{m.Role, t})
	for _, v := range t.Vars() {
		if !slices.ContainsFunc(p.vars, func(have Var) bool { return have.Name == v.Name }) {
			p.vars = append(p.vars, Var{v, i})
		}
	}
	return nil
}

// Vars returns the variables in order of first use. The caller must not change
// them.
func (p *Prompt) Vars() []Var { return p.vars }

// Messages returns what is asked with these values: at least one message, none
// of them empty. Errors: a *[template.MissingError] for each variable without a
// value, and [provider.Invalid] where a message would be empty.
func (p *Prompt) Messages(_ context.Context, v template.Values) ([]provider.Message, error) {
	out := make([]provider.Message, len(p.messages))
	for i, m := range p.messages {
		text, err := m.text.Render(v)
		if err != nil {
			return nil, err
		}
		if strings.TrimSpace(text) == "" {
			return nil, provider.Errorf(provider.Invalid, "", "", "the %s message is empty with the values given", m.role)
		}
		out[i] = provider.Message{Role: m.role, Text: text}
	}
	return out, nil
}

// Error is a mistake in a prompt.
type Error struct {
	Message      int    // index of the message, -1: the prompt as a whole
	Line, Column int    // in the message's text, from 1; 0: the message as a whole
	What         string // what is wrong
	Remedy       string // what to write instead
}

// Error says where, what, and what to write instead, on one line.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Message >= 0 {
		fmt.Fprintf(&b, "message %d: ", e.Message+1)
	}
	if e.Line > 0 {
		fmt.Fprintf(&b, "line %d, column %d: ", e.Line, e.Column)
	}
	b.WriteString(e.What)
	if e.Remedy != "" {
		b.WriteString("; " + e.Remedy)
	}
	return b.String()
}

// errorOf gives a template's mistake its message.
func errorOf(i int, err error) *Error {
	var t *template.Error
	if errors.As(err, &t) {
		return &Error{Message: i, Line: t.Line, Column: t.Column, What: t.Message, Remedy: t.Remedy}
	}
	return &Error{Message: i, What: err.Error()}
}
