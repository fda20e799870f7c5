package ollama

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/tandem-llm/tandem/internal/gateway/body"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/provider"
)

// ChatParams are the parameters of /api/chat.
var ChatParams = exchange.Params{
	{Name: "model", Class: exchange.Honoured, Note: "a name of /api/tags, with or without `:latest`; `tandem`, or none: the configuration's own choice"},
	{Name: "messages", Class: exchange.Honoured, Note: "texts, images in base64, thinking, tool calls and results; none: the model is loaded, or unloaded with a keep_alive of 0"},
	{Name: "stream", Class: exchange.Honoured, Note: "true unless it is false"},
	{Name: "format", Class: exchange.Honoured, Note: "`json`, or a JSON Schema, which is enforced"},
	{Name: "tools", Class: exchange.Honoured, Note: "functions"},
	{Name: "think", Class: exchange.Honoured, Note: "true, false, `low`, `medium`, `high` or `max`, which is high"},
	{Name: "options", Class: exchange.Honoured, Note: "see there"},
	{Name: "keep_alive", Class: exchange.Harmless, Note: "honoured without messages; else the configuration's `keep_alive` holds"},
	{Name: "truncate", Class: exchange.Harmless, Note: "nothing is ever cut: a prompt that is too long is an error"},
	{Name: "shift", Class: exchange.Harmless, Note: "an answer ends at the end of the window"},
	{Name: "logprobs", Class: exchange.Refused, Unless: []string{"false"}},
	{Name: "top_logprobs", Class: exchange.Refused, Unless: []string{"0"}},
	{Name: "_debug_render_only", Class: exchange.Refused, Unless: []string{"false"}},
}

func (a *API) chat(w http.ResponseWriter, r *http.Request) {
	data, b, err := exchange.ReadBody(r)
	if err != nil {
		a.fail(w, err)
		return
	}
	o := b.Object()
	if len(o.List("messages")) == 0 && b.Err() == nil {
		a.load(w, r, b, false)
		return
	}
	q, err := decodeChat(b, exchange.Strict(r))
	if err != nil {
		a.fail(w, err)
		return
	}
	a.x.Answer(w, r, exchange.Asked{Dialect: "ollama", Body: data}, q, &answer{})
}

// decodeChat reads a request for a chat.
func decodeChat(b *body.Reader, strict bool) (*exchange.Question, error) {
	o := b.Object()
	q := decodeCommon(o)
	decodeMessages(o, &q.Request)
	q.Request.Tools = exchange.FunctionTools(o)
	return finish(b, q, ChatParams, strict)
}

// decodeCommon reads what chats and generations share.
func decodeCommon(o body.Object) *exchange.Question {
	q := &exchange.Question{Model: modelName(o), Stream: true}
	if s := o.Bool("stream"); s != nil {
		q.Stream = *s
	}
	decodeFormat(o, &q.Request)
	q.Request.Think = decodeThink(o)
	decodeOptions(o, &q.Request)
	keepAlive(o)
	return q
}

// finish is the question, or the first mistake. What is not used is named in it.
func finish(b *body.Reader, q *exchange.Question, params exchange.Params, strict bool) (*exchange.Question, error) {
	if err := b.Err(); err != nil {
		return nil, err
	}
	var err error
	q.Ignored, err = checkParams(b.Object(), params, strict)
	return q, err
}

// checkParams finds the parameters and the options that are not used.
func checkParams(o body.Object, params exchange.Params, strict bool) ([]string, error) {
	ignored, err := params.Check(o, strict)
	if err != nil {
		return nil, err
	}
	if options, ok := o.Object("options"); ok {
		more, err := OptionParams.Check(options, strict)
		if err != nil {
			return nil, err
		}
		for _, name := range more {
			ignored = append(ignored, options.PathOf(name))
		}
	}
	return ignored, nil
}

