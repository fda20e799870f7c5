package openai

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/internal/gateway/body"
	"github.com/tandem-llm/tandem/internal/gateway/responsestore"
	"github.com/tandem-llm/tandem/provider"
)

// history makes messages of the items of a conversation.
type history struct {
	find     func(id string) (*responsestore.Response, error) // that is stored
	q        *responseQuestion
	messages []provider.Message
	names    map[string]string // of calls, by their ids
	turn     *provider.Message // the assistant's, which comes in several items
	images   []provider.Image  // that tools returned: they go after all results
	err      error
}

// notInput are items that tools left which do not run here. Models know nothing of
// them, and they are left out.
var notInput = []string{
	"web_search_call", "file_search_call", "computer_call", "computer_call_output", "image_generation_call", "code_interpreter_call", "mcp_list_tools", "mcp_call",
	"mcp_approval_request", "mcp_approval_response", "compaction", "ghost_snapshot", "tool_search_call", "tool_search_output", "additional_tools",
}

// read adds items. In an error their place is below at.
func (h *history) read(items []json.RawMessage, at string) {
	if h.err != nil || len(items) == 0 {
		return
	}
	whole, err := json.Marshal(map[string]any{at: items})
	if err != nil {
		h.err = err
		return
	}
	b := body.Parse(whole)
	for _, item := range b.Object().List(at) {
		h.item(item.Object())
		if h.err == nil {
			h.err = b.Err()
		}
		if h.err != nil {
			return
		}
	}
	h.err = b.Err()
}

// item adds one item.
func (h *history) item(o body.Object) {
	switch kind := o.Text("type"); {
	case kind == "message", kind == "" && o.Has("role"):
		h.message(o)
	case kind == "function_call":
		h.call(o, flat(o.Text("namespace"), o.Text("name")), arguments(o))
	case kind == "custom_tool_call":
		raw, _ := json.Marshal(map[string]string{"input": o.Text("input")}) // a text
		h.call(o, o.Text("name"), raw)
	case kind == "local_shell_call":
		raw := o.Raw("action")
		if raw == nil {
			raw = json.RawMessage("{}")
		}
		h.call(o, "local_shell", raw)
	case kind == "function_call_output", kind == "custom_tool_call_output", kind == "local_shell_call_output":
		h.output(o)
	case kind == "reasoning":
		h.reasoning(o)
	case kind == "item_reference", kind == "" && o.Has("id"):
		h.reference(o)
	case slices.Contains(notInput, kind):
		h.q.Ignored = append(h.q.Ignored, fmt.Sprintf("%s (%s)", o.Path(), kind))
	case kind == "":
		o.Missing("type", "")
	default:
		o.Failf("type", "an item of type %q is not supported; send message, function_call, function_call_output or reasoning", kind)
	}
}

func (h *history) add(m provider.Message) {
	h.flush()
	if m.Role != provider.RoleTool {
		h.showImages()
	}
	if n := len(h.messages); n == 1 && m.Role == provider.RoleSystem && h.messages[0].Role == provider.RoleSystem {
		h.messages[0].Text += "\n\n" + m.Text // many templates take one system message, the first
		return
	}
	h.messages = append(h.messages, m)
}

// end ends the conversation.
func (h *history) end() []provider.Message {
	h.flush()
	h.showImages()
	return h.messages
}

// showImages adds the images that tools returned, as a message of the user: they have no
// place in a result.
func (h *history) showImages() {
	if len(h.images) > 0 {
		h.messages = append(h.messages, provider.Message{Role: provider.RoleUser, Text: "The images that the tools returned:", Images: h.images})
		h.images = nil
	}
}

// flush ends the assistant's turn. One of thinking only is left out.
func (h *history) flush() {
	if m := h.turn; m != nil && (m.Text != "" || len(m.ToolCalls) > 0) {
		h.messages = append(h.messages, *m)
	}
	h.turn = nil
}

// assistant is the turn under way; after its calls, or with another text, a new one
// begins.
func (h *history) assistant(text bool) *provider.Message {
	if h.turn != nil && text && (h.turn.Text != "" || len(h.turn.ToolCalls) > 0) {
		h.flush()
	}
	if h.turn == nil {
		h.showImages()
		h.turn = &provider.Message{Role: provider.RoleAssistant}
	}
	return h.turn
}

func (h *history) message(o body.Object) {
	m := provider.Message{}
	switch role := o.Text("role"); role {
	case "system", "developer":
		m.Role = provider.RoleSystem
	case "user":
		m.Role = provider.RoleUser
	case "assistant":
		m.Role = provider.RoleAssistant
	case "":
		o.Missing("role", "")
	default:
		o.Failf("role", "it has to be user, assistant, system or developer, not %q", role)
	}
	if !o.Has("content") {
		o.Missing("content", "")
	}
	m.Text, m.Images = parts(o, "content")
	switch {
	case m.Role == provider.RoleAssistant && len(m.Images) > 0, m.Role == provider.RoleSystem && len(m.Images) > 0:
		o.Failf("content", "images go with messages of the user only")
	case m.Role == provider.RoleAssistant:
		if m.Text != "" {
			h.assistant(true).Text = m.Text
		}
	case m.Role == provider.RoleSystem && m.Text == "":
	default:
		h.add(m)
	}
}

// parts reads a text, or a list of texts and images.
func parts(o body.Object, name string) (text string, images []provider.Image) {
	switch o.Kind(name) {
	case "", body.KindString:
		return o.Text(name), nil
	case body.KindArray:
	default:
		o.Failf(name, "it has to be a string or an array of parts, not %s", o.Kind(name))
		return "", nil
	}
	var texts []string
	for _, item := range o.List(name) {
		p := item.Object()
		switch kind := p.Text("type"); kind {
		case "input_text", "output_text", "text", "summary_text", "reasoning_text":
			texts = append(texts, p.Text("text"))
		case "refusal":
			texts = append(texts, p.Text("refusal"))
		case "input_image":
			if !p.Has("image_url") {
				p.Missing("image_url", "files are not stored here")
				return "", nil
			}
			images = append(images, imageOf(p, "image_url"))
		default:
			p.Failf("type", "a content part of type %q is not supported; send input_text and input_image", kind)
			return "", nil
		}
	}
	return strings.Join(texts, "\n"), images
}

func (h *history) call(o body.Object, name string, arguments json.RawMessage) {
	id := o.Text("call_id")
	if name == "" {
		o.Missing("name", "")
	}
	if id == "" {
		o.Missing("call_id", "")
	}
	h.names[id] = name
	turn := h.assistant(false)
	turn.ToolCalls = append(turn.ToolCalls, withExtra(provider.ToolCall{ID: id, Name: name, Arguments: arguments}, o))
}

// output adds what a call returned.
func (h *history) output(o body.Object) {
	id := o.Text("call_id")
	if id == "" {
		o.Missing("call_id", "")
	}
	text, images := parts(o, "output")
	if text == "" && len(images) > 0 {
		text = "(the image follows)"
	}
	h.add(provider.Message{Role: provider.RoleTool, Text: text, ToolCallID: id, ToolName: h.names[id]})
	h.images = append(h.images, images...)
}

// reasoning adds what the model thought, where it is readable.
func (h *history) reasoning(o body.Object) {
	text, _ := parts(o, "content")
	if text == "" {
		text, _ = parts(o, "summary")
	}
	if text == "" {
		if o.Has("encrypted_content") {
			h.q.Ignored = append(h.q.Ignored, o.PathOf("encrypted_content"))
		}
		return
	}
	h.assistant(true).Thinking = text
}
