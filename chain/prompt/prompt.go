// Package prompt has prompts: messages with variables, from which the values
// make what a model is asked. [New] compiles one from messages, [Text] from one
// text, and [Load] from a file of LangChain's.
package prompt

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/chain/template"
	"github.com/tandem-llm/tandem/provider"
)

// Message is a message as it is written: who speaks, and the template of what
// is said. With Placeholder, or with Examples that are messages, it stands for
// several.
type Message struct {
	Role provider.Role // system, user, assistant or tool
	Text string

	// Images are templates of a user message's pictures, each an https: URL, a
	// data: URL, or the path of a file in [Options].Dir. A value cannot choose
	// the file: the template must begin with a part of the path.
	Images []string

	// ToolCalls are what an assistant message asked for, as they are.
	// ToolCallID and ToolName are templates, and say what a tool message
	// answers.
	ToolCalls  []provider.ToolCall
	ToolCallID string
	ToolName   string

	// Placeholder is a variable whose value is a list of messages, such as the
	// conversation so far, which stand here: see [Conversation] for the forms
	// of one. Optional lets it be missing, and Limit keeps the last messages
	// only (0: all).
	Placeholder string
	Optional    bool
	Limit       int

	// Examples come before Text, in the same message; or, where they are
	// messages, in the place of this one.
	Examples *Examples

	Format  template.Format // of this message; empty: that of the Options
	Partial map[string]any  // as Options.Partial, for this message
}

// Options say how the messages are written, and what they may use. The zero
// value is for f-strings without files.
type Options struct {
	Format template.Format // of every text that has none of its own; empty: f-string

	// Partial gives variables their values once and for all, whatever values
	// come later: a value, a func() any or func() string called at each use,
	// or a *Prompt, whose text (or, in a placeholder, whose messages) the
	// later values make. Each must be used somewhere.
	Partial map[string]any

	Partials    map[string]string // what mustache's {{>name}} stands for
	AllowJinja2 bool              // templates in jinja2 are programs; this trusts their author

	// Dir is the directory that images, and the files that a prompt file names,
	// are read from; nothing outside it is. Empty: no file is read ([Load] sets it
	// to the file's own directory). FS is the file system that Dir is in, where
	// "." is its root; nil: the operating system's.
	Dir string
	FS  fs.FS

	// Examples go with the last user message: examples of text into it, in
	// front of its own text, and messages before it.
	Examples *Examples
}

// Prompt is a list of compiled messages. It is immutable and safe for
// concurrent use.
type Prompt struct {
	options  Options
	source   []Message
	text     bool // made by Text: a prompt that is one text
	parts    []part
	vars     []Var
	partial  partials
	images   *imageDir
	warnings []error

	optional []Var // of templates
}

// part is a compiled Message.
type part struct {
	role    provider.Role
	text    *template.Template // nil: no text
	partial partials
	more    *more // nil: a message of text alone
}

// more is what few messages have.
type more struct {
	images      []image
	calls       []provider.ToolCall
	callID      *template.Template
	toolName    *template.Template
	placeholder string
	optional    bool
	limit       int
	examples    *examples
}

// Var is a variable of a prompt, and where it is first used.
type Var struct {
	template.Var
	Message  int    // index into the messages; -1: in a partial that is a prompt
	Field    string // of the message, as in [Error]
	Optional bool   // it may have no value
	Messages bool   // its value is a list of messages
}

// New compiles messages. The error holds every mistake in them, each an
// *[Error].
func New(o Options, messages ...Message) (*Prompt, error) {
	c := compiler{prompt: &Prompt{options: o, source: messages, partial: makePartials(o.Partial), images: &imageDir{o.FS, o.Dir}}}
	c.compile(o, messages)
	if len(c.errs) > 0 {
		return nil, errors.Join(c.errs...)
	}
	return c.prompt, nil
}

// Text compiles a prompt that is one text: a user message, which [Prompt.Add]
// joins with other texts, and [Prompt.String] gives without its role.
func Text(o Options, text string) (*Prompt, error) {
	p, err := New(o, Message{Role: provider.RoleUser, Text: text})
	if err == nil {
		p.text = true
	}
	return p, err
}

// roles are those that a message may have.
func roles() []provider.Role {
	return []provider.Role{provider.RoleSystem, provider.RoleUser, provider.RoleAssistant, provider.RoleTool}
}

// Vars returns the variables in order of first use, without those that have
// their value from a partial. The caller must not change them.
func (p *Prompt) Vars() []Var { return p.vars }

// Optional returns the variables that may have a value and need none, which are
// none of [Prompt.Vars]: see [template.Template.Optional].
func (p *Prompt) Optional() []Var {
	var out []Var
	for _, v := range p.optional {
		if !slices.ContainsFunc(p.vars, func(have Var) bool { return have.Name == v.Name }) {
			out = append(out, v)
		}
	}
	return out
}

// IsText reports whether p is one text, and no conversation.
func (p *Prompt) IsText() bool { return p.text }

// Source returns what p was compiled from. The caller must not change it.
func (p *Prompt) Source() (Options, []Message) { return p.options, p.source }

