package batches

import (
	"context"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/pace"
	"github.com/tandem-llm/tandem/internal/priority"
)

// targets are the providers that the requests of a batch may ask first.
func (s *Service) targets(ctx context.Context, r *record) []string {
	var names []string
	for _, model := range r.Models {
		e, err := s.cfg.Exchange.Find(ctx, model)
		if use := s.cfg.Exchange.Stack().Config().Use; (err != nil || e.Provider == "") && len(use) > 0 {
			e.Provider = use[0] // a chain, or the first that can
		}
		names = append(names, e.Provider)
	}
	return names
}

// bound lets no more calls run at a time than an engine says that it serves.
func (s *Service) bound(ctx context.Context, targets []string) {
	stack := s.cfg.Exchange.Stack()
	for _, name := range targets {
		if stack.Has(name) {
			s.limiter(name).AtMost(stack.Slots(ctx, name))
		}
	}
}

// limiter limits the calls of batches to a provider.
func (s *Service) limiter(name string) *pace.Limiter {
	stack := s.cfg.Exchange.Stack()
	t, _ := stack.Target(name) // the zero value sets no limit
	return s.pace.Of(name, pace.Config{Most: t.Config.MaxConcurrent, Local: stack.Engine(name) != nil})
}

// answers reports whether one of the providers answers. It may serve more calls at a time
// than it did before.
func (s *Service) answers(ctx context.Context, names []string) bool {
	if !s.cfg.Exchange.Stack().AnyAnswers(ctx, names) {
		return false
	}
	s.bound(ctx, names)
	return true
}

// turns has rows wait while interactive calls, of this process or another one, use an
// engine that the row may ask. The queue has its calls wait, too.
func (s *Service) turns(targets []string) func(context.Context, batch.Item) error {
	return func(ctx context.Context, _ batch.Item) error {
		for _, name := range targets {
			if _, err := s.cfg.Exchange.Stack().Engine(name).Wait(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

// forInteractive is what a batch waits for whose rows wait.
const forInteractive = "interactive calls go first"

// storeWaits stores how long the batch has waited for interactive calls, if that is
// another time than was stored last.
func (j *job) storeWaits(ctx context.Context, f *batch.File, last *priority.Waits) error {
	w := j.meter.Waits()
	if w == *last {
		return nil
	}
	*last = w
	return f.SetWaits(context.WithoutCancel(ctx), w.Times, w.Total, w.Now)
}
