package tool

import (
	"bytes"
	"encoding/json"
	"errors"
	"time"
)

// eventJSON is the form of an Event.
type eventJSON struct {
	Round     int             `json:"round,omitempty"`
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments"`
	Outcome   Outcome         `json:"outcome"`
	Result    string          `json:"result"`
	Took      time.Duration   `json:"took_ns,omitempty"`
	Error     string          `json:"error,omitempty"`
}

// MarshalJSON gives round, name (the tool's [Tool.Title], or what the model
// wrote where there is no such tool), arguments (a string where they are not
// JSON), outcome, result (what the model was told), took_ns and error.
func (e Event) MarshalJSON() ([]byte, error) {
	form := eventJSON{Round: e.Round, Name: e.Name, Arguments: e.Arguments, Outcome: e.Outcome, Result: e.Text, Took: e.Took}
	if e.Tool != nil {
		form.Name = e.Tool.Title()
	}
	if !json.Valid(e.Arguments) {
		form.Arguments, _ = json.Marshal(string(e.Arguments)) // a string always has a JSON form
	}
	if e.Err != nil {
		form.Error = e.Err.Error()
	}
	var b bytes.Buffer // with <, > and & as they are
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(form)
	return b.Bytes(), err
}

// UnmarshalJSON reads what [Event.MarshalJSON] writes, without the tool; Err has
// the text alone.
func (e *Event) UnmarshalJSON(data []byte) error {
	var form eventJSON
	if err := json.Unmarshal(data, &form); err != nil {
		return err
	}
	*e = Event{Round: form.Round, Name: form.Name, Arguments: form.Arguments, Outcome: form.Outcome, Text: form.Result, Took: form.Took}
	var text string
	if json.Unmarshal(form.Arguments, &text) == nil { // they were not JSON
		e.Arguments = json.RawMessage(text)
	}
	if form.Error != "" {
		e.Err = errors.New(form.Error)
	}
	return nil
}
