package openai

import (
	"bytes"
	"context"
	"encoding/json"

	goopenai "github.com/sashabaranov/go-openai"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
)

// toolCall is a tool call as far as it has come.
type toolCall struct {
	id, name string
	args     []byte
	letters  httpx.Letters // of args
}

// maxTools is the most bytes of tool calls, and maxToolCalls the most calls,
// that one answer may have.
const (
	maxTools     = 8 << 20
	maxToolCalls = 1 << 10
)

// addToolDelta adds a fragment of a tool call to those begun. A fragment without
// an index belongs to the latest call, unless it has an ID of its own.
func (a *answer) addToolDelta(t *goopenai.ToolCall) error {
	i := len(a.tools)
	switch {
	case t.Index != nil:
		i = *t.Index
	case t.ID == "" && i > 0:
		i--
	}
	return a.addToolCall(i, t)
}

// addToolCall adds what came of call i, in bounded memory.
func (a *answer) addToolCall(i int, t *goopenai.ToolCall) error {
	size := len(t.ID) + len(t.Function.Name) + len(t.Function.Arguments)
	if err := a.call.Content(size); err != nil {
		return a.failure(context.Background(), err)
	}
	a.toolBytes += size
	if i < 0 || i >= maxToolCalls || a.toolBytes > maxTools {
		return a.error(provider.Unavailable, "the tool calls: %w", httpx.ErrTooLarge)
	}
	for len(a.tools) <= i {
		a.tools = append(a.tools, toolCall{})
	}
	c := &a.tools[i]
	if t.ID != "" {
		c.id = t.ID
	}
	c.name += t.Function.Name
	c.args = append(c.args, c.letters.Add(t.Function.Arguments)...)
	return nil
}

// toolCalls are the calls of the whole answer, or the error that one of them is.
func (a *answer) toolCalls() (calls []provider.ToolCall, err error) {
	if a.seen.extraBytes > maxTools {
		return nil, a.error(provider.Unavailable, "the tool calls: %w", httpx.ErrTooLarge)
	}
	for i := range a.tools {
		t := &a.tools[i]
		args := append(t.args, t.letters.End()...)
		if len(bytes.TrimSpace(args)) == 0 {
			args = []byte("{}")
		}
		var text string
		if json.Unmarshal(args, &text) == nil { // small models write the object as a string
			args = []byte(text)
		}
		var object map[string]json.RawMessage
		if t.name == "" || json.Unmarshal(args, &object) != nil || object == nil {
			if a.finish == goopenai.FinishReasonLength {
				return nil, a.error(provider.Truncated, "the call of tool %q was cut at the token limit; raise max_tokens", t.name)
			}
			return nil, a.error(provider.BadAnswer, "the call of tool %q has arguments that are not a JSON object", t.name)
		}
		calls = append(calls, provider.ToolCall{ID: t.id, Name: t.name, Arguments: args, Extra: a.seen.extra(i)})
	}
	return calls, nil
}
