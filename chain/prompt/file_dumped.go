package prompt

import (
	"encoding/base64"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/chain/template"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/yamlx"
	"github.com/tandem-llm/tandem/provider"
)

// dumped reads a prompt that dumpd wrote.
func (l *loader) dumped(n *yaml.Node) *draft {
	class, kwargs, ok := l.class(n)
	if !ok {
		return &draft{}
	}
	switch class {
	case "PromptTemplate":
		return l.textPrompt(kwargs)
	case "ChatPromptTemplate":
		return l.dumpedChat(kwargs)
	}
	l.unknown(n, class, "PromptTemplate and ChatPromptTemplate")
	return &draft{}
}

func (l *loader) unknown(n *yaml.Node, class, known string) {
	l.fail(n, "the class "+diag.Quote(class)+" cannot be read here", "supported are "+known)
}

func (l *loader) dumpedChat(kwargs *yaml.Node) *draft {
	m, ok, done := l.mapping(kwargs, "a chat prompt", commonKeys("messages"))
	defer done()
	d := &draft{}
	if !ok || !m.Require("messages", "write a list of them") {
		return d
	}
	for _, node := range m.List("messages", "messages") {
		d.absorb(l.dumpedMessage(node))
	}
	l.outputParser(m)
	if given(m, "input_variables") {
		m.Strings("input_variables")
		d.declared = m.Value("input_variables")
	}
	d.partial = l.chatPartials(m, d)
	return d
}

// chatPartials reads a conversation's partial_variables. LangChain gives every
// optional placeholder an empty one, which is none.
func (l *loader) chatPartials(m yamlx.Map, d *draft) map[string]any {
	if !given(m, "partial_variables") {
		return nil
	}
	values, ok := m.Map("partial_variables", "values for variables", nil)
	if !ok {
		return nil
	}
	used := map[string]bool{}
	for _, msg := range d.messages {
		for _, text := range append([]string{msg.Text}, msg.Images...) {
			if t, err := parse(Options{AllowJinja2: true}, msg.Format, text); err == nil {
				for _, v := range t.Vars() {
					used[v.Name] = true
				}
			}
		}
		if msg.Placeholder != "" {
			n := values.Value(msg.Placeholder)
			used[msg.Placeholder] = n != nil && (!msg.Optional || len(n.Content) > 0)
		}
	}
	out := map[string]any{}
	for _, name := range values.Keys() {
		switch optional, n := used[name], values.Value(name); {
		case optional:
			out[name] = yamlx.Plain(n)
		case n.Kind == yaml.SequenceNode && len(n.Content) == 0:
		default:
			l.warn(values.Node(name), "nothing uses the partial variable "+diag.Quote(name), "")
		}
	}
	return out
}

// dumpedMessage reads one element of a ChatPromptTemplate's messages.
func (l *loader) dumpedMessage(n *yaml.Node) *draft {
	class, kwargs, ok := l.class(n)
	if !ok {
		return &draft{}
	}
	switch class {
	case "SystemMessagePromptTemplate":
		return l.messageTemplate(kwargs, provider.RoleSystem)
	case "HumanMessagePromptTemplate":
		return l.messageTemplate(kwargs, provider.RoleUser)
	case "AIMessagePromptTemplate":
		return l.messageTemplate(kwargs, provider.RoleAssistant)
	case "ChatMessagePromptTemplate":
		return l.messageTemplate(kwargs, "")
	case "MessagesPlaceholder":
		return l.messagesPlaceholder(kwargs)
	case "SystemMessage", "HumanMessage", "AIMessage", "ToolMessage":
		return l.literal(kwargs, strings.ToLower(strings.TrimSuffix(class, "Message")))
	case "ChatPromptTemplate":
		d := l.dumpedChat(kwargs)
		for i := range d.messages {
			own, err := merge("partial", d.messages[i].Partial, usedBy(&d.messages[i], d.partial))
			if err != nil {
				l.fail(kwargs, err.Error(), "")
			}
			d.messages[i].Partial = own
		}
		return d
	}
	l.unknown(n, class, "templates of messages, MessagesPlaceholder, and messages")
	return &draft{}
}

// usedBy are the partials that one message uses.
func usedBy(m *Message, partial map[string]any) map[string]any {
	var out map[string]any
	names := []string{m.Placeholder}
	for _, text := range append([]string{m.Text}, m.Images...) {
		if t, err := parse(Options{AllowJinja2: true}, m.Format, text); err == nil {
			for _, v := range t.Vars() {
				names = append(names, v.Name)
			}
		}
	}
	for _, name := range names {
		if value, ok := partial[name]; ok {
			if out == nil {
				out = map[string]any{}
			}
			out[name] = value
		}
	}
	return out
}

