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

// runContext is a context that holds a Run: one allocation, where
// context.WithValue takes two.
type runContext struct {
	context.Context
	run Run
}

func (c *runContext) Value(key any) any {
	if key == (runKey{}) {
		return &c.run
	}
	return c.Context.Value(key)
}

// WithRun returns a context that says what its calls belong to.
func WithRun(ctx context.Context, r Run) context.Context {
	return &runContext{ctx, r}
}

// RunOf returns what the context's calls belong to; the zero Run if it was not
// set.
func RunOf(ctx context.Context) Run {
	if r, ok := ctx.Value(runKey{}).(*Run); ok {
		return *r
	}
	return Run{}
}
