package openai

import (
	"encoding/json"

	goopenai "github.com/sashabaranov/go-openai"

	"github.com/tandem-llm/tandem/internal/httpx"
)

// eventReader decodes the events of an answer. The SDK's own reader looks at each line
// by several regular expressions, and begins with a new decoder, which costs more than
// all else about an event.
type eventReader struct {
	events  httpx.Events
	rest    []byte // of the event under way
	decoder *json.Decoder
	event   goopenai.ChatCompletionStreamResponse
}

func newEventReader(events httpx.Events) *eventReader {
	r := &eventReader{events: events}
	r.decoder = json.NewDecoder(r)
	return r
}

// Read gives the decoder the events, one after another.
func (r *eventReader) Read(p []byte) (n int, err error) {
	if len(r.rest) == 0 {
		if r.rest, err = r.events.Next(); err != nil {
			return 0, err
		}
	}
	n = copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// next is the next event, valid until the next call, or io.EOF at the end.
func (r *eventReader) next() (*goopenai.ChatCompletionStreamResponse, error) {
	choices := r.event.Choices // whose memory is used again
	clear(choices)
	r.event = goopenai.ChatCompletionStreamResponse{Choices: choices[:0]}
	err := r.decoder.Decode(&r.event)
	return &r.event, err
}
