package chain

import (
	"context"
	"iter"
	"slices"

	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/structured"
)

// Result is the outcome of a run.
type Result struct {
	Steps  []StepResult    // in order of their ends: see [Chain.Output]
	Text   string          // the last step's answer
	Value  any             // and its value
	Finish provider.Finish // how it ended; [provider.FinishLength]: it was cut
}

// Step returns the result of a step by its name; of one in another by its path,
// such as "both.pro".
func (r *Result) Step(name string) (StepResult, bool) {
	i := slices.IndexFunc(r.Steps, func(s StepResult) bool { return s.Name == name })
	if i < 0 {
		return StepResult{}, false
	}
	return r.Steps[i], true
}

// Output runs the chain and returns every step's answer. Inner steps, such as
// branches, come before the step around them, in order. That step has their
// total usage and calls; results of single elements and rounds are dropped.
// Output asks the engines for whole answers rather than for tokens as they
// come. Errors are as for [Chain.Run]; the result then has the steps up to the
// one that failed, with the part of its answer that came, and no Text.
func (c *Chain) Output(ctx context.Context, p provider.Provider, vars map[string]any, opts ...Option) (Result, error) {
	x, v, err := c.begin(p, vars, opts)
	if err != nil {
		return Result{}, err
	}
	x.shared.defaults.NoStream = true
	steps := make([]StepResult, 0, len(c.steps))
	x.results = &steps
	last, err := x.runSteps(ctx, c.steps, v, stepPath{}, c.pipe)
	result := Result{Steps: steps}
	if err != nil {
		return result, err
	}
	result.Text, result.Value, result.Finish = last.Text, last.Value, last.Finish
	return result, nil
}

// Stream runs the chain and yields the text of its answer as it comes: what the
// yielded texts make together is the Text of [Chain.Output]. An answer that is
// no text by itself, or that may still be replaced because its step has tools,
// comes whole. Errors are as for [Chain.Run], and final; an answer that was cut
// at a token limit ends with a [provider.Truncated] error. Breaking out of the
// loop cancels the calls. [Chain.Run] reports more.
func (c *Chain) Stream(ctx context.Context, p provider.Provider, vars map[string]any, opts ...Option) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		whole := len(c.needs.tools) > 0
		streamed := false
		var last *StepResult
		for e, err := range c.Run(ctx, p, vars, opts...) {
			switch {
			case err != nil:
				yield("", err)
				return
			case e.Result != nil && e.Index == len(c.steps)-1:
				last = e.Result // the outermost step ends last
			case e.Type != StepChunk || !e.Final || whole:
			case e.Chunk.Restart && streamed:
				yield("", &StepError{Step: e.Step, Index: e.Index, Err: provider.Errorf(provider.Truncated, "", "", "the answer started over after a part of it was passed on; use Run, whose events report it")})
				return
			case e.Chunk.Text != "":
				streamed = true
				if !yield(e.Chunk.Text, nil) {
					return
				}
			}
		}
		if last == nil {
			return
		}
		if !streamed && last.Text != "" && !yield(last.Text, nil) {
			return
		}
		if last.Finish == provider.FinishLength {
			yield("", stepError(stepPath{path: last.Name, index: len(c.steps) - 1}, cut(&provider.Response{Usage: last.Usage, Route: last.Route}, "is not whole")))
		}
	}
}

// Predict asks one prompt, without variables, and returns the answer. An answer
// that was cut at a token limit is a [provider.Truncated] error, and comes with
// it. Only the options [Defaults] and [WithTools] are allowed, and the model
// may call all the tools; any other is a [provider.Invalid] error.
func Predict(ctx context.Context, p provider.Provider, prompt string, opts ...Option) (string, error) {
	return predict(ctx, p, prompt, nil, opts)
}

func predict(ctx context.Context, p provider.Provider, prompt string, schema *provider.Schema, opts []Option) (string, error) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	if err := o.checkPredict(); err != nil {
		return "", err
	}
	if len(o.tools.Tools) > 0 {
		p = tool.Loop(p, o.tools)
	}
	if schema != nil {
		p = structured.New(p, structured.Config{})
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
