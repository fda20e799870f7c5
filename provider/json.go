package provider

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// The types of the contract have one JSON form, which logs, recordings, caches
// and every --json share. Names are in snake case, and in alphabetical order
// within a [Request] and what it holds, so that equal requests give equal
// bytes; what is unset is left out; fields are only ever added. The JSON text of
// a schema or of a tool's parameters keeps its own order of keys, which models
// go by. Whether < > & are escaped is the encoder's choice.

// requestJSON is the form of a Request.
type requestJSON struct {
	Completion  *Completion   `json:"completion,omitempty"`
	MaxTokens   *int          `json:"max_tokens,omitempty"`
	Messages    []messageJSON `json:"messages"`
	Model       string        `json:"model,omitempty"`
	NoStream    bool          `json:"no_stream,omitempty"`
	Options     Options       `json:"options,omitempty"`
	Privacy     Privacy       `json:"privacy,omitempty"`
	Schema      *Schema       `json:"schema,omitempty"`
	Seed        *int64        `json:"seed,omitempty"`
	Stop        []string      `json:"stop,omitempty"`
	Temperature *float64      `json:"temperature,omitempty"`
	Think       Thinking      `json:"think,omitempty"`
	ToolChoice  string        `json:"tool_choice,omitempty"`
	Tools       []Tool        `json:"tools,omitempty"`
	TopP        *float64      `json:"top_p,omitempty"`
	Use         []string      `json:"use,omitempty"`
}

type messageJSON struct {
	From       string     `json:"from,omitempty"`
	Images     []Image    `json:"images,omitempty"`
	Role       Role       `json:"role"`
	Text       string     `json:"text,omitempty"`
	Thinking   string     `json:"thinking,omitempty"`
	ToolCallID string     `json:"tool_call_id,omitempty"`
	ToolCalls  []ToolCall `json:"tool_calls,omitempty"`
	ToolName   string     `json:"tool_name,omitempty"`
}

// toolCallJSON has Arguments as a text, so that they come back byte for byte,
// whatever a model wrote.
type toolCallJSON struct {
	Arguments string          `json:"arguments,omitempty"`
	Extra     json.RawMessage `json:"extra,omitempty"`
	ID        string          `json:"id,omitempty"`
	Name      string          `json:"name,omitempty"`
}

// UnmarshalJSON reads a number as float64, unless that would write another whole
// number than it read: that stays a json.Number, with all its digits.
func (o *Options) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var in map[string]any
	if err := d.Decode(&in); err != nil {
		return err
	}
	for k := range in {
		in[k] = plainNumbers(in[k])
	}
	*o = in
	return nil
}

// plainNumbers is v with each json.Number as Options have it. Lists and mappings
// are changed in place.
func plainNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		f, err := v.Float64()
		if err != nil {
			return v
		}
		if written, _ := json.Marshal(f); string(written) != v.String() && !strings.ContainsAny(v.String(), ".eE") {
			return v
		}
		return f
	case []any:
		for i := range v {
			v[i] = plainNumbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plainNumbers(v[k])
		}
	}
	return v
}

// MarshalJSON writes all of r, image data in base64.
func (r Request) MarshalJSON() ([]byte, error) {
	return marshal(requestJSON{
		Completion: r.Completion, MaxTokens: r.MaxTokens, Messages: r.messages(), Model: r.Model, NoStream: r.NoStream, Options: r.Options, Privacy: r.Privacy,
		Schema: r.Schema, Seed: r.Seed, Stop: r.Stop, Temperature: r.Temperature, Think: r.Think, ToolChoice: r.ToolChoice,
		Tools: r.Tools, TopP: r.TopP, Use: r.Use,
	})
}

func (r *Request) messages() []messageJSON {
	out := make([]messageJSON, len(r.Messages))
	for i := range r.Messages {
		out[i] = r.Messages[i].form()
	}
	return out
}

