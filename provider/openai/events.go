package openai

import (
	"encoding/json"

	goopenai "github.com/sashabaranov/go-openai"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/normalize"
)

// eventReader decodes the events of an answer. The SDK's own reader looks at each line
// by several regular expressions, and begins with a new decoder, which costs more than
// all else about an event.
type eventReader struct {
	call  *httpx.Call
	delta normalize.Delta // that the call reads
	event goopenai.ChatCompletionStreamResponse
}

// next is the next event, valid until the next call, or io.EOF at the end.
func (r *eventReader) next() (*goopenai.ChatCompletionStreamResponse, error) {
	data, err := r.call.Events.Next()
	if err != nil {
		return nil, err
	}
	if r.call.InDelta {
		fromDelta(&r.event, &r.delta)
		return &r.event, nil
	}
	choices := r.event.Choices // whose memory is used again
	clear(choices)
	r.event = goopenai.ChatCompletionStreamResponse{Choices: choices[:0]}
	err = json.Unmarshal(data, &r.event)
	return &r.event, err
}

// fromDelta makes e what d says.
func fromDelta(e *goopenai.ChatCompletionStreamResponse, d *normalize.Delta) {
	choices := e.Choices[:0]
	*e = goopenai.ChatCompletionStreamResponse{ID: d.ID, Model: d.Model}
	if e.Choices = choices; !d.Counts {
		e.Choices = append(choices, goopenai.ChatCompletionStreamChoice{
			Delta:        goopenai.ChatCompletionStreamChoiceDelta{Role: d.Role, Content: d.Text, ReasoningContent: d.Thinking},
			FinishReason: goopenai.FinishReason(d.Finish),
		})
	}
	if d.Usage != nil {
		e.Usage = usageFrom(d.Usage)
	}
}

// usageFrom is a usage as the SDK has it.
func usageFrom(u *normalize.Usage) *goopenai.Usage {
	out := &goopenai.Usage{PromptTokens: u.Prompt, CompletionTokens: u.Completion, TotalTokens: u.Total}
	if u.Cached >= 0 {
		out.PromptTokensDetails = &goopenai.PromptTokensDetails{CachedTokens: u.Cached}
	}
	if u.Reasoning >= 0 {
		out.CompletionTokensDetails = &goopenai.CompletionTokensDetails{ReasoningTokens: u.Reasoning}
	}
	return out
}
