package provider

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// The types of the contract have one JSON form, which logs, recordings, caches
// and every --json share. Names are in snake case and in alphabetical order
// within a [Request] and a [Message], so that equal requests give equal bytes;
// what is unset is left out; fields are only ever added. The JSON text of a
// schema or of a tool's parameters keeps its own order of keys, which models
// go by. A [Request] leaves NoStream out of [Request.CanonicalJSON] alone: it
// changes how an answer comes, and not the answer.

// requestJSON is the form of a Request.
type requestJSON struct {
	MaxTokens   *int           `json:"max_tokens,omitempty"`
	Messages    []messageJSON  `json:"messages"`
	Model       string         `json:"model,omitempty"`
	NoStream    bool           `json:"no_stream,omitempty"`
	Options     map[string]any `json:"options,omitempty"`
	Privacy     Privacy        `json:"privacy,omitempty"`
	Schema      *schemaJSON    `json:"schema,omitempty"`
	Seed        *int64         `json:"seed,omitempty"`
	Stop        []string       `json:"stop,omitempty"`
	Temperature *float64       `json:"temperature,omitempty"`
	Think       Thinking       `json:"think,omitempty"`
	ToolChoice  string         `json:"tool_choice,omitempty"`
	Tools       []toolJSON     `json:"tools,omitempty"`
	TopP        *float64       `json:"top_p,omitempty"`
	Use         []string       `json:"use,omitempty"`
}

type messageJSON struct {
	Images     []imageJSON `json:"images,omitempty"`
	Role       Role        `json:"role"`
	Text       string      `json:"text,omitempty"`
	Thinking   string      `json:"thinking,omitempty"`
	ToolCallID string      `json:"tool_call_id,omitempty"`
	ToolCalls  []ToolCall  `json:"tool_calls,omitempty"`
	ToolName   string      `json:"tool_name,omitempty"`
}

type imageJSON struct {
	Bytes  int    `json:"bytes,omitempty"`
	Data   []byte `json:"data,omitempty"` // base64
	MIME   string `json:"mime,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	URL    string `json:"url,omitempty"`
}

type schemaJSON struct {
	JSON   json.RawMessage `json:"json"`
	Name   string          `json:"name,omitempty"`
	Strict bool            `json:"strict,omitempty"`
}

type toolJSON struct {
	Description string          `json:"description,omitempty"`
	Name        string          `json:"name"`
	Parameters  json.RawMessage `json:"parameters,omitempty"`
}

// toolCallJSON has Arguments as a text, so that they come back byte for byte,
// whatever a model wrote.
type toolCallJSON struct {
	Arguments string          `json:"arguments,omitempty"`
	Extra     json.RawMessage `json:"extra,omitempty"`
	ID        string          `json:"id,omitempty"`
	Name      string          `json:"name,omitempty"`
}

// MarshalJSON writes all of r, image data in base64.
func (r Request) MarshalJSON() ([]byte, error) { return json.Marshal(r.form(true)) }

// CanonicalJSON is r as the keys of caches and recordings have it, and as logs
// keep it: each image is its size and digest, and NoStream is left out. It
// fails where an option is nothing that JSON can say.
func (r *Request) CanonicalJSON() ([]byte, error) {
	out := r.form(false)
	out.NoStream = false
	data, err := json.Marshal(out) // compacts the raw parts
	if err != nil {
		return nil, fmt.Errorf("the request cannot be written as JSON: %w", err)
	}
	return data, nil
}

func (r *Request) form(data bool) requestJSON {
	out := requestJSON{
		MaxTokens: r.MaxTokens, Messages: make([]messageJSON, len(r.Messages)), Model: r.Model, NoStream: r.NoStream,
		Options: r.Options, Privacy: r.Privacy, Seed: r.Seed, Stop: r.Stop, Temperature: r.Temperature, Think: r.Think,
		ToolChoice: r.ToolChoice, TopP: r.TopP, Use: r.Use,
	}
	if s := r.Schema; s != nil {
		out.Schema = &schemaJSON{JSON: s.JSON, Name: s.Name, Strict: s.Strict}
	}
	for _, t := range r.Tools {
		out.Tools = append(out.Tools, toolJSON{Description: t.Description, Name: t.Name, Parameters: t.Parameters})
	}
	for i := range r.Messages {
		out.Messages[i] = r.Messages[i].form(data)
	}
	return out
}

// UnmarshalJSON reads both forms. An image that was written as a digest comes
// back without Data and URL, which [Request.Validate] refuses.
func (r *Request) UnmarshalJSON(data []byte) error {
	var in requestJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*r = Request{
		Model: in.Model, Use: in.Use, Temperature: in.Temperature, TopP: in.TopP, Seed: in.Seed, MaxTokens: in.MaxTokens,
		Stop: in.Stop, ToolChoice: in.ToolChoice, Think: in.Think, Privacy: in.Privacy, Options: in.Options, NoStream: in.NoStream,
	}
	if s := in.Schema; s != nil {
		r.Schema = &Schema{Name: s.Name, JSON: s.JSON, Strict: s.Strict}
	}
	for _, t := range in.Tools {
		r.Tools = append(r.Tools, Tool{Name: t.Name, Description: t.Description, Parameters: t.Parameters})
	}
	for i := range in.Messages {
		r.Messages = append(r.Messages, in.Messages[i].message())
	}
	return nil
}

// MarshalJSON writes all of m, image data in base64.
func (m Message) MarshalJSON() ([]byte, error) { return json.Marshal(m.form(true)) }

// UnmarshalJSON reads what MarshalJSON writes.
func (m *Message) UnmarshalJSON(data []byte) error {
	var in messageJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*m = in.message()
	return nil
}

func (m *Message) form(data bool) messageJSON {
	out := messageJSON{
		Role: m.Role, Text: m.Text, Thinking: m.Thinking, ToolCallID: m.ToolCallID, ToolCalls: m.ToolCalls, ToolName: m.ToolName,
	}
	for _, im := range m.Images {
		i := imageJSON{MIME: im.MIME, URL: im.URL}
		switch {
		case data:
			i.Data = im.Data
		case len(im.Data) > 0:
			sum := sha256.Sum256(im.Data)
			i.Bytes, i.SHA256 = len(im.Data), hex.EncodeToString(sum[:])
		}
		out.Images = append(out.Images, i)
	}
	return out
}

func (m *messageJSON) message() Message {
	out := Message{
		Role: m.Role, Text: m.Text, Thinking: m.Thinking, ToolCallID: m.ToolCallID, ToolCalls: m.ToolCalls, ToolName: m.ToolName,
	}
	for _, i := range m.Images {
		out.Images = append(out.Images, Image{Data: i.Data, MIME: i.MIME, URL: i.URL})
	}
	return out
}

// MarshalJSON writes Arguments as a text.
func (c ToolCall) MarshalJSON() ([]byte, error) {
	return json.Marshal(toolCallJSON{Arguments: string(c.Arguments), Extra: c.Extra, ID: c.ID, Name: c.Name})
}

// UnmarshalJSON reads Arguments as a text, and as the JSON that older files
// have.
func (c *ToolCall) UnmarshalJSON(data []byte) error {
	var in struct {
		Arguments, Extra json.RawMessage
		ID, Name         string
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*c = ToolCall{ID: in.ID, Name: in.Name, Arguments: in.Arguments, Extra: in.Extra}
	if bytes.HasPrefix(in.Arguments, []byte{'"'}) {
		var text string
		if err := json.Unmarshal(in.Arguments, &text); err != nil {
			return err
		}
		c.Arguments = json.RawMessage(text)
	}
	return nil
}
