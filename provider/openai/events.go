package openai

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"

	goopenai "github.com/sashabaranov/go-openai"
)

// events are what a stream has, up to io.EOF.
type events interface {
	Recv() (goopenai.ChatCompletionStreamResponse, error)
}

// eventReader reads the events of a server that streams although it was asked for
// a document.
type eventReader struct{ lines *bufio.Reader }

func newEventReader(r io.Reader) eventReader { return eventReader{bufio.NewReader(r)} }

// Recv returns the next event, or io.EOF at the end.
func (r eventReader) Recv() (event goopenai.ChatCompletionStreamResponse, err error) {
	for {
		line, err := r.lines.ReadBytes('\n')
		if err != nil {
			return event, err
		}
		data, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("data: "))
		switch {
		case string(data) == "[DONE]":
			return event, io.EOF
		case ok:
			return event, json.Unmarshal(data, &event)
		}
	}
}
