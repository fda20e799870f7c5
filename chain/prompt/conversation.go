package prompt

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tandem-llm/tandem/chain/template"
	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/provider"
)

// appendConversation adds what the variable of a placeholder holds.
func appendConversation(out []provider.Message, x *more, v template.Values) ([]provider.Message, error) {
	value, ok := v.Lookup(x.placeholder)
	if !ok && x.optional {
		return out, nil
	}
	if !ok {
		return nil, &template.MissingError{Name: x.placeholder, Line: 1, Column: 1}
	}
	messages, err := Conversation(value)
	if err != nil {
		return nil, provider.Errorf(provider.Invalid, "", "", "variable %q: %w", x.placeholder, err)
	}
	if x.limit > 0 && len(messages) > x.limit {
		messages = messages[len(messages)-x.limit:]
	}
	return append(out, messages...), nil
}

// Conversation returns the messages that a value stands for:
//   - []provider.Message, as they are
//   - a list of messages, each a mapping with role and content (and tool_calls,
//     tool_call_id and name where they belong), a list of role and content, or
//     a text, which is a user's
//   - a text, which is such a list as JSON
//
// Roles may have LangChain's names: human, ai, developer. A text that begins with
// a role's name is a user's text still: nothing in it can change who speaks.
// The errors say which message is wrong and what is wanted, and show no
// contents.
func Conversation(value any) ([]provider.Message, error) {
	switch list := value.(type) {
	case rendered:
		return list, nil
	case []provider.Message:
		return list, nil
	case nil:
		return nil, nil
	case string:
		return conversationJSON(list)
	case []string:
		out := make([]provider.Message, len(list))
		for i, text := range list {
			out[i] = provider.User(text)
		}
		return out, nil
	case []map[string]any:
		all := make([]any, len(list))
		for i := range list {
			all[i] = list[i]
		}
		return Conversation(all)
	case []any:
		out := make([]provider.Message, len(list))
		for i, element := range list {
			m, err := messageOf(element)
			if err != nil {
				return nil, fmt.Errorf("message %d: %w", i+1, err)
			}
			out[i] = m
		}
		return out, nil
	}
	return nil, fmt.Errorf("it must be a list of messages, not a %T; write [{role: user, content: …}, …]", value)
}

func conversationJSON(text string) ([]provider.Message, error) {
	var list []any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&list); err != nil || d.More() {
		return nil, fmt.Errorf(`it must be a list of messages; as a text, write it as JSON: [{"role": "user", "content": "…"}]`)
	}
	return Conversation(list)
}

// roleOf reads a role by our name or LangChain's.
func roleOf(name string) (provider.Role, bool) {
	switch name {
	case "system", "developer":
		return provider.RoleSystem, true
	case "user", "human":
		return provider.RoleUser, true
	case "assistant", "ai":
		return provider.RoleAssistant, true
	case "tool":
		return provider.RoleTool, true
	}
	return "", false
}

func messageOf(value any) (provider.Message, error) {
	switch v := value.(type) {
	case provider.Message:
		return v, nil
	case string:
		return provider.User(v), nil
	case []string:
		if len(v) == 2 {
			return messageOf(map[string]any{"role": v[0], "content": v[1]})
		}
	case []any:
		if len(v) == 2 {
			return messageOf(map[string]any{"role": v[0], "content": v[1]})
		}
	case map[string]any:
		return messageOfMap(v)
	}
	return provider.Message{}, fmt.Errorf("write it as {role: user, content: …}, as [user, …], or as a user's text")
}

func messageOfMap(v map[string]any) (provider.Message, error) {
	name, ok := v["role"].(string)
	if !ok {
		name, _ = v["type"].(string)
	}
	role, ok := roleOf(name)
	if !ok {
		return provider.Message{}, fmt.Errorf("%q is not a role; the roles are system, user, assistant, tool", textx.Shorten(name))
	}
	m := provider.Message{Role: role}
	for key, value := range v {
		var err error
		switch key {
		case "role", "type", "id", "additional_kwargs", "response_metadata", "usage_metadata", "example", "status", "artifact", "invalid_tool_calls":
		case "content":
			err = content(&m, value)
		case "tool_call_id":
			m.ToolCallID, ok = value.(string)
			err = wanted(ok || value == nil, key, "a string")
		case "name":
			m.ToolName, ok = value.(string)
			err = wanted(ok || value == nil, key, "a string")
		case "tool_calls":
			m.ToolCalls, err = toolCalls(value)
		default:
			err = fmt.Errorf("unknown key %q; a message has role, content, tool_calls, tool_call_id, name", textx.Shorten(key))
		}
		if err != nil {
			return m, err
		}
	}
	if role != provider.RoleTool {
		m.ToolName = "" // a speaker's name, which is not part of what engines are asked
	}
	return m, nil
}

func wanted(ok bool, key, what string) error {
	if ok {
		return nil
	}
	return fmt.Errorf("%s must be %s", key, what)
}

// content reads a text, or a list of parts: texts, then pictures.
func content(m *provider.Message, value any) error {
	switch v := value.(type) {
	case nil:
		return nil
	case string:
		m.Text = v
		return nil
	case []any:
		for _, element := range v {
			if err := contentPart(m, element); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("content must be a string, or a list of texts and images")
}

func contentPart(m *provider.Message, value any) error {
	if text, ok := value.(string); ok {
		value = map[string]any{"type": "text", "text": text}
	}
	part, _ := value.(map[string]any)
	switch part["type"] {
	case "text":
		text, ok := part["text"].(string)
		if !ok || m.Text != "" || len(m.Images) > 0 {
			return fmt.Errorf("content must have one text, before the images")
		}
		m.Text = text
		return nil
	case "image_url":
		url, ok := part["image_url"].(string)
		if in, isMap := part["image_url"].(map[string]any); isMap {
			url, ok = in["url"].(string)
		}
		if !ok {
			return fmt.Errorf("an image_url must have a url")
		}
		im, err := imageAt(url)
		m.Images = append(m.Images, im)
		return err
	}
	return fmt.Errorf("the parts of content must have the type text or image_url")
}

// toolCalls reads LangChain's form ({name, args, id}) and OpenAI's
// ({id, function: {name, arguments}}).
func toolCalls(value any) ([]provider.ToolCall, error) {
	list, ok := value.([]any)
	if !ok && value != nil {
		return nil, fmt.Errorf("tool_calls must be a list")
	}
	var calls []provider.ToolCall
	for _, element := range list {
		v, _ := element.(map[string]any)
		id, _ := v["id"].(string)
		args := v["args"]
		if f, ok := v["function"].(map[string]any); ok {
			v, args = f, f["arguments"]
		}
		name, _ := v["name"].(string)
		data, isText := args.(string)
		if !isText {
			encoded, err := json.Marshal(args)
			if err != nil {
				return nil, fmt.Errorf("a tool call's arguments are not JSON")
			}
			data = string(encoded)
		}
		if name == "" || !json.Valid([]byte(data)) || !strings.HasPrefix(strings.TrimSpace(data), "{") {
			return nil, fmt.Errorf("a tool call must have a name, and an object as arguments")
		}
		calls = append(calls, provider.ToolCall{ID: id, Name: name, Arguments: json.RawMessage(data)})
	}
	return calls, nil
}
