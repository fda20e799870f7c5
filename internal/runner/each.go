package runner

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/tandem-llm/tandem/internal/table"
)

// RowResult is what came of one row.
type RowResult struct {
	Row    int            `json:"row"` // from 1
	Inputs map[string]any `json:"inputs"`
	Result
	Err error `json:"-"` // of the run
}

// EachOptions say how rows are run.
type EachOptions struct {
	Concurrency int             // how many at a time; less than 1: one
	RowDone     func(ended int) // if not nil, is told how many have ended; it must be safe for concurrent use
}

// Each runs the job once for each row, with the row's inputs in the place of the
// job's, and gives what came of them in the order of the rows. A row that fails
// stops no other; an error of the sequence is one of reading rows, after the rows
// before it. No more rows start once ctx has ended.
//
// It holds no more than a few rows for each that runs, however many there are.
func Each(ctx context.Context, job Job, rows iter.Seq2[table.Row, error], o EachOptions) iter.Seq2[RowResult, error] {
	return func(yield func(RowResult, error) bool) {
		r := rowRunner{job: job, options: o}
		n := max(1, o.Concurrency)
		r.started = make(chan chan RowResult, 4*n)
		r.free = make(chan struct{}, n)
		defer r.running.Wait()
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		r.running.Go(func() {
			defer close(r.started)
			r.err = r.start(ctx, rows)
		})
		for result := range r.started {
			if !yield(<-result, nil) {
				return
			}
		}
		if r.err != nil {
			yield(RowResult{}, r.err)
		}
	}
}

// rowRunner is one call of Each.
type rowRunner struct {
	job     Job
	options EachOptions
	running sync.WaitGroup
	ended   atomic.Int64
	free    chan struct{}       // has a place for each row that runs
	started chan chan RowResult // in the order of the rows
	err     error               // of reading rows; set before started is closed
}

// start starts rows as others end, until there are no more.
func (r *rowRunner) start(ctx context.Context, rows iter.Seq2[table.Row, error]) error {
	for row, err := range rows {
		if err != nil {
			return err
		}
		select {
		case r.free <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return nil
		}
		result := make(chan RowResult, 1)
		select {
		case r.started <- result:
		case <-ctx.Done():
			return nil
		}
		r.running.Go(func() {
			result <- r.run(ctx, row)
			<-r.free
		})
	}
	return nil
}

func (r *rowRunner) run(ctx context.Context, row table.Row) RowResult {
	job := r.job
	job.Vars = row.Inputs
	result, err := Run(ctx, job, nil)
	if ended := int(r.ended.Add(1)); r.options.RowDone != nil {
		r.options.RowDone(ended)
	}
	return RowResult{Row: row.Number, Inputs: row.Inputs, Result: result, Err: err}
}