// decodeMessages reads messages. A message without a text, an image and a call says
// nothing and is left out, as clients send them for a system prompt that is not set.
func decodeMessages(o body.Object, req *provider.Request) {
	history := &history{names: map[string]string{}}
	for _, item := range o.List("messages") {
		m := history.message(item.Object())
		if m.Text == "" && len(m.Images) == 0 && len(m.ToolCalls) == 0 && m.Role != provider.RoleTool {
			continue
		}
		req.Messages = append(req.Messages, m)
	}
	if len(req.Messages) == 0 {
		o.Failf("messages", "none of them has a text")
	}
}

// history gives tool calls and their results the ids that Ollama's clients leave out.
type history struct {
	calls   int
	names   map[string]string // of calls, by their ids
	waiting []provider.ToolCall
}

func (h *history) message(o body.Object) provider.Message {
	m := provider.Message{Text: o.Text("content")}
	switch role := strings.ToLower(o.Text("role")); role {
	case "system", "developer":
		m.Role = provider.RoleSystem
	case "user":
		m.Role = provider.RoleUser
		m.Images = decodeImages(o)
	case "assistant":
		m.Role, m.Thinking = provider.RoleAssistant, o.Text("thinking")
		for _, item := range o.List("tool_calls") {
			m.ToolCalls = append(m.ToolCalls, h.call(item.Object()))
		}
		if len(m.ToolCalls) > 0 {
			h.waiting = m.ToolCalls
		}
	case "tool":
		m.Role = provider.RoleTool
		m.ToolName, m.ToolCallID = o.Text("tool_name"), o.Text("tool_call_id")
		if m.ToolName == "" {
			m.ToolName = o.Text("name")
		}
		h.answer(&m)
	case "":
		o.Missing("role", "")
	default:
		o.Failf("role", "it has to be system, user, assistant or tool, not %q", role)
	}
	if m.Role != provider.RoleUser && len(o.List("images")) > 0 {
		o.Failf("images", "images go with messages of the user only")
	}
	return m
}

// call reads a call of the history. One without an id gets one that is the same in
// each turn.
func (h *history) call(o body.Object) provider.ToolCall {
	c := provider.ToolCall{ID: o.Text("id"), Arguments: json.RawMessage("{}")}
	h.calls++
	if c.ID == "" {
		c.ID = fmt.Sprintf("call_%d", h.calls)
	}
	f, ok := o.Object("function")
	if !ok {
		o.Missing("function", "")
		return c
	}
	if c.Name = f.Text("name"); c.Name == "" {
		f.Missing("name", "")
	}
	switch {
	case f.Kind("arguments") == body.KindString && json.Valid([]byte(f.Text("arguments"))): // as OpenAI has them
		c.Arguments = json.RawMessage(f.Text("arguments"))
	case f.Has("arguments"):
		if _, ok := f.Object("arguments"); ok {
			c.Arguments = f.Raw("arguments")
		}
	}
	h.names[c.ID] = c.Name
	return c
}

// answer says which call a result is for: the one of its id, else the first of its name
// that has none yet, else the first.
func (h *history) answer(m *provider.Message) {
	if m.ToolCallID != "" {
		if m.ToolName == "" {
			m.ToolName = h.names[m.ToolCallID]
		}
		return
	}
	if len(h.waiting) == 0 {
		return
	}
	at := 0
	for i, c := range h.waiting {
		if c.Name == m.ToolName {
			at = i
			break
		}
	}
	c := h.waiting[at]
	m.ToolCallID = c.ID
	if m.ToolName == "" {
		m.ToolName = c.Name
	}
	h.waiting = append(append([]provider.ToolCall{}, h.waiting[:at]...), h.waiting[at+1:]...)
}

// decodeImages reads images in base64.
func decodeImages(o body.Object) (images []provider.Image) {
	for _, item := range o.List("images") {
		text := item.Text()
		if _, data, ok := strings.Cut(text, ";base64,"); ok && strings.HasPrefix(text, "data:") {
			text = data
		}
		raw, ok := body.Base64(text)
		if !ok {
			item.Failf("an image has to be the data of its file in base64")
			return nil
		}
		images = append(images, provider.Image{Data: raw})
	}
	return images
}
