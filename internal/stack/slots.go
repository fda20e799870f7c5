package stack

import (
	"context"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// slotsTimeout is how long a server may take to say how many calls it runs at a time.
const slotsTimeout = 3 * time.Second

// Slots is how many calls a local engine says that it runs at a time; 0: it does not say,
// or the provider is a hosted API, which is not asked. It starts nothing.
func (s *Stack) Slots(ctx context.Context, name string) int {
	t, ok := s.Target(name)
	if !ok || t.Untrusted != nil || s.Engine(name) == nil {
		return 0
	}
	p, ok := provider.As[interface {
		Slots(ctx context.Context) (int, error)
	}](t.Provider)
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
