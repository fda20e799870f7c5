package store

import (
	"encoding/json"
	"slices"

	"github.com/tandem-llm/tandem/provider"
)

// redact takes secrets out of every text of the record. What the request and
// the answer point to stays as it is, for it is their owners'.
func (c *Call) redact(clean func(string) string) {
	if clean == nil {
		return
	}
	c.Answer, c.Thinking, c.ToolCalls = clean(c.Answer), clean(c.Thinking), redacted(c.ToolCalls, clean)
	if c.Asked != nil {
		c.Asked.Messages = slices.Clone(c.Asked.Messages)
		for i := range c.Asked.Messages {
			m := &c.Asked.Messages[i]
			m.Text, m.ToolCalls = clean(m.Text), redacted(m.ToolCalls, clean)
		}
		c.Asked.Stop = slices.Clone(c.Asked.Stop)
		for i, s := range c.Asked.Stop {
			c.Asked.Stop[i] = clean(s)
		}
	}
	if c.Error != nil {
		c.Error.Message, c.Error.Attempts = clean(c.Error.Message), reasons(c.Error.Attempts, clean)
	}
	if c.Route != nil {
		rt := *c.Route
		rt.Reason, rt.Attempts = clean(rt.Reason), reasons(rt.Attempts, clean)
		c.Route = &rt
	}
}

func redacted(calls []provider.ToolCall, clean func(string) string) []provider.ToolCall {
	calls = slices.Clone(calls)
	for i := range calls {
		calls[i].Arguments = json.RawMessage(clean(string(calls[i].Arguments)))
	}
	return calls
}

func reasons(attempts []provider.Attempt, clean func(string) string) []provider.Attempt {
	attempts = slices.Clone(attempts)
	for i := range attempts {
		attempts[i].Reason = clean(attempts[i].Reason)
	}
	return attempts
}
