package tool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/tandem-llm/tandem/internal/schema"
	"github.com/tandem-llm/tandem/provider"
)

// Options say which tools there are, and what may be run. The zero Options run
// nothing.
type Options struct {
	// Tools are all that a model may call, and all that it is told about.
	Tools []Tool
	// Limit is the most rounds of tool calls in one answer; 0: 8.
	Limit int
	// Confirm is asked before every call whether to run it; no is told to the
	// model. An error ends the answer. Nil: nothing is run. A program that
	// needs no asking says [Always].
	Confirm func(context.Context, Call) (bool, error)
	// Observe, if not nil, is told what becomes of every call.
	Observe func(Event)
	// LocalOnly is PrivacyLocal for every request.
	LocalOnly bool
}

// Always runs every call of the tools that there are.
func Always(context.Context, Call) (bool, error) { return true, nil }

// Call is one call that a model wants.
type Call struct {
	ID        string // as the engine knows it
	Tool      Tool
	Arguments json.RawMessage // a JSON object that fits Tool.Parameters
	Round     int             // from 1
}

// Event is what became of a call.
type Event struct {
	Round     int             // from 1
	Name      string          // as the model wrote it: a stranger's text
	Tool      *Tool           // nil: there is none of that name
	Arguments json.RawMessage // as the model wrote them, or {}
	Outcome   Outcome
	Text      string        // what the model was told: a stranger's text
	Took      time.Duration // of the tool itself; 0: it did not run
	Err       error         // of the tool; see [Stack]
}

// Outcome is what became of a call.
type Outcome string

// The outcomes.
const (
	Running Outcome = "running" // it is about to run; another event follows
	Done    Outcome = "done"
	Failed  Outcome = "failed"  // it ran, and did not work
	Refused Outcome = "refused" // it was not allowed to run
	Wrong   Outcome = "wrong"   // there is no such tool, or its arguments do not fit
)

// defaultLimit is the Limit of who sets none.
const defaultLimit = 8

// LimitError is an answer that was given up because the model went on calling
// tools. It is inside a *provider.Error of Kind Truncated.
type LimitError struct {
	Rounds   int    // that were run
	Repeated string // the tool that was called in the same way again and again; empty: the limit was reached
}

// Error says what limit was reached, and what to do.
func (e *LimitError) Error() string {
	if e.Repeated != "" {
		return fmt.Sprintf("the model called %s %d times with the same arguments; rephrase the prompt, or ask another model", e.Repeated, mostRepeats)
	}
	return fmt.Sprintf("the model called tools in %d rounds and still wants more; allow more rounds, or ask for less at once", e.Rounds)
}

// Loop returns p with tools. A Chat asks p, runs the calls that the model
// wants, sends their results back, and so on until the model answers with
// text. The calls of a round run one after another, in the model's order.
//
// To the model, the loop says all that happens: a tool that is not there,
// arguments that do not fit, a refusal, an error. To the caller it is a
// provider like any other: thinking and text come as they are written, the
// usage and the cost are those of all rounds, and the Route is the last one's,
// Local only if every round's was. What a model writes before it calls a tool
// is not part of the answer: what follows begins with [provider.Chunk.Restart].
//
// Errors, besides p's: Private for a Remote tool where the prompt is to stay;
// Truncated with a [LimitError]; Invalid for tools that cannot be used, and for
// requests that bring tools of their own.
//
// Without tools in o, Loop returns p.
func Loop(p provider.Provider, o Options) provider.Provider {
	if len(o.Tools) == 0 && !o.LocalOnly {
		return p
	}
	if o.Limit <= 0 {
		o.Limit = defaultLimit
	}
	l := &loop{Provider: p, o: o, schemas: map[string]*schema.Schema{}}
	l.wrong = l.prepare()
	return l
}

type loop struct {
	provider.Provider
	o       Options
	schemas map[string]*schema.Schema // by the tool's name
	wrong   error                     // with the tools: the error of every Chat
}

var _ provider.Wrapper = (*loop)(nil)

// Unwrap returns the provider that is asked.
func (l *loop) Unwrap() provider.Provider { return l.Provider }

func (l *loop) prepare() error {
	l.o.Tools = slices.Clone(l.o.Tools)
	for i := range l.o.Tools {
		t := &l.o.Tools[i]
		if err := t.check(); err != nil {
			return err
		}
		if _, twice := l.schemas[t.Name]; twice {
			return fmt.Errorf("there are two tools named %s", t.Name)
		}
		s, err := compile(t.Parameters)
		if err != nil {
			return fmt.Errorf("the tool %s: %w", t.Title(), err)
		}
		l.schemas[t.Name] = s
	}
	return nil
}

// Chat asks, and asks again with the results of tools.
func (l *loop) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		if l.o.LocalOnly {
			req.Privacy = provider.PrivacyLocal
		}
		if err := l.admit(&req); err != nil {
			yield(provider.Chunk{}, err)
			return
		}
		req.Messages = slices.Clone(req.Messages)
		c := &conversation{loop: l, req: req, sum: sum{start: time.Now()}, seen: map[string]int{}}
		for _, t := range l.o.Tools {
			c.req.Tools = append(c.req.Tools, t.definition())
		}
		c.run(ctx, yield)
	}
}