// UnmarshalJSON reads what MarshalJSON and [Request.CanonicalJSON] write.
func (r *Request) UnmarshalJSON(data []byte) error {
	var in requestJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*r = Request{
		Model: in.Model, Use: in.Use, Temperature: in.Temperature, TopP: in.TopP, Seed: in.Seed, MaxTokens: in.MaxTokens,
		Stop: in.Stop, Schema: in.Schema, Tools: in.Tools, ToolChoice: in.ToolChoice, Think: in.Think, Privacy: in.Privacy,
		Options: in.Options, Completion: in.Completion, NoStream: in.NoStream,
	}
	for i := range in.Messages {
		r.Messages = append(r.Messages, in.Messages[i].message())
	}
	return nil
}

// CanonicalJSON is r as the keys of caches and recordings have it: without
// image data, without NoStream, which changes how an answer comes and not the
// answer, and without Message.From. < > & are not escaped. It fails if JSON cannot represent an option.
func (r *Request) CanonicalJSON() ([]byte, error) {
	c := r.WithoutImageData()
	c.NoStream = false
	for i := range c.Messages {
		if c.Messages[i].From != "" {
			c.Messages = slices.Clone(c.Messages)
			for j := range c.Messages {
				c.Messages[j].From = ""
			}
			break
		}
	}
	data, err := marshal(c) // compacts the raw parts
	if err != nil {
		return nil, fmt.Errorf("the request cannot be written as JSON: %w", err)
	}
	return data, nil
}

// WithoutImageData returns r as logs and recordings keep it: of each image the
// size and digest instead of the data. [Request.Validate] refuses such a
// request.
func (r *Request) WithoutImageData() Request {
	out, cloned := *r, false
	for i := range r.Messages {
		if !slices.ContainsFunc(r.Messages[i].Images, func(im Image) bool { return len(im.Data) > 0 }) {
			continue
		}
		if !cloned {
			out.Messages, cloned = slices.Clone(r.Messages), true
		}
		images := slices.Clone(r.Messages[i].Images)
		for j := range images {
			if im := &images[j]; len(im.Data) > 0 {
				sum := sha256.Sum256(im.Data)
				im.Bytes, im.SHA256, im.Data = len(im.Data), hex.EncodeToString(sum[:]), nil
			}
		}
		out.Messages[i].Images = images
	}
	return out
}

// MarshalJSON writes all of m, image data in base64.
func (m Message) MarshalJSON() ([]byte, error) { return marshal(m.form()) }

// UnmarshalJSON reads what MarshalJSON writes.
func (m *Message) UnmarshalJSON(data []byte) error {
	var in messageJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*m = in.message()
	return nil
}

func (m *Message) form() messageJSON {
	return messageJSON{
		From: m.From, Images: m.Images, Role: m.Role, Text: m.Text, Thinking: m.Thinking, ToolCallID: m.ToolCallID, ToolCalls: m.ToolCalls, ToolName: m.ToolName,
	}
}

func (m *messageJSON) message() Message {
	return Message{
		From: m.From, Role: m.Role, Text: m.Text, Thinking: m.Thinking, Images: m.Images, ToolCalls: m.ToolCalls, ToolCallID: m.ToolCallID, ToolName: m.ToolName,
	}
}

// MarshalJSON writes Arguments as a text.
func (c ToolCall) MarshalJSON() ([]byte, error) {
	return marshal(toolCallJSON{Arguments: string(c.Arguments), Extra: c.Extra, ID: c.ID, Name: c.Name})
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
	*c = ToolCall{ID: in.ID, Name: in.Name, Arguments: in.Arguments}
	if in.Extra != nil { // a file may be indented
		var extra bytes.Buffer
		if err := json.Compact(&extra, in.Extra); err != nil {
			return err
		}
		c.Extra = extra.Bytes()
	}
	if bytes.HasPrefix(in.Arguments, []byte{'"'}) {
		var text string
		if err := json.Unmarshal(in.Arguments, &text); err != nil {
			return err
		}
		c.Arguments = json.RawMessage(text)
	}
	return nil
}

// marshal leaves < > & to the encoder that asked.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), err
}
