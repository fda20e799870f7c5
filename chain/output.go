package chain

import (
	"context"

	"github.com/tandem-llm/tandem/provider"
)

// Result is what a whole run brought.
type Result struct {
	Steps  []StepResult    // in order
	Text   string          // the last step's answer
	Finish provider.Finish // how it ended; [provider.FinishLength]: it was cut
}

// Output runs the chain and returns every step's answer. It asks the engines
// for whole answers rather than for tokens as they come. Errors are as for
// [Chain.Run]; the result then has the steps up to the one that failed, with
// what came of it, and no Text.
func (c *Chain) Output(ctx context.Context, p provider.Provider, vars map[string]any, opts ...Option) (Result, error) {
	r, err := c.begin(p, vars, opts)
	if err != nil {
		return Result{}, err
	}
	r.defaults.NoStream = true
	result := Result{Steps: make([]StepResult, 0, len(c.steps))}
	for i := range c.steps {
		step, err := r.step(ctx, i, nil)
		result.Steps = append(result.Steps, step)
		if err != nil {
			return result, err
		}
	}
	last := result.Steps[len(result.Steps)-1]
	result.Text, result.Finish = last.Text, last.Finish
	return result, nil
}

// Predict asks one prompt, taken as it is, without variables, and returns the
// answer. An answer that was cut at a token limit is a [provider.Truncated]
// error, and comes with it.
func Predict(ctx context.Context, p provider.Provider, prompt string, opts ...Option) (string, error) {
	var req provider.Request
	for _, opt := range opts {
		opt(&req)
	}
	req.NoStream = true
	req.Messages = []provider.Message{provider.User(prompt)}
	answer, err := provider.Collect(p.Chat(ctx, req))
	if err == nil && answer.Finish == provider.FinishLength {
		err = cut(&answer, "is not whole")
	}
	return answer.Text, err
}
