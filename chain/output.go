package chain

import (
	"context"

	"github.com/tandem-llm/tandem/provider"
)

// Result is what a whole run brought.
type Result struct {
	Steps  []StepResult    // in order
	Text   string          // the last step's answer
	Value  any             // and its value
	Finish provider.Finish // how it ended; [provider.FinishLength]: it was cut
}

// Output runs the chain and returns every step's answer; of steps that lie in
// another, what they were together. It asks the engines for whole answers
// rather than for tokens as they come. Errors are as for [Chain.Run]; the
// result then has the steps up to the one that failed, with what came of it,
// and no Text.
func (c *Chain) Output(ctx context.Context, p provider.Provider, vars map[string]any, opts ...Option) (Result, error) {
	x, v, err := c.begin(p, vars, opts)
	if err != nil {
		return Result{}, err
	}
	x.shared.defaults.NoStream = true
	x.keep, x.steps = true, make([]StepResult, 0, len(c.steps))
	last, err := x.list(ctx, c.steps, v, site{}, c.pipe)
	result := Result{Steps: x.steps}
	if err != nil {
		return result, err
	}
	result.Text, result.Value, result.Finish = last.Text, last.Value, last.Finish
	return result, nil
}

// Predict asks one prompt, taken as it is, without variables, and returns the
// answer. An answer that was cut at a token limit is a [provider.Truncated]
// error, and comes with it.
func Predict(ctx context.Context, p provider.Provider, prompt string, opts ...Option) (string, error) {
	return predict(ctx, p, prompt, nil, opts)
}

func predict(ctx context.Context, p provider.Provider, prompt string, schema *provider.Schema, opts []Option) (string, error) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	req := o.defaults
	req.NoStream = true
	req.Schema = schema
	req.Messages = []provider.Message{provider.User(prompt)}
	answer, err := provider.Collect(p.Chat(ctx, req))
	if err == nil && answer.Finish == provider.FinishLength {
		err = cut(&answer, "is not whole")
	}
	return answer.Text, err
}
