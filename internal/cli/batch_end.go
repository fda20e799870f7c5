package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/tandem-llm/tandem/internal/batch"
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

// failedRows is the error of a batch that has ended with rows that failed.
func (b *batchRun) failedRows(s batch.Status) error {
	if s.Failed == 0 {
		return nil
	}
	text := fmt.Sprintf("%d of %s failed (%s); run them again with `%s`", s.Failed, count(s.Total, unit(&s)), failuresText(s), retryCommand(&s))
	if s.Failures[string(provider.ModelNotFound)] > 0 {
		text += ", " + b.otherModel(&s)
	}
	return &batchError{text: text, code: exitRows}
}

func retryCommand(s *batch.Status) string {
	return fmt.Sprintf("tandem batch resume %s --retry-failed", s.ID)
}

// otherModel is how rows ask another model, where theirs was not found.
func (b *batchRun) otherModel(s *batch.Status) string {
	accept := ""
	if s.Done+s.Sent > 0 {
		accept = " --accept-changes"
	}
	switch {
	case b.compare != nil:
		return "or start a new comparison without it"
	case b.ownModel:
		return fmt.Sprintf("or change the model in %s and add --accept-changes", filepath.Base(b.spec.Chain.File))
	}
	return "or, to ask another model, with -m MODEL" + accept + " behind it"
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
		return &batchError{text(fmt.Sprintf("stopped: %s failed, more than --max-errors %d", count(many.Failed, unit(&s)), many.Limit), next), exitRows, err}
	case errors.As(err, &many):
		which := "last"
		if s.Done == 0 {
			which = "first"
		}
		why := fmt.Sprintf("stopped: the %s %s failed for the same kind of reason: %s", which, count(many.Failed, unit(&s)), a.explain(many.Last))
		next = fmt.Sprintf("when that is fixed, continue with `%s`", retryCommand(&s))
		if provider.KindOf(many.Last) == provider.ModelNotFound {
			next += ", " + b.otherModel(&s)
		}
		return &batchError{text(why, next), exitRows, err}
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

// sayBatch says what a batch came to.
func (a *app) sayBatch(s batch.Status) {
	line := fmt.Sprintf("· %s: %d answered", count(s.Total, unit(&s)), s.Done)
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
	for _, by := range []map[string]int{s.Nodes, s.Hosts} {
		if len(by) > 1 {
			a.dimf("· answered by %s", countsText(by))
		}
	}
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

// unit is what a batch counts: rows, or the runs of a comparison, which has several of each
// row.
func unit(s *batch.Status) string {
	if s.Kind == "compare" {
		return "run"
	}
	return "row"
}

// doneText is how many rows have been answered, and how many have failed.
func doneText(s batch.Status) string {
	text := fmt.Sprintf("%d of %s answered", s.Done, count(s.Total, unit(&s)))
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
