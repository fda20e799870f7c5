package chain

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/tandem-llm/tandem/chain/retrieve"
	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/provider"
)

// EventType says what an [Event] tells.
type EventType int

// The events of a run. A step that asks a model has a StepStart, its chunks, and
// a StepEnd; any other step has its StepEnd after the events of the steps in
// it. A step that failed has no end; the error comes instead.
const (
	StepStart    EventType = iota + 1 // a model is asked: Messages is set
	StepChunk                         // Chunk is set
	StepEnd                           // Result is set
	StepSkipped                       // the step's When is false
	StepRetry                         // Err says why the answer is void; the step is asked again
	StepFallback                      // Err says why the step failed; its fallback runs
	StepTool                          // Tool says what became of a tool call
)

// Event is one thing that happened in a run.
type Event struct {
	Type       EventType
	Index      int                // of the outermost step, from 0
	Step       string             // the step's name; within others, outer.inner and name[3]
	Messages   []provider.Message // what is asked, the templates filled in
	Chunk      provider.Chunk     // a piece of the answer
	Final      bool               // the chunk belongs to the chain's answer
	Concurrent bool               // other steps may run at the same time
	Total      int                // at the end of a step named name[3]: how many there are at most
	Result     *StepResult        // the whole answer
	Tool       *tool.Event        // of StepTool
	Err        error              // of StepRetry and StepFallback
}

// StepResult is a step's whole answer.
type StepResult struct {
	Name     string             `json:"name"`
	Text     string             `json:"answer"`          // the answer; of a value that is not text, its JSON
	Value    any                `json:"value,omitempty"` // what Parse, Schema or Transform made of it; else Text
	Thinking string             `json:"thinking,omitempty"`
	Finish   provider.Finish    `json:"finish,omitempty"`
	Usage    *provider.Usage    `json:"usage,omitempty"`    // of all calls; nil if a server did not report it
	Route    *provider.Route    `json:"route,omitempty"`    // of the one call; nil when there were none or several
	Answered []Answered         `json:"answered,omitempty"` // who answered the calls of a step that made several
	Took     time.Duration      `json:"took_ns,omitempty"`  // from the start to the end of the step
	Skipped  bool               `json:"skipped,omitempty"`  // When was false
	Chosen   string             `json:"chosen,omitempty"`   // the branch that a route took
	Passages []retrieve.Passage `json:"passages,omitempty"` // that a Retrieve found
}

// Answered is who answered how many calls.
type Answered struct {
	Provider string `json:"provider"`
	Host     string `json:"host,omitempty"` // which of its hosts; empty: it has one
	Model    string `json:"model"`
	Endpoint string `json:"endpoint"` // where the prompts went
	Local    bool   `json:"local"`
	Gateway  string `json:"gateway,omitempty"`
	Calls    int    `json:"calls"`
}

// Run runs the steps in order on p, with vars as the chain's inputs, and
// streams what happens. Ranging over the result makes the calls, anew each
// time; breaking out of the loop cancels the calls under way.
//
// An error is final. Inputs that are missing or that no step uses are
// *[InputError]s, before any call. A step that fails is a *[StepError] around
// the provider's error; the events before it stay valid. A step other than the
// last fails with [provider.Truncated], too, when its answer was cut at a token
// limit or is empty, whether or not a later step uses it. A last answer that
// was cut is not an error: its Finish says so. The caller's own context error goes
// back unchanged.
func (c *Chain) Run(ctx context.Context, p provider.Provider, vars map[string]any, opts ...Option) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		x, v, err := c.begin(p, vars, opts)
		if err != nil {
			yield(Event{}, err)
			return
		}
		left := false
		x.emit = func(e Event) bool {
			left = left || !yield(e, nil)
			return !left
		}
		_, err = x.runSteps(ctx, c.steps, v, stepPath{}, c.pipe)
		if err != nil && !errors.Is(err, errLeft) {
			yield(Event{}, err)
		}
	}
}

// exec is a run of a chain, or of the steps in one of its steps.
type exec struct {
	provider provider.Provider
	defaults *provider.Request // what steps leave unset; never changed
	shared   *shared
	stays    *stays           // why the rest of it is to stay on this machine
	emit     func(Event) bool // nil: no one watches
	tally    *tally           // of the step that this is in; nil: the chain itself
	results  *[]StepResult    // of the steps that ended; nil: they are not kept
	retries  int              // of the steps that ask, where they set none
	quiet    bool             // no answer in here is the chain's
}

// stepPath is which step of a run this is.
type stepPath struct {
	index int    // of the outermost step
	path  string // the step's name, after those of the steps around it
	inner bool   // there is a step around it
	of    int    // it is one of so many times; 0: it is no such thing
}

// in is the site of a step in this one.
func (s stepPath) in(name string) stepPath {
	return stepPath{index: s.index, path: s.path + "." + name, inner: true}
}

// context says which step the calls made with it belong to.
func (s stepPath) context(ctx context.Context) context.Context {
	of := provider.RunOf(ctx)
	of.Step, of.Index = s.path, s.index
	return provider.WithRun(ctx, of)
}

func (c *Chain) begin(p provider.Provider, vars map[string]any, opts []Option) (*exec, *variables, error) {
	vars, err := c.checkInputs(vars)
	if err != nil {
		return nil, nil, err
	}
	r := &struct { // one allocation
		exec
		variables
		shared
		stays
	}{exec: exec{provider: p}, variables: variables{base: vars}}
	x := &r.exec
	x.shared, x.stays = &r.shared, &r.stays
	for _, opt := range opts {
		opt(&x.shared.options)
	}
	x.defaults = &x.shared.defaults
	if err := x.shared.checkDefaults(); err != nil {
		return nil, nil, err
	}
	return x, &r.variables, c.lacks(&x.shared.options)
}

// errLeft says that the consumer broke out of the loop.
var errLeft = errors.New("left")

// show tells what happened; false when the caller has stopped reading.
func (x *exec) show(e Event) bool { return x.emit == nil || x.emit(e) }

// runSteps runs steps one after the other, and returns the last one's result.
func (x *exec) runSteps(ctx context.Context, steps []step, v *variables, at stepPath, pipe bool) (StepResult, error) {
	var result StepResult
	var err error
	for i := range steps {
		s := &steps[i]
		here := stepPath{index: i, path: s.name}
		if at.inner || x.tally != nil {
			here = at.in(s.name)
		}
		if pipe && i > 0 {
			before := result.Value
			v = &variables{}
			v.set(s.pipeVar, before)
		}
		if result, err = x.step(ctx, s, v, here); err != nil {
			return result, err
		}
		if !pipe && i < len(steps)-1 {
			v.set(s.name, result.Value)
			if p, ok := s.body.(*parallel); ok {
				p.spread(v, result.Value)
			}
		}
	}
	return result, nil
}
