package batches

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/requests"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/store"
)

// errNotAsked is that a batch ended before a row's turn came.
var errNotAsked = errors.New("the batch ended before it was asked")

// unaskedAtOnce is how many rows that are not asked end in one transaction.
const unaskedAtOnce = 500

// close says that no row is asked any more, and which files the answers go to. It is kept
// before those are written: a process that goes on writes the same ones.
func (s *Service) close(ctx context.Context, j *job, f *batch.File, r *record) error {
	st, err := f.Status(ctx)
	if err != nil {
		return err
	}
	if r.End == endCompleted && st.Left > 0 { // it cannot be
		r.End = endExpired
	}
	if r.End == endCancelled {
		s.mu.Lock()
		r.Cancelling = max(j.cancelling, 0)
		s.mu.Unlock()
		if r.Cancelling == 0 {
			r.Cancelling = s.now().Unix()
		}
	} else {
		r.Finalizing = s.now().Unix()
	}
	if st.Done > 0 {
		r.Output = filePrefix + store.NewID()
	}
	if st.Failed+st.Left > 0 {
		r.Errors = filePrefix + store.NewID()
	}
	return r.put(ctx, f)
}

// finalize ends the rows that were not asked, writes the files, and ends the batch.
func (s *Service) finalize(ctx context.Context, f *batch.File, r *record) error {
	if err := s.endRest(ctx, f, r); err != nil {
		return err
	}
	for _, out := range []struct {
		id, name string
		ok       bool
	}{{r.Output, "output", true}, {r.Errors, "errors", false}} {
		if out.id == "" {
			continue
		}
		if err := s.write(ctx, f.Spec().ID, r, out.id, out.name, out.ok); err != nil {
			return err
		}
	}
	now := s.now().Unix()
	switch r.End {
	case endCancelled:
		r.Cancelled = now
	case endExpired:
		r.Expired = now
	default:
		r.Completed = now
	}
	return r.put(ctx, f)
}

// endRest fails the rows that were not asked.
func (s *Service) endRest(ctx context.Context, f *batch.File, r *record) error {
	why := runner.Error{Kind: "batch_expired", Message: "the request was not asked before the batch's completion window ended"}
	if r.End == endCancelled {
		why = runner.Error{Kind: "batch_cancelled", Message: "the batch was cancelled before the request was asked"}
	}
	return batch.Work(ctx, f, func(context.Context, batch.Item) batch.Reply {
		e := why
		return batch.Reply{Result: runner.Result{Error: &e}, Err: errNotAsked}
	}, batch.Options{Concurrency: func() int { return unaskedAtOnce }})
}

// write stores the answers, or the failures, as a file.
func (s *Service) write(ctx context.Context, id string, r *record, to, name string, ok bool) error {
	v, err := batch.Look(s.cfg.Dir, id)
	if err != nil {
		return err
	}
	defer v.Close()
	draft, err := s.files.draft()
	if err != nil {
		return err
	}
	defer draft.Discard() //nolint:errcheck // published, or of no use
	if err := requests.Write(io.Writer(draft), "lines.jsonl", id, v.Results(ctx), func(res *batch.Result) bool { return res.Result.OK == ok }); err != nil {
		return err
	}
	keep := keepFiles
	if r.KeepFor > 0 {
		keep = time.Duration(r.KeepFor) * time.Second
	}
	now := s.now()
	return s.files.put(draft, &file{
		ID: to, Caller: r.Caller, Name: batchPrefix + id + "_" + name + ".jsonl", Purpose: purposeOutput, Created: now.Unix(), Expires: now.Add(keep).Unix(),
	})
}
