package provider

import "context"

// Run says which run, and which step of it, a call belongs to. It travels in
// the context, and only those who write logs, traces and manifests read it.
type Run struct {
	ID    string // of the run: one command, one chain; empty: a call on its own
	Chain string // the chain's name or file
	Step  string // the step's name
	Index int    // of the step, from 0
}

type runKey struct{}

// WithRun returns a context that says what its calls belong to.
func WithRun(ctx context.Context, r Run) context.Context {
	return context.WithValue(ctx, runKey{}, r)
}

// RunOf returns what the context's calls belong to; the zero Run if nobody
// said.
func RunOf(ctx context.Context) Run {
	r, _ := ctx.Value(runKey{}).(Run)
	return r
}
