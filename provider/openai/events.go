package openai

import (
	"encoding/json"

	goopenai "github.com/sashabaranov/go-openai"

	"github.com/tandem-llm/tandem/internal/httpx"
)

// eventReader decodes the events of an answer. The SDK's own reader looks at each line
// by several regular expressions, which costs more than all else about an event.
type eventReader struct {
	events httpx.Events
	event  goopenai.ChatCompletionStreamResponse
}

// next is the next event, valid until the next call, or io.EOF at the end.
func (r *eventReader) next() (*goopenai.ChatCompletionStreamResponse, error) {
	data, err := r.events.Next()
	if err != nil {
		return nil, err
	}
	choices := r.event.Choices // whose memory is used again
	clear(choices)
	r.event = goopenai.ChatCompletionStreamResponse{Choices: choices[:0]}
	err = json.Unmarshal(data, &r.event)
	return &r.event, err
}
