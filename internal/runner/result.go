package runner

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/chain/retrieve"
	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/router"
	"github.com/tandem-llm/tandem/provider/structured"
)

// Result is what a run or a call brought, on success and on failure, and the
// JSON of it that the command line prints with --json. docs/json.md documents
// it; fields are only ever added.
type Result struct {
	OK       bool             `json:"ok"`
	Answer   string           `json:"answer"`
	Value    any              `json:"value,omitempty"`
	Thinking string           `json:"thinking,omitempty"`
	Finish   provider.Finish  `json:"finish,omitempty"`
	Usage    *provider.Usage  `json:"usage,omitempty"`
	Route    *provider.Route  `json:"route,omitempty"`
	Answered []chain.Answered `json:"answered,omitempty"`
	Tools    []ToolCall       `json:"tools,omitempty"`
	Steps    []Step           `json:"steps,omitempty"`
	Error    *Error           `json:"error,omitempty"`
	Node     string           `json:"node,omitempty"` // that ran it; empty: this machine
	// StaysLocal says that a prompt of it had to stay on this machine, and so the answer
	// has to. A batch sets it.
	StaysLocal bool `json:"stays_local,omitempty"`

	Ended    bool `json:"-"` // the run came to its end, whether or not its answer is whole
	Stopped  int  `json:"-"` // the limit that its request set, where the answer was cut there and that is no error
	Streamed bool `json:"-"` // the answer came in chunks, marked as final
}

// Step is the end of a step, or an answer that does not count.
type Step struct {
	Name     string           `json:"name"`
	Answer   string           `json:"answer"`
	Value    any              `json:"value,omitempty"`
	Thinking string           `json:"thinking,omitempty"`
	Finish   provider.Finish  `json:"finish,omitempty"`
	Usage    *provider.Usage  `json:"usage,omitempty"`
	Route    *provider.Route  `json:"route,omitempty"`
	Answered []chain.Answered `json:"answered,omitempty"`
	Skipped  bool             `json:"skipped,omitempty"`
	Chosen   string           `json:"chosen,omitempty"`
	Took     time.Duration    `json:"took_ns,omitempty"`
	Passages []Passage        `json:"passages,omitempty"`
	Tools    []ToolCall       `json:"tools,omitempty"`
	Void     string           `json:"void,omitempty"` // why the answer does not count
}

// Error says why a result is not whole. The face that shows it puts Message and
// ExitCode into its own words.
type Error struct {
	Kind     string             `json:"kind"` // a provider.Kind, or usage, interrupted, error
	Message  string             `json:"message"`
	Provider string             `json:"provider,omitempty"`
	Model    string             `json:"model,omitempty"`
	Status   int                `json:"http_status,omitempty"`
	Request  string             `json:"request_id,omitempty"`
	Retry    float64            `json:"retry_after_s,omitempty"`
	ExitCode int                `json:"exit_code,omitempty"`
	Best     string             `json:"best_answer,omitempty"` // what came nearest to the schema
	Attempts []provider.Attempt `json:"attempts,omitempty"`
}

// ToolCall is a tool call of the model's, and what became of it.
type ToolCall struct {
	Name      string        `json:"name"` // SERVER/TOOL; what the model wrote, where there is none
	Arguments any           `json:"arguments"`
	Outcome   tool.Outcome  `json:"outcome"`
	Result    string        `json:"result"` // what the model was told
	Took      time.Duration `json:"took_ns,omitempty"`
}

// AppendCall adds a call that has ended.
func AppendCall(calls []ToolCall, e tool.Event) []ToolCall {
	if e.Outcome == tool.Running {
		return calls
	}
	c := ToolCall{Name: e.Name, Arguments: e.Arguments, Outcome: e.Outcome, Result: e.Text, Took: e.Took}
	if e.Tool != nil {
		c.Name = e.Tool.Title()
	}
	if !json.Valid(e.Arguments) {
		c.Arguments = string(e.Arguments)
	}
	return append(calls, c)
}

// NewError describes an error; nil for nil. Its message is the error's own.
func NewError(err error) *Error {
	if err == nil {
		return nil
	}
	e := &Error{Kind: "error", Message: err.Error()}
	switch {
	case errors.Is(err, context.Canceled):
		e.Kind = "interrupted"
	case errors.As(err, new(IncompleteError)), errors.Is(err, ErrEmpty):
		e.Kind = string(provider.Truncated)
	}
	if pe := new(provider.Error); errors.As(err, &pe) {
		e.Kind, e.Provider, e.Model = string(pe.Kind), pe.Provider, pe.Model
		e.Status, e.Request, e.Retry = pe.Status, pe.RequestID, pe.RetryAfter.Seconds()
	}
	if best := new(structured.Error); errors.As(err, &best) {
		e.Best = best.Text
	}
	if f := new(router.Failure); errors.As(err, &f) {
		e.Attempts = f.Attempts
		if len(f.Attempts) > 1 {
			e.Provider = ""
		}
	}
	return e
}

// NewResult is the result of one call that came to r and err.
func NewResult(r provider.Response, calls []ToolCall, err error) Result {
	return Result{OK: err == nil, Answer: r.Text, Thinking: r.Thinking, Finish: r.Finish, Usage: r.Usage, Route: r.Route, Tools: calls, Error: NewError(err)}
}

// Passage is one passage that was looked up.
type Passage struct {
	Source  string  `json:"source"`
	Line    int     `json:"line"`
	Offset  int     `json:"offset"` // bytes
	Score   float64 `json:"score"`
	Text    string  `json:"text"`
	Privacy string  `json:"privacy,omitempty"`
}

// Passages are those that were found, as JSON has them; never nil.
func Passages(found []retrieve.Passage) []Passage {
	out := make([]Passage, len(found))
	for i, p := range found {
		out[i] = Passage{p.Source, p.Line, p.Offset, p.Score, p.Text, string(p.Privacy)}
	}
	return out
}
