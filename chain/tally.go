package chain

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/tandem-llm/tandem/provider"
)

// tally adds up the calls of the steps in one step. Safe for concurrent use.
type tally struct {
	mu       sync.Mutex
	usage    provider.Usage
	untold   bool // a server did not say what it used
	calls    int
	route    *provider.Route // of the last call
	answered []Answered
	outer    *tally
}

// count notes a call, in every step around it.
func (x *exec) count(answer *provider.Response) {
	for t := x.tally; t != nil; t = t.outer {
		t.add(answer)
	}
}

func (t *tally) add(answer *provider.Response) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls++
	if answer.Usage == nil {
		t.untold = true
	} else {
		t.usage = t.usage.Add(*answer.Usage)
	}
	r := answer.Route
	t.route = r
	if r == nil {
		return
	}
	i := slices.IndexFunc(t.answered, func(a Answered) bool {
		return a.Provider == r.Provider && a.Host == r.Host && a.Model == r.Model && a.Endpoint == r.Endpoint && a.Local == r.Local && a.Gateway == r.Gateway
	})
	if i < 0 {
		i = len(t.answered)
		t.answered = append(t.answered, Answered{Provider: r.Provider, Host: r.Host, Model: r.Model, Endpoint: r.Endpoint, Local: r.Local, Gateway: r.Gateway})
	}
	t.answered[i].Calls++
}

// result is what was used and who answered, without a value.
func (t *tally) result() StepResult {
	t.mu.Lock()
	defer t.mu.Unlock()
	result := StepResult{Finish: provider.FinishStop}
	if t.calls > 0 && !t.untold {
		usage := t.usage
		result.Usage = &usage
	}
	if t.calls == 1 {
		result.Route = t.route
	} else {
		result.Answered = slices.Clone(t.answered)
	}
	return result
}

// nested is x for what is in one of its steps.
func (x *exec) nested() *exec {
	inner := *x
	inner.tally = &tally{outer: x.tally}
	return &inner
}

// within is x for the steps in s, with what s sets as their defaults.
func (x *exec) within(s *step) *exec {
	inner := x.nested()
	defaults := overlay(*x.defaults, &s.settings)
	inner.defaults = &defaults
	if s.retries > 0 {
		inner.retries = s.retries
	}
	return inner
}

// apart is x with its own reasons to stay on this machine, besides those there
// are.
func (x *exec) apart() *exec {
	inner, own := *x, *x.stays
	inner.stays = &own
	return &inner
}

// composed is the result of a step whose value others made.
func (x *exec) composed(value any) (StepResult, error) {
	result := x.tally.result()
	text, err := textOf(value)
	result.Text, result.Value = text, value
	return result, err
}

// withTotals is the result of a step that one of the steps in it stands for.
func (x *exec) withTotals(last StepResult) StepResult {
	all := x.tally.result()
	last.Usage, last.Route, last.Answered = all.Usage, all.Route, all.Answered
	return last
}

// concurrently does n pieces of work, at most limit at a time, each with an exec
// of its own. The first error cancels the others and is returned, unless the
// caller's context ended first.
func (x *exec) concurrently(ctx context.Context, n, limit int, work func(ctx context.Context, x *exec, i int) error) error {
	if n == 0 {
		return nil
	}
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		mu    sync.Mutex
		first error
		next  int
	)
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		if next == n || first != nil {
			return 0, false
		}
		next++
		return next - 1, true
	}
	worker := *x
	events := make(chan Event)
	if x.emit != nil {
		worker.emit = func(e Event) bool {
			e.Final, e.Concurrent = false, e.Concurrent || min(n, limit) > 1
			select {
			case events <- e:
				return true
			case <-within.Done():
				return false
			}
		}
	}
	worker.quiet = true
	before := *x.stays // x's own grows while others still begin
	var workers sync.WaitGroup
	for range min(n, limit) {
		workers.Go(func() {
			for i, ok := take(); ok; i, ok = take() {
				own, one := before, worker
				one.stays = &own
				err := work(within, &one, i)
				mu.Lock()
				x.stays.join(&own)
				if err != nil && first == nil {
					first = err
				}
				mu.Unlock()
				if err != nil {
					cancel()
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { workers.Wait(); close(done) }()
	left := x.pass(events, done, cancel)
	switch {
	case left:
		return errLeft
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(first, errLeft): // told to stop by the caller, whose own error says it
		return errLeft
	}
	return first
}

// pass hands on the events of the workers until all are done, and reports
// whether the consumer left meanwhile.
func (x *exec) pass(events <-chan Event, done <-chan struct{}, cancel func()) (left bool) {
	for {
		select {
		case e := <-events:
			if !left && !x.emit(e) {
				left = true
				cancel()
			}
		case <-done:
			return left
		}
	}
}
