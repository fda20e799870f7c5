package openai

import (
	"context"
	"errors"

	goopenai "github.com/sashabaranov/go-openai"

	"github.com/tandem-llm/tandem/internal/normalize"
	"github.com/tandem-llm/tandem/internal/toolcall"
	"github.com/tandem-llm/tandem/provider"
)

// calls are the tool calls of an answer. The API's older form of a call,
// function_call, is kept apart: some servers send a call in both.
type calls struct {
	tools, older toolcall.Assembler
}

// begun reports whether any call has.
func (c *calls) begun() bool { return c.tools.Len() > 0 || c.older.Len() > 0 }

// addToolCalls takes in what an event has of tool calls: fragments, or whole calls
// where it is a whole answer.
func (a *answer) addToolCalls(d *goopenai.ChatCompletionStreamChoiceDelta) error {
	add, addOlder := a.calls.tools.Add, a.calls.older.Add
	if a.call.Document {
		add, addOlder = a.calls.tools.AddWhole, a.calls.older.AddWhole
	}
	for i := range d.ToolCalls {
		t := &d.ToolCalls[i]
		f := fragment(&t.Function)
		f.Index, f.ID, f.Extra, f.At, f.Of = t.Index, t.ID, a.seen.nextExtra(), i, len(d.ToolCalls)
		if err := a.addFragment(f, add); err != nil {
			return err
		}
	}
	if !called(d.FunctionCall) {
		return nil
	}
	return a.addFragment(fragment(d.FunctionCall), addOlder)
}

// called reports whether a function_call says anything.
func called(f *goopenai.FunctionCall) bool { return f != nil && (f.Name != "" || f.Arguments != "") }

func fragment(f *goopenai.FunctionCall) toolcall.Fragment {
	return toolcall.Fragment{Name: f.Name, Arguments: f.Arguments}
}

func assemble(req *provider.Request) calls {
	return calls{tools: toolcall.Assembler{Tools: req.Tools}, older: toolcall.Assembler{Tools: req.Tools}}
}

func (a *answer) addFragment(f toolcall.Fragment, add func(toolcall.Fragment) error) error {
	if err := a.call.Content(len(f.ID) + len(f.Name) + len(f.Arguments)); err != nil {
		return a.failure(context.Background(), err)
	}
	if err := add(f); err != nil {
		return a.error(provider.Unavailable, "the tool calls: %w", err)
	}
	return nil
}

// toolCalls are the calls of the whole answer, or the error that one of them is.
func (a *answer) toolCalls() ([]provider.ToolCall, error) {
	out, err := a.calls.tools.Calls(a.req.Messages)
	if err != nil {
		return nil, a.callError(err)
	}
	older, err := a.calls.older.Calls(a.req.Messages)
	if err != nil {
		return nil, a.callError(err)
	}
	if len(out) == 0 {
		return older, nil
	}
	for i := range older {
		if !hasCall(out, &older[i]) {
			return nil, a.error(provider.BadAnswer, "the answer's tool_calls and its function_call differ (%s)", older[i].Name)
		}
	}
	return out, nil
}

func hasCall(calls []provider.ToolCall, c *provider.ToolCall) bool {
	for i := range calls {
		if toolcall.Same(&calls[i], c) {
			return true
		}
	}
	return false
}

// callError is the error of tool calls that cannot be told.
func (a *answer) callError(err error) error {
	var e *toolcall.Error
	if errors.As(err, &e) && normalize.EndOf(a.finish) == normalize.EndLength {
		return a.error(provider.Truncated, "the call of tool %q was cut at the token limit; raise max_tokens", e.Name)
	}
	return a.error(provider.BadAnswer, "%w", err)
}

// sizeOf is how many bytes of an answer tool calls are.
func sizeOf(calls []provider.ToolCall) (n int) {
	for i := range calls {
		n += len(calls[i].Name) + len(calls[i].Arguments)
	}
	return n
}
