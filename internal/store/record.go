package store

import (
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
	Row   int           `json:"row,omitempty"` // of a batch, from 1, as its answers number them; 0: there is none
	Began time.Time     `json:"began"`
	Took  time.Duration `json:"took_ns"`

	// Asked is what was asked, images as digests; nil where an older record has
	// none. Without Content it has the settings alone.
	Asked     *provider.Request   `json:"asked,omitempty"`
	Answer    string              `json:"answer,omitempty"`
	Thinking  string              `json:"thinking,omitempty"`
	ToolCalls []provider.ToolCall `json:"tool_calls,omitempty"`
	Finish    provider.Finish     `json:"finish,omitempty"`
	Usage     *provider.Usage     `json:"usage,omitempty"`
	Route     *provider.Route     `json:"route,omitempty"`
	Error     *Failure            `json:"error,omitempty"`
	Manifest  *Manifest           `json:"manifest,omitempty"`
	// Embedding says that the call was for vectors; Asked has its texts as messages.
	Embedding *Embedding `json:"embedding,omitempty"`
	// Content says that texts were kept: `log: full`.
	Content bool `json:"content"`
	// Unkept is why the texts of this call, which were to be kept, are not.
	Unkept string `json:"unkept,omitempty"`
}

// Failure is why there is no whole answer.
type Failure struct {
	Kind     string             `json:"kind"`              // a provider.Kind, interrupted, deadline or error
	Message  string             `json:"message,omitempty"` // empty with log: meta, for a server may quote the prompt
	Provider string             `json:"provider,omitempty"`
	Status   int                `json:"http_status,omitempty"`
	Attempts []provider.Attempt `json:"attempts,omitempty"`
}

// Manifest is on what an answer was made, as far as its engine tells.
type Manifest struct {
	Engine     string           `json:"engine"` // the provider's kind, such as ollama
	Version    string           `json:"engine_version,omitempty"`
	Model      string           `json:"model"`
	Digest     string           `json:"digest,omitempty"`
	Quant      string           `json:"quantization,omitempty"`
	NumCtx     int              `json:"num_ctx,omitempty"`    // the window that the model has loaded, tokens
	Size       int64            `json:"size_bytes,omitempty"` // of the loaded model
	SizeVRAM   int64            `json:"size_vram_bytes"`      // of Size, on the GPU
	GPU        string           `json:"gpu,omitempty"`        // of this machine; empty: none, or not known
	Options    provider.Options `json:"options,omitempty"`    // the engine's own, the configuration's and the request's
	Tandem     string           `json:"tandem,omitempty"`     // version
	File       string           `json:"file,omitempty"`       // the chain's
	SHA256     string           `json:"file_sha256,omitempty"`
	Incomplete bool             `json:"incomplete,omitempty"` // the engine did not tell all of it in time
}

// asked is req as it is kept; without content, its settings alone.
func asked(req *provider.Request, content bool) *provider.Request {
	a := req.WithoutImageData()
	a.Options = maps.Clone(req.Options)
	if !content {
		a.Messages, a.Stop, a.Schema, a.Tools, a.ToolChoice, a.Completion = nil, nil, nil, nil, "", nil
	}
	return &a
}

// Request is what was asked, to be asked again. It reports whether that is
// whole: image data is not kept, nor is anything without content, and a call for
// vectors is no request of that kind.
func (c *Call) Request() (req provider.Request, whole bool) {
	if c.Asked == nil || c.Embedding != nil {
		return req, false
	}
	req = *c.Asked
	whole = len(req.Messages) > 0
	for i := range req.Messages {
		lost := func(im provider.Image) bool { return im.URL == "" }
		if slices.ContainsFunc(req.Messages[i].Images, lost) {
			whole = false
		}
	}
	return req, whole
}

// promptText is the messages' text, for search and lists: system messages come last,
// since they are the same for many runs.
func promptText(req *provider.Request) string {
	var texts, system []string
	for _, m := range req.Messages {
		if m.Role == provider.RoleSystem {
			system = append(system, m.Text)
			continue
		}
		texts = append(texts, m.Text)
	}
	return strings.Join(append(texts, system...), "\n\n")
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

// encodable is req with nothing in it that cannot be written as JSON because a
// model or a file wrote it.
func encodable(req *provider.Request) *provider.Request {
	out := *req
	out.Messages = slices.Clone(req.Messages)
	for i := range out.Messages {
		m := &out.Messages[i]
		m.ToolCalls = encodableCalls(m.ToolCalls)
	}
	out.Tools = slices.Clone(req.Tools)
	for i := range out.Tools {
		out.Tools[i].Parameters = asJSON(out.Tools[i].Parameters)
	}
	if req.Schema != nil {
		schema := *req.Schema
		schema.JSON = asJSON(schema.JSON)
		out.Schema = &schema
	}
	return &out
}

// size is about how many bytes a call takes while it waits to be written.
func (c *Call) size() int {
	n := 1024 + len(c.Answer) + len(c.Thinking) + sizeOf(c.ToolCalls)
	if c.Asked == nil {
		return n
	}
	for i := range c.Asked.Messages {
		m := &c.Asked.Messages[i]
		n += len(m.Text) + len(m.Thinking) + sizeOf(m.ToolCalls)
	}
	if k := c.Asked.Completion; k != nil {
		n += len(k.Suffix) + len(k.Template)
	}
	for i := range c.Asked.Tools {
		n += len(c.Asked.Tools[i].Description) + len(c.Asked.Tools[i].Parameters)
	}
	if c.Asked.Schema != nil {
		n += len(c.Asked.Schema.JSON)
	}
	return n
}

func sizeOf(calls []provider.ToolCall) (n int) {
	for i := range calls {
		n += len(calls[i].Arguments) + len(calls[i].Extra)
	}
	return n
}
