package prompt

import (
	"cmp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/yamlx"
	"github.com/tandem-llm/tandem/provider"
)

// chat reads a prompt of _type chat. LangChain reads its first message only, and
// as a user's; here they are all read, and each but a lone first one has to say
// who speaks.
func (l *loader) chat(n *yaml.Node) *draft {
	m, ok, done := l.mapping(n, "a chat prompt", commonKeys("messages"))
	defer done()
	d := &draft{}
	if !ok || !m.Require("messages", "write a list of them") {
		return d
	}
	format := l.format(m)
	list := m.List("messages", "messages")
	var texts []string
	for i, node := range list {
		if yamlx.Value(node, "lc") != nil {
			d.absorb(l.dumpedMessage(node))
			continue
		}
		msg, at := l.chatMessage(node, len(list) == 1)
		if msg.Format == "" {
			msg.Format = format
		}
		d.mark(i, "", 0, at)
		texts = append(texts, msg.Text)
		d.messages = append(d.messages, msg)
	}
	if len(list) == 0 {
		m.Fail("messages", "there are no messages", "write one")
	}
	l.common(m, d, format, texts...)
	return d
}

// chatMessage reads one message: {prompt: {template: …}, role: …}, or
// {role: …, content: …}, or [role, text].
func (l *loader) chatMessage(n *yaml.Node, alone bool) (Message, site) {
	n = yamlx.Follow(n)
	if n.Kind == yaml.SequenceNode && len(n.Content) == 2 {
		role, text := yamlx.Follow(n.Content[0]), yamlx.Follow(n.Content[1])
		return Message{Role: l.role(role), Text: text.Value}, site{l.page, text}
	}
	m, ok, done := l.mapping(n, "a message", []string{"role", "type", "_type", "content", "prompt", "additional_kwargs"})
	defer done()
	if !ok {
		return Message{}, site{}
	}
	l.noMore(m)
	msg := Message{}
	speaker := cmp.Or(m.Value("role"), m.Value("type"), m.Value("_type"))
	switch {
	case speaker != nil:
		msg.Role = l.role(speaker)
	case alone:
		msg.Role = provider.RoleUser
	default:
		l.fail(n, "the message has no role", "add a role: system, human or ai")
	}
	if m.Has("prompt") {
		one := l.textPrompt(m.Value("prompt"))
		if len(one.messages) == 0 {
			return msg, site{}
		}
		msg.Text, msg.Format, msg.Partial = one.messages[0].Text, one.messages[0].Format, one.partial
		return msg, one.spots[spot{}]
	}
	m.Require("content", "add a text")
	msg.Text = m.String("content")
	return msg, site{l.page, m.Node("content")}
}

// role reads a role by our name or LangChain's.
func (l *loader) role(n *yaml.Node) provider.Role {
	role, ok := roleOf(n.Value)
	if !ok {
		l.fail(n, diag.Quote(n.Value)+" is not a role", "the roles are system, human (or user), ai (or assistant), tool")
	}
	return role
}

// noMore refuses additional_kwargs, which are sent along by LangChain.
func (l *loader) noMore(m yamlx.Map) {
	if n := m.Value("additional_kwargs"); n != nil && len(n.Content) > 0 {
		m.Fail("additional_kwargs", "additional_kwargs cannot be sent", "remove them")
	}
}

// class returns the class that {"lc": 1, "id": […, class]} names, and its
// kwargs.
func (l *loader) class(n *yaml.Node) (string, *yaml.Node, bool) {
	n = yamlx.Follow(n)
	m, ok, done := l.mapping(n, "a dumped object", []string{"lc", "type", "id", "kwargs", "name", "repr", "graph"})
	defer done()
	if !ok {
		return "", nil, false
	}
	id := m.Value("id")
	if id == nil || id.Kind != yaml.SequenceNode || len(id.Content) == 0 || !strings.HasPrefix(yamlx.Follow(id.Content[0]).Value, "langchain") {
		m.Fail("id", "expected the id of a class of LangChain's, such as [langchain, prompts, prompt, PromptTemplate]", "")
		return "", nil, false
	}
	class := yamlx.Follow(id.Content[len(id.Content)-1]).Value
	if !m.Require("lc", "the format is 1") {
		return "", nil, false
	}
	if version := m.Value("lc"); version.Value != "1" {
		m.Fail("lc", "the format "+diag.Quote(version.Value)+" is not known", "format 1 is")
		return "", nil, false
	}
	switch kind := m.String("type"); {
	case kind == "secret":
		m.Fail("type", "a secret does not belong in a prompt", "remove it")
		return "", nil, false
	case kind == "not_implemented":
		m.Fail("type", "LangChain could not write its "+diag.Quote(class)+", so the file has only a description of it", "write it as a file of _type few_shot, or as a chain file")
		return "", nil, false
	case kind != "constructor" || !m.Has("kwargs"):
		m.Fail("type", "expected a constructor with kwargs", "")
		return "", nil, false
	}
	return class, m.Value("kwargs"), true
}