// Warnings are about entries of a prompt file that are ignored. They are not a reason
// not to use it.
func (p *Prompt) Warnings() []error { return p.warnings }

// Embeds reports whether a selector of p compares meanings, so that a call
// needs an Embedder.
func (p *Prompt) Embeds() bool {
	for i := range p.parts {
		if m := p.parts[i].more; m != nil && m.examples != nil && m.examples.embeds() {
			return true
		}
	}
	return false
}

// Call is what a prompt whose examples are selected by meaning needs besides
// values.
type Call struct {
	Embedder provider.Embedder
	Privacy  provider.Privacy // of the texts that are embedded
}

// Messages returns what is asked with these values: at least one message, none
// of them empty. Errors: a *[template.MissingError] for each variable without a
// value, and [provider.Invalid] where a message would be empty, where a value
// has not the form that its place needs, and where an image cannot be had.
func (p *Prompt) Messages(ctx context.Context, v template.Values) ([]provider.Message, error) {
	return p.MessagesFor(ctx, v, Call{})
}

// MessagesFor is [Prompt.Messages] with an embedder for the selectors that need
// one. Errors of the embedder go back as they are.
func (p *Prompt) MessagesFor(ctx context.Context, v template.Values, call Call) ([]provider.Message, error) {
	if v == nil {
		v = template.Map(nil)
	}
	v, err := p.partial.over(ctx, v, call)
	if err != nil {
		return nil, err
	}
	out, size := make([]provider.Message, 0, len(p.parts)), 0
	for i := range p.parts {
		before := len(out)
		if out, err = p.append(ctx, out, &p.parts[i], v, call); err != nil {
			return nil, err
		}
		for j := range out[before:] {
			size += sizeOf(&out[before+j])
		}
		if size > maxPrompt {
			return nil, provider.Errorf(provider.Invalid, "", "", "with these values, the prompt exceeds %d MiB; use a value less often, or shorten it", maxPrompt>>20)
		}
	}
	if len(out) == 0 {
		return nil, provider.Errorf(provider.Invalid, "", "", "there are no messages with the values given")
	}
	return out, nil
}

// maxPrompt is the most that a prompt may hold with its pictures, in bytes.
const maxPrompt = 128 << 20

func sizeOf(m *provider.Message) int {
	n := len(m.Text)
	for i := range m.Images {
		n += len(m.Images[i].Data) + len(m.Images[i].URL)
	}
	return n
}

// append renders one part.
func (p *Prompt) append(ctx context.Context, out []provider.Message, part *part, v template.Values, call Call) ([]provider.Message, error) {
	v, err := part.partial.over(ctx, v, call)
	if err != nil {
		return nil, err
	}
	m := provider.Message{Role: part.role}
	switch x := part.more; {
	case x == nil:
	case x.placeholder != "":
		return appendConversation(out, x, v)
	case x.examples != nil && x.examples.messages != nil:
		return x.examples.appendMessages(ctx, out, p, v, call)
	case x.examples != nil:
		m.Text, err = x.examples.join(ctx, p, part.text, v, call)
		if err != nil {
			return nil, err
		}
		return appendMessage(out, m)
	default:
		if err := x.fill(&m, p.images, v); err != nil {
			return nil, err
		}
	}
	if part.text != nil {
		if m.Text, err = part.text.Render(v); err != nil {
			return nil, err
		}
	}
	return appendMessage(out, m)
}

// appendMessage adds m unless there is nothing in it.
func appendMessage(out []provider.Message, m provider.Message) ([]provider.Message, error) {
	if strings.TrimSpace(m.Text) == "" && len(m.Images) == 0 && len(m.ToolCalls) == 0 && m.Role != provider.RoleTool {
		return nil, provider.Errorf(provider.Invalid, "", "", "the %s message is empty with the values given", m.Role)
	}
	return append(out, m), nil
}

// fill sets what a message has besides its text.
func (x *more) fill(m *provider.Message, dir *imageDir, v template.Values) (err error) {
	m.ToolCalls = x.calls
	if m.ToolCallID, err = renderText(x.callID, v); err != nil {
		return err
	}
	if m.ToolName, err = renderText(x.toolName, v); err != nil {
		return err
	}
	for i := range x.images {
		im, err := x.images[i].render(dir, v)
		if err != nil {
			return err
		}
		m.Images = append(m.Images, im)
	}
	return nil
}

func renderText(t *template.Template, v template.Values) (string, error) {
	if t == nil {
		return "", nil
	}
	return t.Render(v)
}

// String returns the text of a prompt made by [Text], or of another that gives
// one message of text alone. Errors are as for [Prompt.Messages].
func (p *Prompt) String(ctx context.Context, v template.Values) (string, error) {
	messages, err := p.MessagesFor(ctx, v, Call{})
	if err != nil {
		return "", err
	}
	return onlyText(messages)
}

func onlyText(messages []provider.Message) (string, error) {
	if len(messages) != 1 || len(messages[0].Images) > 0 || len(messages[0].ToolCalls) > 0 {
		return "", provider.Errorf(provider.Invalid, "", "", "a prompt used inside text makes %d messages; it must make one, with text only", len(messages))
	}
	return messages[0].Text, nil
}