func (l *loader) messagesPlaceholder(kwargs *yaml.Node) *draft {
	m, ok, done := l.mapping(kwargs, "a placeholder", []string{"variable_name", "optional", "n_messages"})
	defer done()
	if !ok || !m.Require("variable_name", "name the variable") {
		return &draft{}
	}
	d := &draft{messages: []Message{{Placeholder: m.String("variable_name")}}}
	d.mark(0, "placeholder", 0, site{l.page, m.Value("variable_name")})
	if o := m.Bool("optional"); o != nil {
		d.messages[0].Optional = *o
	}
	if given(m, "n_messages") {
		if limit := m.Int("n_messages", 1); limit != nil {
			d.messages[0].Limit = int(*limit)
		}
	}
	return d
}

// messageTemplate reads a message's template: a text, or a text and pictures.
func (l *loader) messageTemplate(kwargs *yaml.Node, role provider.Role) *draft {
	known := []string{"prompt", "additional_kwargs"}
	if role == "" {
		known = append(known, "role")
	}
	m, ok, done := l.mapping(kwargs, "a message's template", known)
	defer done()
	if !ok || !m.Require("prompt", "write it") {
		return &draft{}
	}
	l.noMore(m)
	if role == "" && m.Require("role", "say who speaks") {
		role = l.role(m.Value("role"))
	}
	d := &draft{messages: []Message{{Role: role}}}
	if n := m.Value("prompt"); n.Kind == yaml.SequenceNode {
		for _, part := range n.Content {
			l.messagePart(part, d)
		}
	} else {
		l.messagePart(n, d)
	}
	return d
}

// messagePart reads one of the prompts that a message is made of.
func (l *loader) messagePart(n *yaml.Node, d *draft) {
	class, kwargs, ok := l.class(n)
	if !ok {
		return
	}
	msg := &d.messages[0]
	var format template.Format
	var partial map[string]any
	switch class {
	case "PromptTemplate":
		one := l.textPrompt(kwargs)
		if len(one.messages) == 0 {
			return
		}
		if msg.Text != "" || len(msg.Images) > 0 {
			l.fail(n, "a message has one text, before its images", "join the texts, or put them into messages of their own")
			return
		}
		d.mark(0, "", 0, one.spots[spot{}])
		msg.Text, format, partial = one.messages[0].Text, one.messages[0].Format, one.partial
	case "ImagePromptTemplate":
		format, partial = l.image(kwargs, d)
	default:
		l.unknown(n, class, "PromptTemplate and ImagePromptTemplate")
		return
	}
	if msg.Format != "" && msg.Format != format {
		l.fail(n, "a message's text and images must have one template_format", "write them in one")
	}
	msg.Format = format
	merged, err := merge("partial", msg.Partial, partial)
	if err != nil {
		l.fail(n, err.Error(), "")
	}
	msg.Partial = merged
}

// image reads a picture's template, and adds it to the message.
func (l *loader) image(kwargs *yaml.Node, d *draft) (template.Format, map[string]any) {
	m, ok, done := l.mapping(kwargs, "an image's template", commonKeys("template"))
	defer done()
	if !ok || !m.Require("template", "write {url: …}") {
		return "", nil
	}
	format := l.format(m)
	in, ok := m.Map("template", "an image", []string{"url", "detail", "path"})
	if !ok {
		return format, nil
	}
	switch {
	case in.Has("path"):
		in.Fail("path", "images are not read from a path, as in LangChain", "give it a url")
		return format, nil
	case !in.Require("url", "write an https: or data: URL"):
		return format, nil
	case in.Has("detail") && in.String("detail") != "auto":
		in.Fail("detail", "an image's detail cannot be sent", "remove it")
	}
	url := in.String("url")
	if !strings.HasPrefix(strings.TrimSpace(url), "{") && !isRemote(url) {
		in.Fail("url", "an image's url must be an https: or data: URL", "")
		return format, nil
	}
	d.mark(0, "images", len(d.messages[0].Images), site{l.page, in.Value("url")})
	d.messages[0].Images = append(d.messages[0].Images, url)
	return format, l.partials(m, format, url)
}

// literal reads a message that is not a template.
func (l *loader) literal(kwargs *yaml.Node, kind string) *draft {
	plain, ok := yamlx.Plain(kwargs).(map[string]any)
	if !ok {
		l.fail(kwargs, "expected a message's contents", "")
		return &draft{}
	}
	plain["type"] = kind
	delete(plain, "role")
	got, err := messageOf(plain)
	if err != nil {
		l.fail(kwargs, err.Error(), "")
		return &draft{}
	}
	m := Message{Role: got.Role, Text: escape(got.Text), ToolCalls: got.ToolCalls, ToolCallID: escape(got.ToolCallID), ToolName: escape(got.ToolName), Format: template.FString}
	for _, im := range got.Images {
		ref := im.URL
		if ref == "" {
			ref = fmt.Sprintf("data:%s;base64,%s", im.MIME, base64.StdEncoding.EncodeToString(im.Data))
		}
		m.Images = append(m.Images, escape(ref))
	}
	d := &draft{messages: []Message{m}}
	d.mark(0, "", 0, site{l.page, kwargs})
	return d
}

// escape writes a text as an f-string that says just that.
func escape(text string) string { return strings.NewReplacer("{", "{{", "}", "}}").Replace(text) }
