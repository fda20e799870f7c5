package stack

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/internal/pace"
	"github.com/tandem-llm/tandem/provider"
)

// slotsTimeout is how long a server may take to say how many calls it runs at a time.
const slotsTimeout = 3 * time.Second

// pace limits the calls of a batch to a provider, or to one of its hosts.
func (s *Stack) pace(a *adapter) *pace.Limiter {
	return s.options.Pace.OfHost(a.Config.Name, a.Host, pace.Config{Most: a.Config.MaxConcurrent, Local: s.engine(a) != nil})
}

// Slots is how many calls a local engine says that it runs at a time; 0: it does not say,
// or the provider is a hosted API, which is not asked. It starts nothing.
//
// Of a provider with several hosts it is what they run together, if each says it.
func (s *Stack) Slots(ctx context.Context, name string) int {
	a := s.adapters[name]
	if a == nil || a.Untrusted != nil {
		return 0
	}
	sum := 0
	for _, m := range a.servers() {
		n := s.slots(ctx, m)
		if n == 0 {
			return 0
		}
		sum += n
	}
	return sum
}

// BoundPace lets no more calls run at a time than the provider's engine, or the engine of
// each of its hosts, says that it serves.
func (s *Stack) BoundPace(ctx context.Context, name string) {
	a := s.adapters[name]
	if a == nil || a.Untrusted != nil || s.options.Pace == nil {
		return
	}
	var all sync.WaitGroup
	for _, m := range a.servers() {
		all.Go(func() {
			s.pace(m).AtMost(s.slots(ctx, m))
		})
	}
	all.Wait()
}

// slots is how many calls a server says that it runs at a time; 0: it does not.
func (s *Stack) slots(ctx context.Context, m *adapter) int {
	if s.engine(m) == nil {
		return 0
	}
	p, ok := provider.As[interface {
		Slots(ctx context.Context) (int, error)
	}](m.Provider)
	if !ok {
		return 0
	}
	ctx, cancel := context.WithTimeout(ctx, slotsTimeout)
	defer cancel()
	n, err := p.Slots(ctx)
	if err != nil {
		return 0 // what it does at most is found out by asking
	}
	return n
}

// Answers reports whether a provider's server answers at all, whatever it says. It asks no
// model. One that Tandem starts itself is there, and one that may not be asked tells when it
// is.
func (s *Stack) Answers(ctx context.Context, name string) bool {
	t, ok := s.Target(name)
	if !ok || t.Engine != nil || t.Untrusted != nil {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, answersTimeout)
	defer cancel()
	_, err := t.Provider.Models(ctx)
	switch provider.KindOf(err) {
	case provider.Unavailable, provider.Timeout:
		return false
	}
	return ctx.Err() == nil
}

// AnyAnswers reports whether one of the providers [Stack.Answers].
func (s *Stack) AnyAnswers(ctx context.Context, names []string) bool {
	return len(names) == 0 || slices.ContainsFunc(names, func(name string) bool { return s.Answers(ctx, name) })
}

// answersTimeout is how long a server may take to list its models.
const answersTimeout = 10 * time.Second
