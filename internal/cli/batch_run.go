package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/priority"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
)

// batchError is a batch that ended without all of its rows being answered.
type batchError struct {
	text string
	code int
	err  error // the cause; nil: the text says it
}

func (e *batchError) Error() string { return e.text }
func (e *batchError) Unwrap() error { return e.err }
func (e *batchError) ExitCode() int { return e.code }

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
			a.leaveCluster(ctx, b)
		}
		if early == nil {
			a.sayBatch(after)
			early = failedRows(after)
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

// failedRows is the error of a batch that has ended with rows that failed.
func failedRows(s batch.Status) error {
	if s.Failed == 0 {
		return nil
	}
	return &batchError{text: fmt.Sprintf("%d of %s failed (%s); run them again with `tandem batch resume %s --retry-failed`", s.Failed, count(s.Total, "row"), failuresText(s), s.ID), code: exitRows}
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
			Concurrency: a.rowsAtOnce(b), Turn: a.turns(b), Stop: s.done, Resumable: true, MaxErrors: b.work.maxErrors, GiveUp: giveUpAfter, Kept: kept,
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
// provider's.
const giveUpAfter = 25

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

// endedEarly is the error of a batch that has rows left, with how to continue.
func (a *app) endedEarly(ctx context.Context, b *batchRun, s batch.Status, why *stopper, err error) error {
	done := doneText(s)
	if s.Sent > 0 {
		done += fmt.Sprintf(", and %d are %s", s.Sent, whereSent(&s))
	}
	next := fmt.Sprintf("continue with `tandem batch resume %s`", b.spec.ID)
	// A sentence each: what stopped it, how far it is, what to do.
	text := func(why, next string) string {
		return fmt.Sprintf("%s. %s. %s", strings.TrimSuffix(why, "."), done, strings.ToUpper(next[:1])+next[1:])
	}
	var many *batch.TooManyError
	var budget *ledger.Over
	switch {
	case errors.As(err, &many) && many.Limit > 0:
		return &batchError{text(fmt.Sprintf("stopped: %s failed, more than --max-errors %d", count(many.Failed, "row"), many.Limit), next), exitRows, err}
	case errors.As(err, &many):
		why := fmt.Sprintf("stopped: the last %d rows failed for the same kind of reason: %s", many.Failed, a.explain(many.Last))
		return &batchError{text(why, fmt.Sprintf("when that is fixed, %s --retry-failed`", strings.TrimSuffix(next, "`"))), exitRows, err}
	case errors.As(err, &budget) && a.budget != nil && *a.budget == budget.Limit:
		why := fmt.Sprintf("--budget %s is used up: %s is left, and the next call could cost up to %s", ledger.Dollars(budget.Limit), ledger.Dollars(budget.Left), ledger.Dollars(budget.Need))
		return &batchError{text(why, strings.TrimSuffix(next, "`")+" --budget MORE`"), exitOverBudget, err}
	case err != nil:
		return &batchError{text(a.explain(err), next), exitCode(err), err}
	case ctx.Err() != nil:
		a.term.Noticef("%s; %s", done, next)
		return ctx.Err()
	}
	return &batchError{text("stopped because "+why.why, next), exitRows, nil}
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
		return a.requestAnswerer(b, by, e).Answer
	}
	return func(ctx context.Context, item batch.Item) batch.Reply {
		job := b.job
		job.Provider, job.Vars = by, item.Inputs
		r := batch.Ask(ctx, job)
		r.StaysLocal = r.StaysLocal || private(b.stack)
		r.Result = a.shownResult(r.Result, r.Err)
		return r
	}
}

// private reports whether the configuration keeps every prompt on this machine, and with
// it what was answered.
func private(st *stack.Stack) bool {
	c := st.Config()
	return c.Offline || c.Privacy == config.PrivacyLocal
}

// batchJSON is what `tandem batch --json` prints: the status, and the error that
// ended the batch.
type batchJSON struct {
	OK bool `json:"ok"`
	batch.Status
	Error *runner.Error `json:"error,omitempty"`
}

// sayBatch says what a batch came to.
func (a *app) sayBatch(s batch.Status) {
	line := fmt.Sprintf("· %s: %d answered", count(s.Total, "row"), s.Done)
	if s.Failed > 0 {
		line += fmt.Sprintf(", %d failed (%s)", s.Failed, failuresText(s))
	}
	if s.Fallback > 0 {
		line += fmt.Sprintf(", %d by a fallback", s.Fallback)
	}
	if s.Input+s.Output > 0 {
		line += fmt.Sprintf(" · %d+%d tokens", s.Input, s.Output)
	}
	a.dimf("%s · %s · %s", line, moneyText(s), short(s.Ran))
	if s.Repeated > 0 {
		a.dimf("· %s", repeatedText(s))
	}
	if s.Waits > 0 {
		a.dimf("· %s", waitsText(s))
	}
	if s.Out != stdinPath {
		a.dimf("· written to %s", s.Out)
	}
}

// repeatedText is how many calls were made twice, and that they cost something, unless
// all that is known of the batch says that its calls cost nothing.
func repeatedText(s batch.Status) string {
	were := "calls were"
	if s.Repeated == 1 {
		were = "call was"
	}
	text := fmt.Sprintf("at most %d %s made twice, because a process ended", s.Repeated, were)
	if s.Done == 0 || s.USD > 0 || s.Unpriced > 0 {
		text += ", and may have been charged"
	}
	return text
}

// doneText is how many rows have been answered, and how many have failed.
func doneText(s batch.Status) string {
	text := fmt.Sprintf("%d of %s answered", s.Done, count(s.Total, "row"))
	if s.Failed > 0 {
		text += fmt.Sprintf(", %d failed", s.Failed)
	}
	return text
}

// moneyText is what a batch cost, and what it saved.
func moneyText(s batch.Status) string {
	text := ledger.Dollars(s.USD) + " spent"
	if s.Unpriced > 0 {
		text += fmt.Sprintf(" and the unknown cost of %s", count(s.Unpriced, "call"))
	}
	if s.Saved > 0 {
		text += ", " + ledger.Dollars(s.Saved) + " saved"
	}
	return text
}
