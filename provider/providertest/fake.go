// Package providertest is the conformance suite of the contract in package
// provider, and a scripted provider for tests of what stands on it.
//
// [Run] puts a provider before an upstream that misbehaves in every way that
// real servers have been seen to; [TestLive] checks what a well-behaved one
// must do, and is meant for real engines, routers and wrappers; [Fake] answers
// from a script.
package providertest

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// Fake is a provider that answers from a script. Its zero value answers "ok".
// A chunk of text counts as a token: MaxTokens cuts the script there, as Stop
// does. Where List is not empty, a model that is not in it is ModelNotFound.
// Other fields of a request are taken and change nothing. It passes [TestLive]
// itself, and is safe for concurrent use.
type Fake struct {
	// ProviderName is the Fake's Name; empty: "fake".
	ProviderName string
	// Answers are played in turn, one a call; the last one goes on for ever.
	Answers []Answer
	// List is what Models returns.
	List []provider.Model

	mu    sync.Mutex
	calls []provider.Request
}

var _ provider.Provider = (*Fake)(nil)

// Answer is one scripted answer: chunks of text, and how it ends.
type Answer struct {
	Thinking string
	Text     []string        // a chunk each
	Finish   provider.Finish // empty: FinishStop
	Err      error           // ends the answer instead of Finish
	Delay    time.Duration   // before each chunk and the end
	Usage    *provider.Usage // nil: one token for each chunk
}

// Text returns an answer that comes in those chunks.
func Text(chunks ...string) Answer { return Answer{Text: chunks} }

// Fails returns an answer that fails with that Kind before any content.
func Fails(k provider.Kind) Answer {
	return Answer{Err: provider.Errorf(k, "", "", "as scripted")}
}

// Name is ProviderName, or "fake".
func (f *Fake) Name() string {
	if f.ProviderName == "" {
		return "fake"
	}
	return f.ProviderName
}

// Models returns List.
func (f *Fake) Models(ctx context.Context) ([]provider.Model, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return f.List, nil
}

// Calls returns the requests that were made, in order.
func (f *Fake) Calls() []provider.Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]provider.Request(nil), f.calls...)
}

func (f *Fake) next(req provider.Request) Answer {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, req)
	switch n := len(f.calls); {
	case len(f.Answers) == 0:
		return Text("ok")
	case n > len(f.Answers):
		return f.Answers[len(f.Answers)-1]
	default:
		return f.Answers[n-1]
	}
}

// Chat plays the next answer.
func (f *Fake) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		if err := req.Accepts(f.Name()); err != nil {
			yield(provider.Chunk{}, err)
			return
		}
		if err := req.Validate(); err != nil {
			yield(provider.Chunk{}, err)
			return
		}
		if req.Model != "" && len(f.List) > 0 && !slices.ContainsFunc(f.List, func(m provider.Model) bool { return m.Name == req.Model }) {
			yield(provider.Chunk{}, provider.Errorf(provider.ModelNotFound, f.Name(), req.Model, "not in List"))
			return
		}
		f.play(ctx, req, f.next(req).limited(&req), yield)
	}
}

// limited is the answer as MaxTokens and Stop leave it.
func (a Answer) limited(req *provider.Request) Answer {
	for i, text := range a.Text {
		if req.MaxTokens != nil && i == *req.MaxTokens {
			a.Text, a.Finish, a.Err = a.Text[:i], provider.FinishLength, nil
			break
		}
		if slices.ContainsFunc(req.Stop, func(s string) bool { return strings.Contains(text, s) }) {
			a.Text, a.Finish, a.Err = a.Text[:i], provider.FinishStop, nil
			break
		}
	}
	return a
}

func (f *Fake) play(ctx context.Context, req provider.Request, a Answer, yield func(provider.Chunk, error) bool) {
	start := time.Now()
	var first time.Duration
	if a.Thinking != "" && !yield(provider.Chunk{Thinking: a.Thinking}, nil) {
		return
	}
	for _, text := range a.Text {
		if err := wait(ctx, a.Delay); err != nil {
			yield(provider.Chunk{}, err)
			return
		}
		if first == 0 {
			first = max(time.Since(start), 1)
		}
		if text != "" && !yield(provider.Chunk{Text: text}, nil) {
			return
		}
	}
	if err := wait(ctx, a.Delay); err != nil {
		yield(provider.Chunk{}, err)
		return
	}
	if a.Err != nil {
		yield(provider.Chunk{}, f.named(a.Err, req.Model))
		return
	}
	c := f.last(a, req.Model)
	c.Route.Total = max(time.Since(start), 1)
	c.Route.FirstToken = c.Route.Total
	if first > 0 {
		c.Route.FirstToken = first
	}
	yield(c, nil)
}

func (f *Fake) last(a Answer, model string) provider.Chunk {
	c := provider.Chunk{Finish: a.Finish, Usage: a.Usage}
	if c.Finish == "" {
		c.Finish = provider.FinishStop
	}
	if c.Usage == nil {
		c.Usage = &provider.Usage{InputTokens: 1, OutputTokens: len(a.Text)}
	}
	if model == "" {
		model = "scripted"
	}
	c.Route = &provider.Route{Provider: f.Name(), Model: model, Endpoint: "fake://" + f.Name(), Local: true, Reason: "asked directly"}
	return c
}

func (f *Fake) named(err error, model string) error {
	var e *provider.Error
	if !errors.As(err, &e) {
		return err
	}
	named := *e
	named.Provider, named.Model = f.Name(), model
	return &named
}

func wait(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
