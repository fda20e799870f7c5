package store

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/tandem-llm/tandem/provider"
)

// redactJSON returns valid JSON with clean applied to each string in it, keys
// included, and to numbers: a number that clean changes becomes a string. The
// arguments of a tool call, a string that holds JSON, are redacted as JSON. What
// is not changed stays byte for byte, so the structure is that of data.
func redactJSON(data []byte, clean func(string) string) []byte {
	if clean == nil {
		return data
	}
	var out []byte
	done := 0 // of data, copied to out
	key := "" // of the value that comes next
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
		var kept string
		if key == "arguments" && json.Valid([]byte(text)) {
			kept = string(redactJSON([]byte(text), clean))
		} else {
			kept = clean(text)
		}
		if kept != text {
			quoted, _ := json.Marshal(kept) // a string has no errors
			out = append(append(out, data[done:i]...), quoted...)
			done = end
		}
		if i = end; end < len(data) && data[end] == ':' {
			key = text
		} else {
			key = ""
		}
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

// asJSON is raw where it is valid JSON, and a string with its text otherwise.
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

// encodableCalls are tool calls whose Extra can be written as JSON.
func encodableCalls(calls []provider.ToolCall) []provider.ToolCall {
	out := slices.Clone(calls)
	for i := range out {
		out[i].Extra = asJSON(out[i].Extra)
	}
	return out
}
