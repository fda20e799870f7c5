// Package canon writes a request down so that two requests that mean the same
// read the same: for the keys of recordings and caches, and for people who
// compare them.
package canon

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/tandem-llm/tandem/provider"
)

// Target is a provider that may answer, as far as its configuration shapes the
// answer.
type Target struct {
	Endpoint string         `json:"endpoint,omitempty"` // scheme://host[:port]; empty: it does not matter where
	Model    string         `json:"model,omitempty"`
	Name     string         `json:"name"`
	NumCtx   int            `json:"num_ctx,omitempty"` // tokens; -1: as many as fit
	Options  map[string]any `json:"options,omitempty"`
}

// Request is a provider.Request as JSON, its keys in order. Nothing that is
// unset is in it. A picture is its digest. What JSON text a schema or a tool
// holds keeps its own order of keys, which models go by.
type Request struct {
	MaxTokens   *int           `json:"max_tokens,omitempty"`
	Messages    []Message      `json:"messages"`
	Model       string         `json:"model,omitempty"`
	Options     map[string]any `json:"options,omitempty"`
	Privacy     string         `json:"privacy,omitempty"`
	Schema      *Schema        `json:"schema,omitempty"`
	Seed        *int64         `json:"seed,omitempty"`
	Stop        []string       `json:"stop,omitempty"`
	Targets     []Target       `json:"targets,omitempty"` // who may answer, in order
	Temperature *float64       `json:"temperature,omitempty"`
	Think       string         `json:"think,omitempty"`
	ToolChoice  string         `json:"tool_choice,omitempty"`
	Tools       []Tool         `json:"tools,omitempty"`
	TopP        *float64       `json:"top_p,omitempty"`
	Use         []string       `json:"use,omitempty"` // only where Targets are not known
}

// Message is a provider.Message.
type Message struct {
	Images     []Image `json:"images,omitempty"`
	Role       string  `json:"role"`
	Text       string  `json:"text,omitempty"`
	ToolCallID string  `json:"tool_call_id,omitempty"`
	ToolCalls  []Call  `json:"tool_calls,omitempty"`
	ToolName   string  `json:"tool_name,omitempty"`
}

// Image is a provider.Image without its bytes.
type Image struct {
	Bytes  int    `json:"bytes,omitempty"`
	MIME   string `json:"mime,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	URL    string `json:"url,omitempty"`
}

// Call is a provider.ToolCall. Arguments are a text, so that they come back
// byte for byte.
type Call struct {
	Arguments string `json:"arguments,omitempty"`
	ID        string `json:"id,omitempty"`
	Name      string `json:"name,omitempty"`
}

// Schema is a provider.Schema.
type Schema struct {
	JSON   json.RawMessage `json:"json"`
	Name   string          `json:"name,omitempty"`
	Strict bool            `json:"strict,omitempty"`
}

// Tool is a provider.Tool.
type Tool struct {
	Description string          `json:"description,omitempty"`
	Name        string          `json:"name"`
	Parameters  json.RawMessage `json:"parameters,omitempty"`
}

// Of writes req down, of which targets may answer; with nil, the names that the
// request itself gives stand for them. NoStream is left out: it changes how an
// answer comes, and not the answer.
func Of(req *provider.Request, targets []Target) Request {
	r := Request{
		MaxTokens: req.MaxTokens, Model: req.Model, Options: req.Options, Privacy: string(req.Privacy),
		Seed: req.Seed, Stop: req.Stop, Targets: targets, Temperature: req.Temperature, Think: string(req.Think),
		ToolChoice: req.ToolChoice, TopP: req.TopP,
	}
	if targets == nil {
		r.Use = req.Use
	}
	if s := req.Schema; s != nil {
		r.Schema = &Schema{JSON: s.JSON, Name: s.Name, Strict: s.Strict}
	}
	for _, t := range req.Tools {
		r.Tools = append(r.Tools, Tool{Description: t.Description, Name: t.Name, Parameters: t.Parameters})
	}
	r.Messages = make([]Message, len(req.Messages))
	for i := range req.Messages {
		r.Messages[i] = message(&req.Messages[i])
	}
	return r
}

func message(m *provider.Message) Message {
	out := Message{Role: string(m.Role), Text: m.Text, ToolCallID: m.ToolCallID, ToolName: m.ToolName, ToolCalls: Calls(m.ToolCalls)}
	for _, im := range m.Images {
		i := Image{Bytes: len(im.Data), MIME: im.MIME, URL: im.URL}
		if len(im.Data) > 0 {
			sum := sha256.Sum256(im.Data)
			i.SHA256 = hex.EncodeToString(sum[:])
		}
		out.Images = append(out.Images, i)
	}
	return out
}

// Calls writes tool calls down.
func Calls(calls []provider.ToolCall) []Call {
	var out []Call
	for _, c := range calls {
		out = append(out, Call{Arguments: string(c.Arguments), ID: c.ID, Name: c.Name})
	}
	return out
}

// Key is the digest of all that r says, 64 hexadecimal digits. It fails where
// an option is nothing that JSON can say.
func (r *Request) Key() (string, error) {
	data, err := json.Marshal(r) // compacts the raw parts
	if err != nil {
		return "", fmt.Errorf("the request cannot be written down: %w", err)
	}
	sum := sha256.Sum256(data)
	var digits [2 * sha256.Size]byte
	hex.Encode(digits[:], sum[:])
	return string(digits[:]), nil
}
