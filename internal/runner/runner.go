// Package runner runs a chain as a service: it knows no command line, prints
// nothing, and never asks at a terminal. The command line is one face of it. A
// face needs these lines:
//
//	s, err := stack.Open(cfg, stack.Options{StateDir: dir}) // once
//	…
//	defer s.Close()
//	c, err := chain.Load(file) // once for each file
//	…
//	result, err := runner.Run(ctx, runner.Job{
//		Chain: c, Provider: s, Vars: vars, // for each request
//		Passages: func(ctx context.Context, l chain.Lookup) ([]retrieve.Passage, *provider.Route, error) {
//			return s.Collections.Find(ctx, l.Collection, l.Query, l.K, retrieve.Search{MMR: l.MMR, Privacy: l.Privacy})
//		},
//		Embedder: s.Collections.Embedder(),
//	}, func(e chain.Event) error { return send(e) })
//	if err != nil {
//		result.Error.Message = explain(err) // in the face's words
//	}
//	json.NewEncoder(w).Encode(result)
//
// Any number of runs may share a stack and a chain. Package batch runs a chain once
// for each row of a table.
package runner

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/provider"
)

// Job is one run of a chain, and what the run needs. Nothing in it is changed, so
// jobs may share all of it but Vars.
type Job struct {
	Chain    *chain.Chain
	Provider provider.Provider // answers the steps
	Vars     map[string]any    // the chain's inputs
	Defaults provider.Request  // what the steps leave unset; without messages
	// Tools are those that the steps name. Their Confirm and Observe are called
	// from the goroutines of the runs.
	Tools    tool.Options
	Passages chain.Finder      // looks passages up; nil: no step may
	Embedder provider.Embedder // embeds texts for prompts; nil: Provider, if it can
	// Strict: an answer that was cut at the limit that its request set is an error,
	// as one that another limit cut always is.
	Strict bool
}

// Run runs the chain once. Observe, if not nil, is told what happens as it
// happens; an error of its own ends the run and is returned.
//
// The result is whole or says what came before the error, so it is worth showing
// either way. The error is that of [chain.Chain.Run], or of [Complete] for an
// answer that came to its end and is not whole.
func Run(ctx context.Context, job Job, observe func(chain.Event) error) (Result, error) {
	o := &outcome{names: job.Chain.Steps()}
	err := o.collect(job.Chain.Run(ctx, job.Provider, job.Vars,
		chain.Defaults(job.Defaults), chain.WithTools(job.Tools), chain.WithPassages(job.Passages),
		chain.WithEmbedder(job.Embedder)), observe)
	stopped := 0
	if err == nil {
		stopped, err = Accept(o.complete(), job.Strict)
	}
	r := o.result(err)
	r.Stopped = stopped
	return r, err
}

// IncompleteError is an answer that ended at a token limit.
type IncompleteError struct {
	Tokens   int    // that it has; 0: not known
	Limit    int    // the limit, where the request set it; 0: it was another one
	Provider string // that gave it; empty: not known
}

// Error says where it was cut.
func (e IncompleteError) Error() string {
	if e.Tokens > 0 {
		return fmt.Sprintf("the answer was cut at %d tokens", e.Tokens)
	}
	return "the answer was cut at its token limit"
}

// ErrEmpty is an answer without any text or tool call.
var ErrEmpty = errors.New("the model ended without writing anything")

// Accept takes the error of [Complete] for none, if the answer was cut at the limit
// that its request set, and returns the limit. Such an answer is what was asked for,
// and still not a whole one. Strict: it stays an error.
func Accept(err error, strict bool) (limit int, _ error) {
	var cut IncompleteError
	if strict || !errors.As(err, &cut) || cut.Limit == 0 {
		return 0, err
	}
	return cut.Limit, nil
}

// Complete checks how an answer ended: [IncompleteError] at a limit, [ErrEmpty]
// for none.
func Complete(r provider.Response) error {
	switch {
	case r.Finish == provider.FinishLength:
		var cut IncompleteError
		if r.Usage != nil {
			cut.Tokens = r.Usage.OutputTokens
		}
		if r.Route != nil {
			cut.Provider = r.Route.Provider
		}
		if r.Route != nil && strings.TrimSpace(r.Text) != "" {
			cut.Limit = r.Route.MaxTokens
		}
		return cut
	case strings.TrimSpace(r.Text) == "" && len(r.ToolCalls) == 0:
		return ErrEmpty
	}
	return nil
}
