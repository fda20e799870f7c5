package ollama

import (
	"encoding/json"

	"github.com/ollama/ollama/api"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/toolcall"
	"github.com/tandem-llm/tandem/provider"
)

// calls are the tool calls of an answer. Ollama gives each in one piece.
type calls struct {
	toolcall.Assembler
	extras []map[string]json.RawMessage // what came with those that have not been taken in yet
}

// Document keeps what came with the tool calls of a line, which api drops.
func (c *calls) Document(line, _ []byte) { c.extras = append(c.extras, httpx.CallExtras(line)...) }

// nextExtra is what came with the next tool call.
func (c *calls) nextExtra() (extra map[string]json.RawMessage) {
	if len(c.extras) > 0 {
		extra, c.extras = c.extras[0], c.extras[1:]
	}
	return extra
}

// addToolCalls takes in the tool calls of a line, and returns them.
func (a *answer) addToolCalls(list []api.ToolCall) ([]provider.ToolCall, error) {
	if len(list) == 0 {
		return nil, nil
	}
	before := a.calls.Len()
	for i := range list {
		t := &list[i]
		f := toolcall.Fragment{ID: t.ID, Name: t.Function.Name, Arguments: t.Function.Arguments.String(), Extra: a.calls.nextExtra()}
		if err := a.calls.AddWhole(f); err != nil {
			return nil, a.error(provider.Unavailable, "the tool calls: %w", err)
		}
	}
	all, err := a.calls.Calls(a.req.Messages)
	if err != nil {
		return nil, a.error(provider.BadAnswer, "%w", err)
	}
	return all[before:], nil
}
