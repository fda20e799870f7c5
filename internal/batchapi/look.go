package batchapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/openai"
)

// How often a provider may not know a batch that it has made, and have no files of one
// that has ended, until that is believed.
const (
	mostMissing = 5
	mostUnready = 10
)

// CancelledError is a batch that somebody has cancelled at the provider.
type CancelledError struct{ Provider, Job string }

// Error says which.
func (e *CancelledError) Error() string {
	return fmt.Sprintf("%s was cancelled at %s", e.Job, e.Provider)
}

// look asks how far a part is, and takes in what has come of it. It reports whether
// that has changed.
func (w *worker) look(ctx context.Context, p *batch.Part) (changed bool, err error) {
	s := w.seen[p.Number]
	calling, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	job, err := w.API.Job(calling, p.Job)
	if err = ownTimeout(ctx, w.Provider, err); err != nil {
		return false, w.notSeen(ctx, s, err)
	}
	s.missing, s.troubled = 0, false
	answered := job.Completed + job.Failed
	if changed = job.Status != p.Status || answered != p.Answered; changed {
		p.Status, p.Answered = job.Status, answered
		if err := w.File.SetPart(context.WithoutCancel(ctx), p); err != nil {
			return false, err
		}
	}
	if stops := job.Status == openai.BatchCancelled || job.Status == openai.BatchCancelling; !s.asked && stops {
		s.ended = true // whoever continues the batch knows
	}
	s.asked = true
	if !job.Ended() {
		return changed, nil
	}
	if job.Status == openai.BatchFailed {
		return true, w.refused(ctx, p, &job)
	}
	if s.unready < mostUnready && unready(&job) {
		s.unready++
		return false, nil
	}
	s.files = []string{job.Output, job.Errors}
	if err := w.collect(ctx, p, &job); err != nil {
		return true, err
	}
	if job.Status == openai.BatchCancelled && !s.ended {
		return true, &CancelledError{Provider: w.Provider, Job: p.Job}
	}
	return true, nil
}

// notSeen is the error of a part that could not be asked for; nil: it is asked for
// again.
func (w *worker) notSeen(ctx context.Context, s *watched, err error) error {
	var e *provider.Error
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &e) && e.Status == http.StatusNotFound:
		if s.missing++; s.missing > mostMissing {
			return err
		}
	case !mayPass(err):
		return err
	}
	if !s.troubled {
		s.troubled = true
		w.say("could not ask how far the batch is (%v); trying again", err)
	}
	if wait := retryAfter(err); wait > w.pause {
		w.pause = min(wait, mostPause)
	}
	return nil
}

// unready reports whether a batch has answers, and no file with them yet.
func unready(job *openai.BatchJob) bool {
	switch {
	case job.Completed > 0 && job.Output == "":
		return true
	case job.Status == openai.BatchCompleted:
		return job.Output == "" && job.Errors == "" && job.Total != 0
	}
	return false
}

// tooManyTokens is the code of a batch that is refused because others wait that have
// too many tokens together.
const tooManyTokens = "token_limit_exceeded" //nolint:gosec // no credential

// refused takes in that the provider will not run a part. Rows that it does not
// complain of are sent again.
func (w *worker) refused(ctx context.Context, p *batch.Part, job *openai.BatchJob) error {
	lines := map[int]openai.BatchProblem{}
	var said []string
	full := false
	for _, problem := range job.Problems {
		full = full || problem.Code == tooManyTokens
		if problem.Line > 0 && problem.Line <= p.Rows { // else it is not about a row of the part
			lines[problem.Line] = problem
		}
		said = append(said, problem.Message)
	}
	if full && (p.Rows > 1 || len(w.open) > 1) {
		if w.alone || len(w.open) == 1 {
			w.maxRows = max(1, min(w.maxRows, p.Rows)/2)
		}
		w.alone = true
		w.say("%s takes fewer rows at a time: %s", w.Provider, strings.Join(said, "; "))
		return w.takeBack(ctx, p)
	}
	if len(said) == 0 {
		said = []string{"it said not why"}
	}
	n := 0
	return w.end(ctx, p, func(batch.Item) (answer, batch.Fate) {
		n++
		problem, is := lines[n]
		switch {
		case len(lines) == 0:
			return answer{err: fmt.Errorf("%s refused the batch: %s", w.Provider, strings.Join(said, "; "))}.as(w, provider.Invalid), batch.Failed
		case is:
			return answer{err: fmt.Errorf("%s refused the row: %s", w.Provider, problem.Message)}.as(w, provider.Invalid), batch.Failed
		}
		return answer{}, batch.Unasked
	})
}

// as is an answer whose error is the provider's, of a kind.
func (a answer) as(w *worker, k provider.Kind) answer {
	a.err = &provider.Error{Kind: k, Provider: w.Provider, Err: a.err}
	return a
}

// failAll fails the rows of a part that the provider did not take.
func (w *worker) failAll(ctx context.Context, p *batch.Part, why error) error {
	return w.end(ctx, p, func(batch.Item) (answer, batch.Fate) { return answer{err: why}, batch.Failed })
}

// takeBack has the rows of a part pending again.
func (w *worker) takeBack(ctx context.Context, p *batch.Part) error {
	return w.end(ctx, p, func(batch.Item) (answer, batch.Fate) { return answer{}, batch.Unasked })
}

// end ends a part: what becomes of each row that is left says fate.
func (w *worker) end(ctx context.Context, p *batch.Part, fate func(batch.Item) (answer, batch.Fate)) error {
	var ended []batch.Outcome
	for item, err := range w.File.Sent(ctx, p.Number) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		a, what := fate(item)
		out := batch.Outcome{Item: item, Fate: what}
		if what != batch.Unasked {
			out = w.outcome(ctx, p, item, a)
		}
		if ended = append(ended, out); len(ended) < storeRows {
			continue
		}
		if err := w.store(ctx, ended); err != nil {
			return err
		}
		ended = nil
	}
	if err := w.store(ctx, ended); err != nil {
		return err
	}
	return w.close(ctx, p)
}
