package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/tandem-llm/tandem/internal/batch"
)

// turns has the rows of a batch wait while interactive calls of any process use an
// engine that the row would ask first. What a row asks later waits in the stack.
func (a *app) turns(b *batchRun) func(context.Context, batch.Item) error {
	var first []string
	if use := b.stack.Config().Use; len(use) > 0 {
		first = use[:1]
	}
	all := first
	if b.chain != nil {
		all = slices.Concat(first, b.chain.Providers())
	}
	if b.requests != nil {
		all = nil
		for _, t := range b.requests.targets {
			all = append(all, t.Use...)
		}
	}
	return func(ctx context.Context, item batch.Item) error {
		names := all
		if b.compare != nil {
			if use := b.compare.plan.Variants[item.Variant].Use; len(use) > 0 {
				names = use[:1]
			}
		}
		for _, name := range names {
			if _, err := b.stack.Engine(name).Wait(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

// storeWaits stores how long the batch has waited for interactive calls.
func (b *batchRun) storeWaits(ctx context.Context) error {
	w := b.meter.Waits()
	if w == b.waits {
		return nil
	}
	b.waits = w
	return b.file.SetWaits(context.WithoutCancel(ctx), w.Times, w.Total, w.Now)
}

// waitsText is how often and how long a batch has waited for interactive calls.
func waitsText(s batch.Status) string {
	times := fmt.Sprintf("%d times", s.Waits)
	if s.Waits == 1 {
		times = "once"
	}
	return fmt.Sprintf("waited %s for interactive calls, %s in all", times, short(s.Waited))
}
