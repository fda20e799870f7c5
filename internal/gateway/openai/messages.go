package openai

import (
	"encoding/json"
	"strings"

	"github.com/tandem-llm/tandem/internal/gateway/body"
	"github.com/tandem-llm/tandem/provider"
)

// decodeMessages reads messages.
func decodeMessages(o body.Object, req *provider.Request) {
	if !o.Has("messages") {
		o.Missing("messages", "send at least one message")
		return
	}
	items := o.List("messages")
	if len(items) == 0 {
		o.Failf("messages", "it is empty; send at least one message")
		return
	}
	names := map[string]string{} // of calls, by their ids
	for _, item := range items {
		m := decodeMessage(item.Object(), names)
		req.Messages = append(req.Messages, m)
	}
}

func decodeMessage(o body.Object, names map[string]string) provider.Message {
	m := provider.Message{}
	switch role := o.Text("role"); role {
	case "system", "developer":
		m.Role = provider.RoleSystem
	case "user":
		m.Role = provider.RoleUser
	case "assistant":
		m.Role = provider.RoleAssistant
	case "tool", "function":
		m.Role = provider.RoleTool
		m.ToolCallID = o.Text("tool_call_id")
		m.ToolName = names[m.ToolCallID]
		if m.ToolName == "" {
			m.ToolName = o.Text("name")
		}
	case "":
		o.Missing("role", "")
	default:
		o.Failf("role", "it has to be system, developer, user, assistant or tool, not %q", role)
	}
	decodeContent(o, &m)
	if m.Role != provider.RoleAssistant {
		if m.Text == "" && len(m.Images) == 0 && m.Role == provider.RoleUser && !o.Has("content") {
			o.Missing("content", "")
		}
		return m
	}
	for _, name := range []string{"reasoning_content", "reasoning"} { // either is taken back
		if o.Kind(name) == body.KindString && m.Thinking == "" {
			m.Thinking = o.Text(name)
		}
	}
	for _, item := range o.List("tool_calls") {
		c := item.Object()
		f, ok := c.Object("function")
		if !ok {
			c.Missing("function", "")
			return m
		}
		call := withExtra(provider.ToolCall{ID: c.Text("id"), Name: f.Text("name"), Arguments: arguments(f)}, c)
		names[call.ID] = call.Name
		m.ToolCalls = append(m.ToolCalls, call)
	}
	return m
}

// arguments are those of a call in the history: JSON as a text. What a model wrote that
// is not JSON is kept as a text, for the history is not ours to correct.
func arguments(f body.Object) json.RawMessage {
	if f.Kind("arguments") == body.KindObject {
		return f.Raw("arguments")
	}
	text := f.Text("arguments")
	switch {
	case strings.TrimSpace(text) == "":
		return json.RawMessage("{}")
	case json.Valid([]byte(text)):
		return json.RawMessage(text)
	}
	f.Failf("arguments", "it has to be JSON")
	return nil
}

// decodeContent reads a content: a text, or parts.
func decodeContent(o body.Object, m *provider.Message) {
	switch o.Kind("content") {
	case "", body.KindString:
		m.Text = o.Text("content")
		return
	case body.KindArray:
	default:
		o.Failf("content", "it has to be a string or an array of parts, not %s", o.Kind("content"))
		return
	}
	var texts []string
	for _, item := range o.List("content") {
		if item.Kind() == body.KindString {
			texts = append(texts, item.Text())
			continue
		}
		p := item.Object()
		switch kind := p.Text("type"); kind {
		case "text", "input_text", "output_text":
			texts = append(texts, p.Text("text"))
		case "refusal":
			texts = append(texts, p.Text("refusal"))
		case "image_url":
			m.Images = append(m.Images, imageOf(p, "image_url"))
		default:
			p.Failf("type", "a content part of type %q is not supported; send text and image_url", kind)
			return
		}
	}
	m.Text = strings.Join(texts, "\n")
	if len(m.Images) > 0 && m.Role != provider.RoleUser {
		o.Failf("content", "images go with messages of the user only")
	}
}

// imageOf reads an image: a URL, or an object with one. A data URL becomes its data.
func imageOf(p body.Object, name string) provider.Image {
	var url string
	at := p.PathOf(name)
	if p.Kind(name) == body.KindObject {
		inner, _ := p.Object(name)
		url, at = inner.Text("url"), inner.PathOf("url")
	} else {
		url = p.Text(name)
	}
	im, problem := ParseImage(url)
	if problem != "" {
		p.Failf("", "%s: %s", at, problem)
	}
	return im
}

// ParseImage reads an image's URL: https, or data in base64. Problem says what is wrong
// with it.
func ParseImage(url string) (im provider.Image, problem string) {
	if rest, ok := strings.CutPrefix(url, "data:"); ok {
		mime, data, ok := strings.Cut(rest, ",")
		if mime, ok2 := strings.CutSuffix(mime, ";base64"); ok && ok2 {
			raw, ok := body.Base64(data)
			if !ok {
				return im, "the image's data is not base64"
			}
			return provider.Image{Data: raw, MIME: mime}, ""
		}
		return im, "an image as data has to be data:image/…;base64,…"
	}
	if strings.HasPrefix(url, "https://") || strings.HasPrefix(url, "http://") {
		return provider.Image{URL: url}, ""
	}
	return im, "an image has to be an https URL or data:image/…;base64,…"
}
