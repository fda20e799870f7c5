package httpx

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tandem-llm/tandem/provider"
)

var toolCalls = []byte(`"tool_calls"`)

// CallExtras reads what a server sent with the tool calls of a document, in
// OpenAI's dialect or Ollama's, besides the members that the APIs have: a thought
// signature, say. There is one element for each call or fragment, in order, nil
// where nothing came besides.
func CallExtras(document []byte) []map[string]json.RawMessage {
	if !bytes.Contains(document, toolCalls) {
		return nil
	}
	type message struct {
		Calls []map[string]json.RawMessage `json:"tool_calls"`
	}
	var d struct {
		Message message
		Choices []struct{ Delta, Message message }
	}
	if json.Unmarshal(document, &d) != nil {
		return nil
	}
	calls := d.Message.Calls
	if len(d.Choices) > 0 {
		if calls = d.Choices[0].Message.Calls; len(calls) == 0 {
			calls = d.Choices[0].Delta.Calls
		}
	}
	out := make([]map[string]json.RawMessage, len(calls))
	for i, c := range calls {
		for name, v := range c {
			switch name {
			case "id", "index", "type", "function":
				continue
			}
			if string(v) == "null" {
				continue
			}
			if out[i] == nil {
				out[i] = map[string]json.RawMessage{}
			}
			out[i][name] = bytes.Clone(v) // the document is the transport's
		}
	}
	return out
}

// Amendment is what is added to one message of a request. No member that is
// there already is replaced.
type Amendment struct {
	Message int                        // its index in the body
	Members map[string]json.RawMessage // of the message
	Calls   map[int]json.RawMessage    // objects, of the tool calls of these indexes
}

// Extras are the Extra of req's tool calls, as far as it goes back to the provider
// of that name. The body has so many messages before those of req.
func Extras(req *provider.Request, name string, before int) []Amendment {
	var list []Amendment // made where there are any: most requests have none
	for i := range req.Messages {
		m := &req.Messages[i]
		var a Amendment
		for j := range m.ToolCalls {
			if extra := m.ToolCalls[j].Extra; len(extra) > 0 && m.ReturnsTo(name) {
				if a.Calls == nil {
					a = Amendment{Message: i + before, Calls: map[int]json.RawMessage{}}
				}
				a.Calls[j] = extra
			}
		}
		if a.Calls != nil {
			list = append(list, a)
		}
	}
	return list
}

// Amend returns the [Call.Rewrite] that makes the amendments; nil: there are none.
func Amend(list []Amendment) func(body []byte) ([]byte, error) {
	if len(list) == 0 {
		return nil
	}
	return func(body []byte) ([]byte, error) {
		var request map[string]json.RawMessage
		var messages []json.RawMessage
		if err := errors.Join(json.Unmarshal(body, &request), json.Unmarshal(request["messages"], &messages)); err != nil {
			return nil, fmt.Errorf("reading the request: %w", err)
		}
		for i := range list {
			a := &list[i]
			changed, err := a.apply(messages[a.Message])
			if err != nil {
				return nil, fmt.Errorf("message %d of the request: %w", a.Message+1, err)
			}
			messages[a.Message] = changed
		}
		var err error
		if request["messages"], err = json.Marshal(messages); err != nil {
			return nil, err
		}
		return json.Marshal(request)
	}
}

// apply is the message with what is added to it.
func (a *Amendment) apply(raw json.RawMessage) (json.RawMessage, error) {
	var message map[string]json.RawMessage
	if err := json.Unmarshal(raw, &message); err != nil {
		return nil, err
	}
	addMembers(message, a.Members)
	if len(a.Calls) == 0 {
		return json.Marshal(message)
	}
	var calls []map[string]json.RawMessage
	if err := json.Unmarshal(message["tool_calls"], &calls); err != nil {
		return nil, err
	}
	for i, extra := range a.Calls {
		var members map[string]json.RawMessage
		if err := json.Unmarshal(extra, &members); err != nil {
			return nil, fmt.Errorf("what came with a tool call is not a JSON object: %w", err)
		}
		addMembers(calls[i], members)
	}
	var err error
	if message["tool_calls"], err = json.Marshal(calls); err != nil {
		return nil, err
	}
	return json.Marshal(message)
}

func addMembers(to, members map[string]json.RawMessage) {
	for name, v := range members {
		if _, ok := to[name]; !ok {
			to[name] = v
		}
	}
}