// admit refuses what must not be asked.
func (l *loop) admit(req *provider.Request) error {
	switch {
	case l.wrong != nil:
		return provider.Errorf(provider.Invalid, l.Name(), req.Model, "%w", l.wrong)
	case len(req.Tools) > 0 && len(l.o.Tools) > 0:
		return provider.Errorf(provider.Invalid, l.Name(), req.Model, "the request has tools, but a loop runs only its own; pass them to the loop")
	case req.Privacy != provider.PrivacyLocal:
		return nil
	}
	for _, t := range l.o.Tools {
		if t.Remote {
			return provider.Errorf(provider.Private, l.Name(), req.Model, "the tool %s may send its arguments off this machine, but the prompt must stay", t.Title())
		}
	}
	return nil
}

// conversation is one answer of a loop, of as many rounds as it takes.
type conversation struct {
	*loop
	req   provider.Request
	round int // of tool calls, from 1
	sum   sum
	seen  map[string]int // how often a tool was called with those arguments
	void  bool           // text of an earlier round was passed on: it is not part of the answer
}

func (c *conversation) run(ctx context.Context, yield func(provider.Chunk, error) bool) {
	for c.round = 1; ; c.round++ {
		calls, done := c.askModel(ctx, yield)
		if done {
			return
		}
		if err := c.answer(ctx, calls); err != nil {
			yield(provider.Chunk{}, err)
			return
		}
		// Whoever wanted a tool called has had it: from here on the model decides,
		// or it would have to call for ever.
		if c.req.ToolChoice != "none" {
			c.req.ToolChoice = ""
		}
	}
}

// askModel asks once. It is done when the answer is out, an error was told, or the
// reader has left; else there are calls, and the conversation has them.
func (c *conversation) askModel(ctx context.Context, yield func(provider.Chunk, error) bool) (calls []provider.ToolCall, done bool) {
	var t turn
	for chunk, err := range c.Provider.Chat(ctx, c.req) {
		if err == nil {
			err = c.takeChunk(&t, &chunk)
		}
		if err != nil {
			yield(provider.Chunk{}, err)
			return nil, true
		}
		chunk.Thought = chunk.Thought && !c.void
		c.void = c.void || chunk.Restart // p's own; the chunk that said so may be empty by now
		if chunk.Finish != "" {
			c.sum.finish(&chunk)
		}
		if chunk.Empty() {
			continue
		}
		c.sum.began()
		chunk.Restart, c.void = c.void, false
		if !yield(chunk, nil) || chunk.Finish != "" {
			return nil, true
		}
	}
	if !t.ended {
		yield(provider.Chunk{}, provider.Errorf(provider.Truncated, c.Name(), c.req.Model, "the answer ended without a finish reason"))
		return nil, true
	}
	c.void = c.void || t.wrote
	said := provider.Message{
		Role: provider.RoleAssistant, Text: t.text.String(), Thinking: t.thinking.String(), From: t.from, ToolCalls: c.normal(t.calls),
	}
	c.req.Messages = append(c.req.Messages, said)
	return said.ToolCalls, false
}

// takeChunk takes a chunk into the turn, and the turn's end into the sum.
func (c *conversation) takeChunk(t *turn, chunk *provider.Chunk) error {
	if chunk.Finish != "" {
		c.sum.add(chunk)
	}
	if err := t.collectChunk(chunk); err != nil {
		return provider.Errorf(provider.Unavailable, c.Name(), c.req.Model, "%w", err)
	}
	return nil
}

// answer runs the calls of a round and puts their results into the
// conversation.
func (c *conversation) answer(ctx context.Context, calls []provider.ToolCall) error {
	if c.round > c.o.Limit {
		return c.giveUp(&LimitError{Rounds: c.o.Limit})
	}
	for i := range calls { // call puts each into a form that may be sent back
		text, err := c.call(ctx, i, &calls[i])
		if err != nil {
			return c.named(ctx, err)
		}
		c.req.Messages = append(c.req.Messages, provider.ToolResult(calls[i], text))
	}
	return nil
}

func (c *conversation) giveUp(err *LimitError) error {
	return &provider.Error{Kind: provider.Truncated, Provider: c.Name(), Model: c.req.Model, Final: true, Err: err}
}

// named is err as the contract has it: the caller's own context error
// unchanged, anything else an *Error.
func (c *conversation) named(ctx context.Context, err error) error {
	if own := ctx.Err(); own != nil {
		return own
	}
	var limit *LimitError
	if errors.As(err, &limit) {
		return c.giveUp(limit)
	}
	return &provider.Error{Kind: provider.Unavailable, Provider: c.Name(), Model: c.req.Model, Final: true, Err: err}
}
