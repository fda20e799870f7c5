package cli

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/priority"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/provider"
)

// pollEvery is how often a batch looks whether somebody has cancelled it.
const pollEvery = time.Second

// runBatch runs the rows that are left, writes the answers when none is, and says
// how it went. At the first signal what runs ends and is stored.
func (a *app) runBatch(ctx context.Context, b *batchRun) (err error) {
	defer func() { err = errors.Join(err, b.file.Close()) }()
	ctx = priority.Batch(ctx, priority.Options{}) // judges' calls included
	if err := store.New(a.stateDir()).SettleLost(ctx, b.spec.ID); err != nil {
		return err
	}
	before, err := b.file.Status(ctx)
	if err != nil {
		return err
	}
	var early error
	if before.Left+before.Sent+len(before.Parts) > 0 { // a part whose answers are all stored may have files at the provider
		early = a.workBatch(ctx, b, before)
	}
	after, err := b.file.Status(context.WithoutCancel(ctx))
	switch {
	case err != nil:
		return errors.Join(early, err)
	case b.compare != nil:
		return a.finishComparison(ctx, b, early)
	case early == nil:
		if early = a.writeOut(ctx, b.spec); early == nil {
			early = b.file.Finish(context.WithoutCancel(ctx))
		}
		if early == nil && b.spec.Cluster != "" {
			early = a.leaveCluster(ctx, b)
		}
		if early == nil {
			a.sayBatch(after)
			early = b.failedRows(after)
		}
	}
	if !b.json || ctx.Err() != nil {
		return early
	}
	out := batchJSON{OK: early == nil, Status: brief(after)}
	if early != nil {
		out.Error = a.errorOf(early)
	}
	return a.printJSON("the summary", out, early)
}

// stopper ends a batch for the first reason that there is.
type stopper struct {
	once      sync.Once
	done      chan struct{}
	why       string // "" at a signal
	cancelled bool   // somebody has cancelled it
}

func (s *stopper) stop(why string) {
	s.once.Do(func() {
		s.why = why
		close(s.done)
	})
}

// workBatch runs rows until none is left, or something ends the batch: that is the
// error.
func (a *app) workBatch(ctx context.Context, b *batchRun, before batch.Status) error {
	s := &stopper{done: make(chan struct{})}
	view := newBatchView(a, before)
	view.waiting = func() bool { return b.meter.Waits().Now }
	kept, last, err := a.watchComparison(ctx, b, view.add, s.stop)
	if err != nil {
		return err
	}
	over := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() { a.watchForEnd(ctx, b, s, over) })
	watching.Go(func() { view.show(over) })
	run := store.Run{ID: b.spec.ID, Began: time.Now(), Command: b.spec.Kind, Chain: cmp.Or(b.spec.Chain.Name, b.spec.Chain.File, b.spec.Input.File), File: b.spec.Chain.File}
	working := priority.Batch(store.WithRun(context.WithoutCancel(ctx), run), priority.Options{Over: s.done, Meter: &b.meter})
	if b.batchAPI != nil {
		err = a.workBatchAPI(working, b, s, view, kept)
	} else if b.nodes != nil {
		err = a.workNodes(working, b, s, view, kept)
	} else {
		a.boundPace(ctx, b)
		err = batch.Work(working, b.file, a.rowRun(b), batch.Options{
			Concurrency: a.rowsAtOnce(b), Turn: a.turns(b), Stop: s.done, Resumable: true, MaxErrors: b.work.maxErrors, GiveUp: giveUpAfter, GiveUpFirst: b.giveUpFirst(before), Kept: kept,
			Waits: before.Done > 0, There: a.providersAnswer(b),
			Away: func(why error) { b.away.Store(why != nil); view.setAway(why) },
		})
	}
	err = errors.Join(err, last())
	close(over)
	watching.Wait()
	b.away.Store(false)
	err = errors.Join(err, b.storeWaits(ctx))
	a.setBatchStatus("")
	after, serr := b.file.Status(working)
	if serr != nil {
		return errors.Join(err, serr)
	}
	if err == nil && (after.Left+after.Sent == 0 || b.compare != nil && b.compare.decided.Load()) {
		return nil
	}
	return a.endedEarly(ctx, b, after, s, err)
}

// giveUpAfter is how many rows in a row may fail for a reason that is the
// provider's, and firstGiveUp how many of a batch that has no answer yet.
const giveUpAfter, firstGiveUp = 25, 5

// giveUpFirst is [batch.Options.GiveUpFirst]. Where rows ask several models, that of the
// first ones may be the only one that is missing.
func (b *batchRun) giveUpFirst(s batch.Status) int {
	if s.Done > 0 || b.requests != nil && len(b.requests.targets) > 1 {
		return 0
	}
	return firstGiveUp
}

// watchForEnd stops the batch at a signal, at its deadline, or when it is
// cancelled.
func (a *app) watchForEnd(ctx context.Context, b *batchRun, s *stopper, over <-chan struct{}) {
	var deadline <-chan time.Time
	if left, err := b.work.left(time.Now()); err == nil && left > 0 {
		timer := time.NewTimer(left)
		defer timer.Stop()
		deadline = timer.C
	}
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for {
		select {
		case <-over:
			return
		case <-ctx.Done():
			if b.batchAPI == nil && b.nodes == nil {
				a.infof("stopping: waiting for the rows that are being answered; press Ctrl-C again to leave them")
			}
			s.stop("")
			return
		case <-deadline:
			s.stop("--deadline was reached")
			return
		case <-poll.C:
			if err := b.storeWaits(ctx); err != nil {
				s.stop("it could not be stored how long it waited: " + a.explain(err))
				return
			}
			switch is, err := b.file.Cancelled(context.WithoutCancel(ctx)); {
			case err != nil:
				s.stop("it could not be read whether it was cancelled: " + a.explain(err))
				return
			case is:
				s.once.Do(func() {
					s.why, s.cancelled = "it was cancelled", true
					close(s.done)
				})
				return
			}
		}
	}
}

// rowRun runs one row.
func (a *app) rowRun(b *batchRun) batch.Run {
	var answer batch.Run
	if b.compare != nil {
		answer = a.comparisonRun(b)
	} else {
		answer = a.rowRunBy(b, b.stack, b.stack.Collections.Embedder())
	}
	a.rowEvents = true
	return func(ctx context.Context, item batch.Item) batch.Reply { return answer(a.inRow(ctx, item.Row), item) }
}

// rowRunBy runs one row of a batch that is no comparison, by a provider.
func (a *app) rowRunBy(b *batchRun, by provider.Provider, e provider.Embedder) batch.Run {
	if b.requests != nil {
		answer := a.requestAnswerer(b, by, e).Answer
		return func(ctx context.Context, item batch.Item) batch.Reply {
			return answer(store.WithRow(ctx, item.Row), item) // the answer's id has this number
		}
	}
	return func(ctx context.Context, item batch.Item) batch.Reply {
		job := b.job
		job.Provider, job.Vars = by, item.Inputs
		r := batch.Ask(store.WithRow(ctx, item.Number), job)
		r.StaysLocal = r.StaysLocal || b.stack.Config().KeepsLocal()
		r.Result = a.shownResult(r.Result, r.Err)
		return r
	}
}

// batchJSON is what `tandem batch --json` prints: the status, and the error that
// ended the batch.
type batchJSON struct {
	OK bool `json:"ok"`
	batch.Status
	Error *runner.Error `json:"error,omitempty"`
}
