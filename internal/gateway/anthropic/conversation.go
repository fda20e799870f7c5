package anthropic

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/tandem-llm/tandem/internal/gateway/body"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/provider"
)

// system reads the system prompt: a text, or blocks of text.
func (d *decoder) system(o body.Object) {
	if text := d.systemText(o, "system"); text != "" {
		d.add(provider.System(text))
	}
}

// systemText is a member that speaks for the system, without what Claude Code changes in
// it with every request.
func (d *decoder) systemText(o body.Object, name string) string {
	switch o.Kind(name) {
	case "":
		return ""
	case body.KindString:
		return d.steady(o.Text(name))
	case body.KindArray:
	default:
		o.Failf(name, "it has to be a string or an array of text blocks, not %s", o.Kind(name))
		return ""
	}
	var texts []string
	for _, item := range o.List(name) {
		b := item.Object()
		if kind := b.Text("type"); kind != "text" {
			b.Failf("type", "it has to be text, not %q", exchange.Brief(kind))
			return ""
		}
		if text := d.steady(b.Text("text")); text != "" {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, "\n")
}

// conversation reads messages.
func (d *decoder) conversation(o body.Object) {
	if !o.Has("messages") {
		o.Missing("messages", "send at least one message")
		return
	}
	items := o.List("messages")
	if len(items) == 0 {
		o.Failf("messages", "it is empty; send at least one message")
		return
	}
	for i, item := range items {
		m := item.Object()
		switch role := m.Text("role"); role {
		case "user":
			d.user(m)
		case "assistant":
			if i == len(items)-1 {
				m.Failf("role", "the last message cannot be the assistant's, because answers are not continued here; end with a message of the user")
			}
			d.assistant(m)
		case "system":
			d.reminder(m)
		case "":
			m.Missing("role", "")
		default:
			m.Failf("role", "it has to be user, assistant or system, not %q", exchange.Brief(role))
		}
	}
	if req := &d.q.Request; len(req.Messages) == 0 || len(req.Messages) == 1 && req.Messages[0].Role == provider.RoleSystem {
		o.Failf("messages", "there is no message of the user")
	}
}

// add appends a message to the conversation. Messages of one speaker in a row are one,
// as in Anthropic's API: chat templates of many models take no other.
func (d *decoder) add(m provider.Message) {
	req := &d.q.Request
	if n := len(req.Messages); n > 0 && m.Role != provider.RoleTool {
		if last := &req.Messages[n-1]; last.Role == m.Role {
			last.Text = joined("\n", last.Text, m.Text)
			last.Thinking = joined("\n", last.Thinking, m.Thinking)
			last.Images = append(last.Images, m.Images...)
			last.ToolCalls = append(last.ToolCalls, m.ToolCalls...)
			return
		}
	}
	req.Messages = append(req.Messages, m)
}

// joined is the texts that are not empty, with sep between them.
func joined(sep string, texts ...string) string {
	var out []string
	for _, t := range texts {
		if t != "" {
			out = append(out, t)
		}
	}
	return strings.Join(out, sep)
}

// reminder reads a message of role system. Before the conversation it is part of the
// system prompt. Inside it, it is sent as text of the user's in the tags that Claude
// Code marks such texts with: most models' chat templates take a system message only at
// the beginning, and moved there it would change the prompt's prefix.
func (d *decoder) reminder(m body.Object) {
	if !m.Has("content") {
		m.Missing("content", "")
		return
	}
	text := d.systemText(m, "content")
	if text == "" {
		return
	}
	if len(d.q.Request.Messages) == 0 || d.q.Request.Messages[len(d.q.Request.Messages)-1].Role == provider.RoleSystem {
		d.add(provider.System(text))
		return
	}
	d.add(provider.User("<system-reminder>\n" + text + "\n</system-reminder>"))
	d.note("system messages inside the conversation are sent as text of the user")
}

// blocks are the content blocks of a message; a text is one.
func blocks(m body.Object) (list []body.Item, text string, ok bool) {
	switch m.Kind("content") {
	case "":
		m.Missing("content", "")
	case body.KindString:
		if text = m.Text("content"); text == "" {
			m.Failf("content", "it is empty")
		}
		return nil, text, true
	case body.KindArray:
		list = m.List("content")
		if len(list) == 0 {
			m.Failf("content", "it is empty")
		}
		return list, "", true
	default:
		m.Failf("content", "it has to be a string or an array of blocks, not %s", m.Kind("content"))
	}
	return nil, "", false
}

// user reads a message of the user's. Results of tools come before what the user says,
// and pictures in them go with that.
func (d *decoder) user(m body.Object) {
	list, text, ok := blocks(m)
	if !ok {
		return
	}
	said := provider.Message{Role: provider.RoleUser}
	texts := []string{d.steadyReminder(text)}
	for _, item := range list {
		b := item.Object()
		switch kind := b.Text("type"); kind {
		case "text":
			texts = append(texts, d.steadyReminder(b.Text("text")))
		case "image":
			said.Images = append(said.Images, image(b))
		case "document":
			texts = append(texts, d.document(b))
		case "tool_result":
			said.Images = append(said.Images, d.toolResult(b)...)
		case "":
			b.Missing("type", "")
			return
		default:
			unsupported(b, kind)
			return
		}
	}
	if said.Text = joined("\n", texts...); said.Text != "" || len(said.Images) > 0 {
		d.add(said)
	}
}

func unsupported(b body.Object, kind string) {
	b.Failf("type", "a content block of type %q is not supported here; send text, image, tool_use and tool_result", exchange.Brief(kind))
}

// assistant reads a message of the assistant's. One with nothing but thinking is left
// out: its answer never came.
func (d *decoder) assistant(m body.Object) {
	list, text, ok := blocks(m)
	if !ok {
		return
	}
	out := provider.Message{Role: provider.RoleAssistant}
	texts := []string{text}
	for _, item := range list {
		b := item.Object()
		switch kind := b.Text("type"); kind {
		case "text":
			texts = append(texts, b.Text("text"))
		case "thinking":
			out.Thinking = joined("\n", out.Thinking, b.Text("thinking"))
			if from, ok := signer(b.Text("signature")); ok {
				out.From = from
			}
		case "redacted_thinking":
			d.ignore("redacted_thinking")
		case "tool_use":
			out.ToolCalls = append(out.ToolCalls, d.toolUse(b))
		case "":
			b.Missing("type", "")
			return
		default:
			unsupported(b, kind)
			return
		}
	}
	if out.Text = joined("\n", texts...); out.Text != "" || len(out.ToolCalls) > 0 {
		d.add(out)
	}
}

// toolUse reads a call of a tool in the history.
func (d *decoder) toolUse(b body.Object) provider.ToolCall {
	c := provider.ToolCall{ID: b.Text("id"), Name: b.Text("name"), Arguments: json.RawMessage("{}")}
	switch {
	case c.ID == "":
		b.Missing("id", "")
	case c.Name == "":
		b.Missing("name", "")
	}
	if _, ok := b.Object("input"); ok {
		var compact bytes.Buffer
		_ = json.Compact(&compact, b.Raw("input")) // it is known to be JSON
		c.Arguments = compact.Bytes()
	}
	d.names[c.ID] = c.Name
	return c
}

// toolResult reads the result of a call. Pictures in it are returned, for engines take
// them from the user only.
func (d *decoder) toolResult(b body.Object) []provider.Image {
	m := provider.Message{Role: provider.RoleTool, ToolCallID: b.Text("tool_use_id")}
	if m.ToolCallID == "" {
		b.Missing("tool_use_id", "")
		return nil
	}
	if m.ToolName = d.names[m.ToolCallID]; m.ToolName == "" {
		b.Failf("tool_use_id", "no message before this one has a tool_use block with the id %q", exchange.Brief(m.ToolCallID))
		return nil
	}
	var texts []string
	var pictures []provider.Image
	switch b.Kind("content") {
	case "":
	case body.KindString:
		texts = []string{d.steadyReminder(b.Text("content"))}
	case body.KindArray:
		for _, item := range b.List("content") {
			part := item.Object()
			switch kind := part.Text("type"); kind {
			case "text":
				texts = append(texts, d.steadyReminder(part.Text("text")))
			case "document":
				texts = append(texts, d.document(part))
			case "image":
				pictures = append(pictures, image(part))
				texts = append(texts, "[the picture is in the next message of the user]")
				d.note("pictures in results of tools are sent with the user's next message")
			default:
				unsupported(part, kind)
				return nil
			}
		}
	default:
		b.Failf("content", "it has to be a string or an array of blocks, not %s", b.Kind("content"))
	}
	m.Text = joined("\n", texts...)
	if b.True("is_error") && !saysError(m.Text) {
		m.Text = joined(" ", "Error:", m.Text)
	}
	d.q.Request.Messages = append(d.q.Request.Messages, m)
	return pictures
}

// saysError reports whether the text of a failed call says by itself that it failed:
// results have no other way to say it to most engines.
func saysError(text string) bool {
	text = strings.ToLower(strings.TrimSpace(text))
	return strings.HasPrefix(text, "error") || strings.HasPrefix(text, "<tool_use_error>")
}
