package chain

import (
	"context"
	"errors"
	"iter"
	"maps"
	"time"

	"github.com/tandem-llm/tandem/chain/template"
	"github.com/tandem-llm/tandem/provider"
)

// Option changes one run of a chain.
type Option func(*provider.Request)

// Defaults gives what the steps leave unset: model, providers, temperature,
// and whatever else r sets. A step's own settings go before r's; privacy can
// only be tightened. r has no messages.
func Defaults(r provider.Request) Option {
	return func(d *provider.Request) {
		r.Privacy = stricter(r.Privacy, d.Privacy)
		*d = r
	}
}

// EventType says what an [Event] tells.
type EventType int

// The events of a run: for each step one StepStart, its chunks, one StepEnd.
const (
	StepStart EventType = iota + 1 // Messages is set
	StepChunk                      // Chunk is set
	StepEnd                        // Result is set
)

// Event is one thing that happened in a run.
type Event struct {
	Type     EventType
	Index    int                // of the step, from 0
	Step     string             // its name
	Messages []provider.Message // what is asked, the templates filled in
	Chunk    provider.Chunk     // a piece of the answer
	Result   *StepResult        // the whole answer
}

// StepResult is a step's whole answer.
type StepResult struct {
	Name     string
	Text     string
	Thinking string
	Finish   provider.Finish
	Usage    *provider.Usage // nil when the server did not tell
	Route    *provider.Route
	Took     time.Duration // from the request to the end of the answer
}

// Run asks p the steps in order, with vars as the chain's inputs, and streams
// what happens. Ranging over the result makes the calls, anew each time;
// breaking out of the loop cancels the call under way.
//
// An error is final. Inputs that are missing or that no step uses are
// *[InputError]s, before any call. A step that fails is a *[StepError] around
// the provider's error; the events before it stay valid. A step other than the
// last fails with [provider.Truncated], too, when its answer was cut at a token
// limit or is empty, whether or not a later step uses it. A last answer that
// was cut is no error: its Finish says so. The caller's own context error goes
// back unchanged.
func (c *Chain) Run(ctx context.Context, p provider.Provider, vars map[string]any, opts ...Option) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		r, err := c.begin(p, vars, opts)
		if err != nil {
			yield(Event{}, err)
			return
		}
		for i := range c.steps {
			result, err := r.step(ctx, i, func(e Event) bool { return yield(e, nil) })
			switch {
			case errors.Is(err, errLeft):
				return
			case err != nil:
				yield(Event{}, err)
				return
			}
			if !yield(Event{Type: StepEnd, Index: i, Step: result.Name, Result: &result}, nil) {
				return
			}
		}
	}
}

// run is one run of a chain.
type run struct {
	chain    *Chain
	provider provider.Provider
	defaults provider.Request
	vars     map[string]any // what the next step can use
}

func (c *Chain) begin(p provider.Provider, vars map[string]any, opts []Option) (*run, error) {
	if err := c.checkInputs(vars); err != nil {
		return nil, err
	}
	r := &run{chain: c, provider: p, vars: maps.Clone(vars)}
	for _, opt := range opts {
		opt(&r.defaults)
	}
	if len(r.defaults.Messages) > 0 {
		return nil, provider.Errorf(provider.Invalid, "", "", "a chain's defaults cannot have messages; put them into a step")
	}
	if r.vars == nil {
		r.vars = make(map[string]any, len(c.steps))
	}
	return r, nil
}

// errLeft says that the consumer broke out of the loop.
var errLeft = errors.New("left")

// step asks step i. It shows how the step starts, and its chunks, unless show
// is nil. With an error comes what there is of the answer; the error is
// errLeft, nothing more, when show returns false.
func (r *run) step(ctx context.Context, i int, show func(Event) bool) (StepResult, error) {
	s := &r.chain.steps[i]
	result := StepResult{Name: s.name}
	req, err := s.request(ctx, r.defaults, template.Map(r.vars))
	if err != nil {
		return result, stepError(i, s.name, err)
	}
	if show != nil && !show(Event{Type: StepStart, Index: i, Step: s.name, Messages: req.Messages}) {
		return result, errLeft
	}
	start, left := time.Now(), false
	of := provider.RunOf(ctx)
	of.Step, of.Index = s.name, i
	stream := r.provider.Chat(provider.WithRun(ctx, of), req)
	if show != nil {
		stream = tee(stream, func(c provider.Chunk) bool {
			left = !show(Event{Type: StepChunk, Index: i, Step: s.name, Chunk: c})
			return !left
		})
	}
	answer, err := provider.Collect(stream)
	if left {
		return result, errLeft
	}
	result.Text, result.Thinking, result.Finish = answer.Text, answer.Thinking, answer.Finish
	result.Usage, result.Route, result.Took = answer.Usage, answer.Route, time.Since(start)
	if err == nil {
		err = r.pass(i, &answer)
	}
	return result, stepError(i, s.name, err)
}

// tee is stream with each chunk shown first; it ends when show returns false.
func tee(stream iter.Seq2[provider.Chunk, error], show func(provider.Chunk) bool) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		for c, err := range stream {
			if err == nil && !show(c) || !yield(c, err) {
				return
			}
		}
	}
}

// pass makes step i's answer a variable of the steps after it.
func (r *run) pass(i int, answer *provider.Response) error {
	next := i + 1
	if next == len(r.chain.steps) {
		return nil
	}
	if answer.Finish == provider.FinishLength {
		return cut(answer, "the next step would go on with a part of it")
	}
	if blank(answer.Text) {
		return truncated(answer, errors.New("the model ended without writing anything for the next step to use; ask again, or ask another model"))
	}
	if r.chain.pipe {
		r.vars = map[string]any{r.chain.steps[next].vars[0]: answer.Text}
	} else {
		r.vars[r.chain.steps[i].name] = answer.Text
	}
	return nil
}
