package store

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// Run is one command or chain, and its calls. It is what `tandem logs show
// --json` prints; fields are only ever added.
type Run struct {
	ID      string    `json:"id"`
	Began   time.Time `json:"began"`
	Command string    `json:"command,omitempty"` // ask, run, …
	Chain   string    `json:"chain,omitempty"`   // its name, or its file
	File    string    `json:"file,omitempty"`    // the chain's file, absolute
	SHA256  string    `json:"file_sha256,omitempty"`
	Tandem  string    `json:"tandem,omitempty"` // version
	Calls   []Call    `json:"calls"`
}

// Call is one call: what was asked, what came of it, and on what.
type Call struct {
	ID    int64         `json:"call"` // in the file
	RunID string        `json:"run"`
	Step  string        `json:"step,omitempty"`
	Index int           `json:"index"`
	Began time.Time     `json:"began"`
	Took  time.Duration `json:"took_ns"`

	Asked     *Asked              `json:"asked,omitempty"` // nil where an older record has none
	Answer    string              `json:"answer,omitempty"`
	Thinking  string              `json:"thinking,omitempty"`
	ToolCalls []provider.ToolCall `json:"tool_calls,omitempty"`
	Finish    provider.Finish     `json:"finish,omitempty"`
	Usage     *Usage              `json:"usage,omitempty"`
	Route     *provider.Route     `json:"route,omitempty"`
	Error     *Failure            `json:"error,omitempty"`
	Manifest  *Manifest           `json:"manifest,omitempty"`
	// Content says that texts were kept: `log: full`.
	Content bool `json:"content"`
	// Unkept is why the texts of this call, which were to be kept, are not.
	Unkept string `json:"unkept,omitempty"`
}

// Usage is provider.Usage with names for JSON.
type Usage struct {
	Input    int `json:"input_tokens"`
	Cached   int `json:"cached_tokens"`
	Output   int `json:"output_tokens"`
	Thinking int `json:"thinking_tokens"`
}

func usageOf(u *provider.Usage) *Usage {
	if u == nil {
		return nil
	}
	return &Usage{Input: u.InputTokens, Cached: u.CachedTokens, Output: u.OutputTokens, Thinking: u.ThinkingTokens}
}

// Failure is why there is no whole answer.
type Failure struct {
	Kind     string             `json:"kind"`              // a provider.Kind, interrupted, deadline or error
	Message  string             `json:"message,omitempty"` // empty with log: meta, for a server may quote the prompt
	Provider string             `json:"provider,omitempty"`
	Status   int                `json:"http_status,omitempty"`
	Attempts []provider.Attempt `json:"attempts,omitempty"`
}

// Asked is a request as it is kept. Pictures are not: their digests are.
type Asked struct {
	Model       string            `json:"model,omitempty"`
	Use         []string          `json:"use,omitempty"`
	Messages    []Message         `json:"messages,omitempty"`
	Temperature *float64          `json:"temperature,omitempty"`
	TopP        *float64          `json:"top_p,omitempty"`
	Seed        *int64            `json:"seed,omitempty"`
	MaxTokens   *int              `json:"max_tokens,omitempty"`
	Stop        []string          `json:"stop,omitempty"`
	Schema      *provider.Schema  `json:"schema,omitempty"`
	Tools       []provider.Tool   `json:"tools,omitempty"`
	ToolChoice  string            `json:"tool_choice,omitempty"`
	Think       provider.Thinking `json:"think,omitempty"`
	Privacy     provider.Privacy  `json:"privacy,omitempty"`
	Options     map[string]any    `json:"options,omitempty"`
	NoStream    bool              `json:"no_stream,omitempty"`
}

// Message is provider.Message as it is kept.
type Message struct {
	Role       provider.Role       `json:"role"`
	Text       string              `json:"text,omitempty"`
	Images     []Image             `json:"images,omitempty"`
	ToolCalls  []provider.ToolCall `json:"tool_calls,omitempty"`
	ToolCallID string              `json:"tool_call_id,omitempty"`
	ToolName   string              `json:"tool_name,omitempty"`
}

