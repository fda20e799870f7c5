package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/router"
)

// envelope is what --json prints: one object on one line of standard output,
// on success and on failure. docs/json.md documents it; fields are only ever
// added.
type envelope struct {
	OK       bool             `json:"ok"`
	Answer   string           `json:"answer"`
	Value    any              `json:"value,omitempty"`
	Thinking string           `json:"thinking,omitempty"`
	Finish   provider.Finish  `json:"finish,omitempty"`
	Usage    *provider.Usage  `json:"usage,omitempty"`
	Route    *provider.Route  `json:"route,omitempty"`
	Answered []chain.Answered `json:"answered,omitempty"`
	Tools    []toolCallJSON   `json:"tools,omitempty"`
	Steps    []stepJSON       `json:"steps,omitempty"`
	Error    *errorJSON       `json:"error,omitempty"`
}

type stepJSON struct {
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
	Passages []passageJSON    `json:"passages,omitempty"`
	Tools    []toolCallJSON   `json:"tools,omitempty"`
	Void     string           `json:"void,omitempty"` // why the answer does not count
}

type errorJSON struct {
	Kind     string             `json:"kind"` // a provider.Kind, or usage, interrupted, error
	Message  string             `json:"message"`
	Provider string             `json:"provider,omitempty"`
	Model    string             `json:"model,omitempty"`
	Status   int                `json:"http_status,omitempty"`
	Request  string             `json:"request_id,omitempty"`
	Retry    float64            `json:"retry_after_s,omitempty"`
	ExitCode int                `json:"exit_code"`
	Best     string             `json:"best_answer,omitempty"` // what came nearest to the schema
	Attempts []provider.Attempt `json:"attempts,omitempty"`
}

// toolCallJSON is a tool call of the model's, and what became of it.
type toolCallJSON struct {
	Name      string        `json:"name"` // SERVER/TOOL; what the model wrote, where there is none
	Arguments any           `json:"arguments"`
	Outcome   tool.Outcome  `json:"outcome"`
	Result    string        `json:"result"` // what the model was told
	Took      time.Duration `json:"took_ns,omitempty"`
}

// appendCall adds a call of which the end is known.
func appendCall(calls []toolCallJSON, e tool.Event) []toolCallJSON {
	if e.Outcome == tool.Running {
		return calls
	}
	c := toolCallJSON{Name: e.Name, Arguments: e.Arguments, Outcome: e.Outcome, Result: e.Text, Took: e.Took}
	if e.Tool != nil {
		c.Name = e.Tool.Title()
	}
	if !json.Valid(e.Arguments) {
		c.Arguments = string(e.Arguments)
	}
	return append(calls, c)
}

// errorOf describes err for the envelope, without secrets.
func (a *app) errorOf(err error) *errorJSON {
	e := &errorJSON{Kind: "error", Message: a.term.Secrets.Text(explain(err)), ExitCode: exitCode(err), Best: bestAnswer(err)}
	switch {
	case e.ExitCode == exitUsage:
		e.Kind = "usage"
	case errors.Is(err, context.Canceled):
		e.Kind = "interrupted"
	}
	var pe *provider.Error
	if errors.As(err, &pe) {
		e.Kind, e.Provider, e.Model = string(pe.Kind), pe.Provider, pe.Model
		e.Status, e.Request, e.Retry = pe.Status, pe.RequestID, pe.RetryAfter.Seconds()
	}
	var f *router.Failure
	if errors.As(err, &f) {
		e.Attempts = f.Attempts
		if len(f.Attempts) > 1 {
			e.Provider = ""
		}
	}
	return e
}

// printJSON prints what a command brought, and marks err, which v tells, as
// shown. what is v, for the error of a write.
func (a *app) printJSON(what string, v any, err error) error {
	if werr := terminal.WriteJSON(a.term.Out, v); werr != nil {
		return fmt.Errorf("writing %s: %w", what, werr)
	}
	return reported(err)
}
