package batches

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"math"
	"slices"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/requests"
	"github.com/tandem-llm/tandem/internal/table"
)

// mostMistakes is how many mistakes of a file are told.
const mostMistakes = 100

// validate checks the requests and stores them as rows. What is wrong with them ends the
// batch: no request of it is asked.
func (s *Service) validate(ctx context.Context, f *batch.File, r *record) error {
	// It is opened once, so that it may be deleted while it is read.
	input, gone := s.files.open(r.File)
	if gone == nil {
		defer input.Close()
	}
	open := func() (io.ReadCloser, error) {
		return io.NopCloser(io.NewSectionReader(input, 0, math.MaxInt64)), gone
	}
	name := f.Spec().Input.File
	found, err := requests.Check(name, requests.Rows(ctx, name, open), r.Endpoint, func(m *requests.Mistake) bool {
		r.add(m)
		return len(r.Mistakes) < mostMistakes
	})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.Mistakes = append(r.Mistakes, mistake{Code: "invalid_file", Message: "the input file was deleted before it was read", Param: orNull("input_file_id")})
	case err != nil:
		return err
	case len(r.Mistakes) == 0 && found.N == 0:
		r.Mistakes = append(r.Mistakes, mistake{Code: "empty_file", Message: "the input file holds no requests", Param: orNull("input_file_id")})
	case len(r.Mistakes) < mostMistakes && !found.Full:
		if err := s.checkModels(ctx, r, found, requests.Lines(ctx, name, open, linesOf(found))); err != nil {
			return err
		}
	}
	if len(r.Mistakes) > 0 {
		slices.SortStableFunc(r.Mistakes, func(a, b mistake) int { return a.line() - b.line() })
		r.Failed = s.now().Unix()
		return r.ready(ctx, f)
	}
	if _, err := f.Add(ctx, requests.Rows(ctx, name, open), requests.FirstPrompt); err != nil {
		return err
	}
	r.InProgress = s.now().Unix()
	return r.ready(ctx, f)
}

// add adds a mistake to those that are told.
func (r *record) add(m *requests.Mistake) {
	text := m.At.Message
	if m.At.Remedy != "" {
		text += "; " + m.At.Remedy
	}
	r.Mistakes = append(r.Mistakes, mistake{Code: m.Code, Line: orNull(m.At.Line), Message: text, Param: orNull(m.Param)})
}

// linesOf are the first lines of the models that a file names.
func linesOf(found requests.Found) map[int]bool {
	lines := map[int]bool{}
	for _, line := range found.Models {
		lines[line] = true
	}
	return lines
}

// checkModels finds the models that nobody here has, or that the key may not ask, by the
// first request to each. One whose provider cannot be reached may be there later: its
// requests wait for that.
func (s *Service) checkModels(ctx context.Context, r *record, found requests.Found, firsts iter.Seq2[table.Row, error]) error {
	ctx, err := s.onBehalf(ctx, r)
	if errors.Is(err, ErrKeys) {
		return err
	}
	if err != nil {
		r.Mistakes = append(r.Mistakes, mistake{Code: "invalid_key", Message: err.Error()})
		return nil //nolint:nilerr // it is among the mistakes
	}
	r.Models = slices.Sorted(maps.Keys(found.Models))
	line := 0
	for row, err := range firsts {
		if err != nil && !errors.As(err, new(*requests.Mistake)) {
			return err
		}
		if row.Line == line { // it comes once for each of its mistakes
			continue
		}
		line = row.Line
		q, err := requests.Decode(row.Inputs)
		if err == nil {
			err = s.cfg.Exchange.Prepare(ctx, r.Headers, q.Question)
		}
		if err == nil {
			continue
		}
		if s.cfg.Exchange.Closing() || ctx.Err() != nil {
			return fmt.Errorf("the service stops: %w", err)
		}
		failure := exchange.FailureOf(err)
		if failure.Retry {
			continue
		}
		r.Mistakes = append(r.Mistakes, mistake{Code: failure.Code, Line: &row.Line, Message: failure.Message, Param: orNull("body.model")})
		if len(r.Mistakes) == mostMistakes {
			break
		}
	}
	return nil
}

// onBehalf is ctx for calls on behalf of the batch's key, with what that may now.
func (s *Service) onBehalf(ctx context.Context, r *record) (context.Context, error) {
	if r.Caller == "" || s.cfg.OnBehalf == nil {
		return ctx, nil
	}
	return s.cfg.OnBehalf(ctx, r.Caller)
}
