package store

import (
	"encoding/json"
	"slices"

	"github.com/tandem-llm/tandem/provider"
)

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

// encodableCalls are tool calls whose Extra can be written as JSON.
func encodableCalls(calls []provider.ToolCall) []provider.ToolCall {
	out := slices.Clone(calls)
	for i := range out {
		out[i].Extra = asJSON(out[i].Extra)
	}
	return out
}
