package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/tandem-llm/tandem/internal/batch"
)

// targets are the providers that the rows of a batch may ask first.
func (b *batchRun) targets() []string {
	var names []string
	if b.requests != nil {
		for _, t := range b.requests.targets {
			names = append(names, t.Use...)
		}
		return names
	}
	if use := b.stack.Config().Use; len(use) > 0 {
		names = append(names, use[0])
	}
	if b.compare != nil {
		for _, v := range b.compare.plan.Variants {
			names = append(names, v.Use...)
		}
	}
	return append(names, b.chain.Providers()...)
}

// rowsAtOnce is how many rows run at a time.
func (a *app) rowsAtOnce(b *batchRun) func() int {
	targets := b.targets()
	return func() int {
		most := 1
		for _, name := range targets {
			most = max(most, a.pace.Rows(name))
		}
		return most
	}
}

// boundPace lets no more calls run at a time than an engine says that it serves, unless
// the user has said how many.
func (a *app) boundPace(ctx context.Context, b *batchRun) {
	if b.work.concurrency != 0 {
		return
	}
	targets := b.targets()
	slices.Sort(targets)
	for _, name := range slices.Compact(targets) {
		b.stack.BoundPace(ctx, name)
	}
}

// providersAnswer reports whether one of these providers answers. It may serve more calls at a
// time than it did before.
func (a *app) providersAnswer(b *batchRun) func(context.Context, []string) bool {
	return func(ctx context.Context, names []string) bool {
		if !b.stack.AnyAnswers(ctx, names) {
			return false
		}
		a.boundPace(ctx, b)
		return true
	}
}

// turns has the rows of a batch wait while interactive calls of any process use an
// engine that the row would ask first. What a row asks later waits in the stack.
func (a *app) turns(b *batchRun) func(context.Context, batch.Item) error {
	targets := b.targets()
	return func(ctx context.Context, item batch.Item) error {
		names := targets
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

// storeWaits stores how long the batch has waited for interactive calls, and whether it
// waits for its provider.
func (b *batchRun) storeWaits(ctx context.Context) error {
	if away := b.away.Load(); away != b.wasAway {
		b.wasAway = away
		if err := b.file.SetAway(context.WithoutCancel(ctx), away); err != nil {
			return err
		}
	}
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
