package httpx

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tandem-llm/tandem/provider"
)

// CallExtra is what a server sent with a tool call, or with a fragment of one,
// besides the members that the APIs have: a thought signature, say.
type CallExtra struct {
	Index   *int   // of the call; nil: a fragment does not say
	ID      string // of the call, where the fragment says
	Members map[string]json.RawMessage
}

var toolCalls = []byte(`"tool_calls"`)

// CallExtras reads the tool calls of a document of an answer, in OpenAI's
// dialect or Ollama's: one CallExtra for each call or fragment, in order, also
// where it has nothing besides.
func CallExtras(document []byte) []CallExtra {
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
	calls, fragments := d.Message.Calls, false
	if len(d.Choices) > 0 {
		if calls = d.Choices[0].Message.Calls; len(calls) == 0 {
			calls, fragments = d.Choices[0].Delta.Calls, true
		}
	}
	out := make([]CallExtra, len(calls))
	for i, c := range calls {
		e := &out[i]
		_ = json.Unmarshal(c["id"], &e.ID) // what is not a text is no id
		if e.Index = &i; fragments {
			e.Index = nil
			_ = json.Unmarshal(c["index"], &e.Index)
		}
		for name, v := range c {
			switch name {
			case "id", "index", "type", "function":
				continue
			}
			if string(v) == "null" {
				continue
			}
			if e.Members == nil {
				e.Members = map[string]json.RawMessage{}
			}
			e.Members[name] = bytes.Clone(v) // the document is the transport's
		}
	}
	return out
}

// Size is about how many bytes e takes.
func (e *CallExtra) Size() int {
	n := 0
	for name, v := range e.Members {
		n += len(name) + len(v)
	}
	return n
}

// JSON is e's members as an object, or nil where there are none.
func (e *CallExtra) JSON() json.RawMessage {
	if len(e.Members) == 0 {
		return nil
	}
	data, err := json.Marshal(e.Members)
	if err != nil {
		return nil // each was valid
	}
	return data
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