// Image says which picture was sent.
type Image struct {
	MIME   string `json:"mime,omitempty"`
	Bytes  int    `json:"bytes,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	URL    string `json:"url,omitempty"`
}

// Manifest is on what an answer was made, as far as its engine tells.
type Manifest struct {
	Engine     string         `json:"engine"` // the provider's kind, such as ollama
	Version    string         `json:"engine_version,omitempty"`
	Model      string         `json:"model"`
	Digest     string         `json:"digest,omitempty"`
	Quant      string         `json:"quantization,omitempty"`
	NumCtx     int            `json:"num_ctx,omitempty"`    // the window that the model has loaded, tokens
	Size       int64          `json:"size_bytes,omitempty"` // of the loaded model
	SizeVRAM   int64          `json:"size_vram_bytes"`      // of Size, on the GPU
	GPU        string         `json:"gpu,omitempty"`        // of this machine; empty: none, or not known
	Options    map[string]any `json:"options,omitempty"`    // the engine's own, the configuration's and the request's
	Tandem     string         `json:"tandem,omitempty"`     // version
	File       string         `json:"file,omitempty"`       // the chain's
	SHA256     string         `json:"file_sha256,omitempty"`
	Incomplete bool           `json:"incomplete,omitempty"` // the engine did not tell all of it in time
}

// asked is req as it is kept; without content, its settings alone.
func asked(req *provider.Request, content bool) *Asked {
	a := &Asked{
		Model: req.Model, Use: req.Use, Temperature: req.Temperature, TopP: req.TopP, Seed: req.Seed, MaxTokens: req.MaxTokens,
		Think: req.Think, Privacy: req.Privacy, Options: maps.Clone(req.Options), NoStream: req.NoStream,
	}
	if !content {
		return a
	}
	a.Stop, a.Schema, a.Tools, a.ToolChoice = req.Stop, req.Schema, req.Tools, req.ToolChoice
	for _, m := range req.Messages {
		kept := Message{Role: m.Role, Text: m.Text, ToolCalls: m.ToolCalls, ToolCallID: m.ToolCallID, ToolName: m.ToolName}
		for _, im := range m.Images {
			k := Image{MIME: im.MIME, Bytes: len(im.Data), URL: im.URL}
			if len(im.Data) > 0 {
				sum := sha256.Sum256(im.Data)
				k.SHA256 = hex.EncodeToString(sum[:])
			}
			kept.Images = append(kept.Images, k)
		}
		a.Messages = append(a.Messages, kept)
	}
	return a
}

// Request is what was asked, to be asked again. It reports whether that is
// whole: pictures are not kept, nor is anything without content.
func (a *Asked) Request() (req provider.Request, whole bool) {
	req = provider.Request{
		Model: a.Model, Use: a.Use, Temperature: a.Temperature, TopP: a.TopP, Seed: a.Seed, MaxTokens: a.MaxTokens,
		Stop: a.Stop, Schema: a.Schema, Tools: a.Tools, ToolChoice: a.ToolChoice, Think: a.Think, Privacy: a.Privacy,
		Options: a.Options, NoStream: a.NoStream,
	}
	whole = len(a.Messages) > 0
	for _, m := range a.Messages {
		msg := provider.Message{Role: m.Role, Text: m.Text, ToolCalls: withArguments(m.ToolCalls, asWritten), ToolCallID: m.ToolCallID, ToolName: m.ToolName}
		for _, im := range m.Images {
			if im.URL == "" {
				whole = false
				continue
			}
			msg.Images = append(msg.Images, provider.Image{URL: im.URL, MIME: im.MIME})
		}
		req.Messages = append(req.Messages, msg)
	}
	return req, whole
}

// prompt is the messages' text, for search.
func (a *Asked) prompt() string {
	var b strings.Builder
	for i, m := range a.Messages {
		if i > 0 {
			b.WriteString("\n\n")
		}
		b.WriteString(m.Text)
	}
	return b.String()
}

// wipe takes the texts of servers out of a record without content.
func (c *Call) wipe() {
	if c.Error != nil {
		c.Error.Message = ""
		c.Error.Attempts = wiped(c.Error.Attempts)
	}
	if c.Route != nil {
		rt := *c.Route
		rt.Reason, rt.Attempts = "", wiped(rt.Attempts)
		c.Route = &rt
	}
}

func wiped(attempts []provider.Attempt) []provider.Attempt {
	out := append([]provider.Attempt(nil), attempts...)
	for i := range out {
		out[i].Reason = ""
	}
	return out
}

// kept is a with nothing in it that cannot be written as JSON because a model
// or a file wrote it.
func (a *Asked) kept() *Asked {
	out := *a
	out.Messages = slices.Clone(a.Messages)
	for i := range out.Messages {
		m := &out.Messages[i]
		m.ToolCalls = keptCalls(m.ToolCalls)
	}
	out.Tools = slices.Clone(a.Tools)
	for i := range out.Tools {
		out.Tools[i].Parameters = asJSON(out.Tools[i].Parameters)
	}
	if a.Schema != nil {
		schema := *a.Schema
		schema.JSON = asJSON(schema.JSON)
		out.Schema = &schema
	}
	return &out
}

// size is about how many bytes of text a call has.
func (c *Call) size() int {
	n := len(c.Answer) + len(c.Thinking)
	if c.Asked != nil {
		for i := range c.Asked.Messages {
			n += len(c.Asked.Messages[i].Text)
		}
	}
	return n
}
