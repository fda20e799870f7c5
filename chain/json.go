package chain

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/provider"
)

// The JSON forms of an Event and a StepResult use those of package provider for
// messages, chunks, usage and routes. Fields are only ever added.

// eventNames are the JSON forms of the event types.
func eventNames() []string {
	return []string{StepStart: "start", StepChunk: "chunk", StepEnd: "end", StepSkipped: "skipped", StepRetry: "retry", StepFallback: "fallback", StepTool: "tool"}
}

// String is the type's name: start, chunk, end, skipped, retry, fallback or
// tool.
func (t EventType) String() string {
	if names := eventNames(); t > 0 && int(t) < len(names) {
		return names[t]
	}
	return fmt.Sprintf("EventType(%d)", int(t))
}

// MarshalText gives the type's name, as [EventType.String] does.
func (t EventType) MarshalText() ([]byte, error) {
	if names := eventNames(); t <= 0 || int(t) >= len(names) {
		return nil, fmt.Errorf("%s is not an event type", t)
	}
	return []byte(t.String()), nil
}

// UnmarshalText reads the type's name.
func (t *EventType) UnmarshalText(text []byte) error {
	i := slices.Index(eventNames(), string(text))
	if i <= 0 {
		return fmt.Errorf("unknown event type %q", textx.Shorten(string(text)))
	}
	*t = EventType(i)
	return nil
}

// eventJSON is the form of an Event.
type eventJSON struct {
	Type       EventType          `json:"type"`
	Index      int                `json:"index"`
	Step       string             `json:"step"`
	Messages   []provider.Message `json:"messages,omitempty"`
	Chunk      *provider.Chunk    `json:"chunk,omitempty"` // of a chunk
	Final      bool               `json:"final,omitempty"`
	Concurrent bool               `json:"concurrent,omitempty"`
	Total      int                `json:"total,omitempty"`
	Result     *StepResult        `json:"result,omitempty"`
	Tool       *tool.Event        `json:"tool,omitempty"`
	Error      string             `json:"error,omitempty"`
}

// MarshalJSON gives the event with type, index, step, messages, chunk, final,
// concurrent, total, result, tool and error; unset fields are omitted. Err is
// its text.
func (e Event) MarshalJSON() ([]byte, error) {
	form := eventJSON{
		Type: e.Type, Index: e.Index, Step: e.Step, Messages: e.Messages, Final: e.Final, Concurrent: e.Concurrent,
		Total: e.Total, Result: e.Result, Tool: e.Tool,
	}
	if e.Type == StepChunk {
		form.Chunk = &e.Chunk
	}
	if e.Err != nil {
		form.Error = e.Err.Error()
	}
	return marshalPlain(form)
}

// UnmarshalJSON reads what [Event.MarshalJSON] writes. Err then has only its
// text.
func (e *Event) UnmarshalJSON(data []byte) error {
	var form eventJSON
	if err := json.Unmarshal(data, &form); err != nil {
		return err
	}
	*e = Event{
		Type: form.Type, Index: form.Index, Step: form.Step, Messages: form.Messages, Final: form.Final, Concurrent: form.Concurrent,
		Total: form.Total, Result: form.Result, Tool: form.Tool,
	}
	if form.Chunk != nil {
		e.Chunk = *form.Chunk
	}
	if form.Error != "" {
		e.Err = errors.New(form.Error)
	}
	return nil
}

// stepResultJSON is a StepResult without its methods, and with a value that may
// be left out.
type stepResultJSON struct {
	stepResultFields
	Value json.RawMessage `json:"value,omitempty"` // shadows that of the fields
}

type stepResultFields StepResult

// MarshalJSON gives the fields by their tags. A value that is the answer itself
// is left out.
func (r StepResult) MarshalJSON() ([]byte, error) {
	form := stepResultJSON{stepResultFields: stepResultFields(r)}
	text, isText := r.Value.(string)
	if !(isText && text == r.Text || r.Value == nil && r.Text == "") {
		value, err := marshalPlain(r.Value)
		if err != nil {
			return nil, err
		}
		form.Value = value
	}
	return marshalPlain(form)
}

// UnmarshalJSON reads what [StepResult.MarshalJSON] writes. Numbers in the value
// are int or float64, as in a run.
func (r *StepResult) UnmarshalJSON(data []byte) error {
	var form stepResultJSON
	if err := json.Unmarshal(data, &form); err != nil {
		return err
	}
	*r = StepResult(form.stepResultFields)
	if form.Value == nil {
		r.Value = r.Text
		return nil
	}
	var err error
	r.Value, _, err = textx.DecodeJSON(string(form.Value))
	return err
}

// marshalPlain writes v as JSON, with <, > and & as they are.
func marshalPlain(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
