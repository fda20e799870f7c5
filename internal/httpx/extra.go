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

// callPlace is a tool call in a request: of its messages, and of the message's
// calls, the index.
type callPlace struct{ message, call int }

// ReturnExtras returns the [Call.Rewrite] that puts the Extra of req's tool calls
// back into them, as far as it goes to the provider of that name; nil: there is
// none. The body has so many messages before those of req. No member that the
// body has is replaced.
func ReturnExtras(req *provider.Request, name string, before int) func(body []byte) ([]byte, error) {
	var extras map[callPlace]json.RawMessage // made where there are any: most requests have none
	for i := range req.Messages {
		m := &req.Messages[i]
		for j := range m.ToolCalls {
			if extra := m.ToolCalls[j].Extra; len(extra) > 0 && m.ReturnsTo(name) {
				if extras == nil {
					extras = map[callPlace]json.RawMessage{}
				}
				extras[callPlace{i + before, j}] = extra
			}
		}
	}
	if len(extras) == 0 {
		return nil
	}
	return func(body []byte) ([]byte, error) {
		var request map[string]json.RawMessage
		var messages []json.RawMessage
		if err := errors.Join(json.Unmarshal(body, &request), json.Unmarshal(request["messages"], &messages)); err != nil {
			return nil, fmt.Errorf("reading the request: %w", err)
		}
		for at, extra := range extras {
			var message map[string]json.RawMessage
			var calls []map[string]json.RawMessage
			if err := errors.Join(json.Unmarshal(messages[at.message], &message), json.Unmarshal(message["tool_calls"], &calls)); err != nil {
				return nil, fmt.Errorf("reading message %d of the request: %w", at.message+1, err)
			}
			var members map[string]json.RawMessage
			if err := json.Unmarshal(extra, &members); err != nil {
				return nil, fmt.Errorf("what came with a tool call of message %d is not a JSON object: %w", at.message+1, err)
			}
			for name, v := range members {
				if _, ok := calls[at.call][name]; !ok {
					calls[at.call][name] = v
				}
			}
			var err error
			if message["tool_calls"], err = json.Marshal(calls); err != nil {
				return nil, err
			}
			if messages[at.message], err = json.Marshal(message); err != nil {
				return nil, err
			}
		}
		var err error
		if request["messages"], err = json.Marshal(messages); err != nil {
			return nil, err
		}
		return json.Marshal(request)
	}
}
