package store

import (
	"bytes"
	"encoding/json"

	"github.com/tandem-llm/tandem/provider"
)

// redactJSON returns valid JSON with clean applied to each string in it, keys
// included, and to numbers: a number that clean changes becomes a string. What
// is not changed stays byte for byte, so the structure is that of data.
func redactJSON(data []byte, clean func(string) string) []byte {
	if clean == nil {
		return data
	}
	var out []byte
	done := 0 // of data, copied to out
	for i := 0; i < len(data); {
		end, text := i+1, ""
		switch c := data[i]; {
		case c == '"':
			end, text = stringAt(data, i)
		case c == '-' || c >= '0' && c <= '9':
			for end < len(data) && bytes.IndexByte([]byte("+-.0123456789Ee"), data[end]) >= 0 {
				end++
			}
			text = string(data[i:end])
		default:
			i++
			continue
		}
		if kept := clean(text); kept != text {
			quoted, _ := json.Marshal(kept) // a string has no errors
			out = append(append(out, data[done:i]...), quoted...)
			done = end
		}
		i = end
	}
	if done == 0 {
		return data
	}
	return append(out, data[done:]...)
}

// stringAt reads the JSON string that begins at i, and returns where it ends.
func stringAt(data []byte, i int) (end int, text string) {
	escaped := false
	for end = i + 1; end < len(data) && data[end] != '"'; end++ {
		if data[end] == '\\' {
			escaped = true
			end++
		}
	}
	end = min(end+1, len(data))
	if !escaped {
		return end, string(data[i+1 : max(i+1, end-1)])
	}
	_ = json.Unmarshal(data[i:end], &text) // data is valid JSON
	return end, text
}

// asJSON is raw where it is valid JSON, and a string with its text otherwise:
// models write broken arguments, and the log keeps what they wrote.
func asJSON(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return nil
	}
	if json.Valid(raw) {
		return raw
	}
	text, _ := json.Marshal(string(raw)) // a string has no errors
	return text
}

// asWritten undoes asJSON. Arguments are objects, so a string is what was no
// JSON.
func asWritten(raw json.RawMessage) json.RawMessage {
	var text string
	if len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &text) == nil {
		return json.RawMessage(text)
	}
	return raw
}

// keptCalls are tool calls with arguments that can be written as JSON.
func keptCalls(calls []provider.ToolCall) []provider.ToolCall {
	return withArguments(calls, asJSON)
}

func withArguments(calls []provider.ToolCall, f func(json.RawMessage) json.RawMessage) []provider.ToolCall {
	if len(calls) == 0 {
		return nil
	}
	out := make([]provider.ToolCall, len(calls))
	for i, c := range calls {
		c.Arguments = f(c.Arguments)
		out[i] = c
	}
	return out
}
