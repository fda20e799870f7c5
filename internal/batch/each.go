package batch

import (
	"context"
	"io"
	"iter"

	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/table"
)

// EachOptions say how rows are run.
type EachOptions struct {
	Concurrency int             // how many at a time; less than 1: one
	RowDone     func(ended int) // if not nil, is told how many have ended
}

// Each runs the job once for each row, with the row's inputs in the place of the
// job's, and gives what came of them in the order of the rows. A row that fails
// stops no other; an error of the sequence is one of reading rows, after the rows
// before it. No more rows start once ctx has ended.
//
// It holds no more than a few rows for each that runs, however many there are, and
// keeps nothing: it is [Work] on a queue in memory.
func Each(ctx context.Context, job runner.Job, rows iter.Seq2[table.Row, error], o EachOptions) iter.Seq2[Outcome, error] {
	return func(yield func(Outcome, error) bool) {
		n := max(1, o.Concurrency)
		ctx, cancel := context.WithCancel(ctx)
		q := &memory{ahead: 4 * n, first: 1, early: map[int]Outcome{}, out: make(chan Outcome), left: make(chan struct{}), rowDone: o.RowDone}
		next, stop := iter.Pull2(rows)
		q.next = next
		var err error
		over := make(chan struct{})
		defer func() {
			cancel()
			close(q.left)
			<-over
			stop()
		}()
		go func() {
			defer close(over)
			defer close(q.out)
			err = Work(ctx, q, jobRun(job), Options{Concurrency: func() int { return n }})
		}()
		for out := range q.out {
			if !yield(out, nil) {
				return
			}
		}
		if err != nil && ctx.Err() == nil {
			yield(Outcome{}, err)
		}
	}
}

// jobRun runs a job with an item's inputs.
func jobRun(job runner.Job) Run {
	return func(ctx context.Context, item Item) Reply {
		job := job
		job.Vars = item.Inputs
		return Ask(ctx, job)
	}
}

// memory is a queue that reads rows as they are claimed, and passes outcomes on in
// their order.
type memory struct {
	next    func() (table.Row, error, bool)
	rowDone func(int)
	ahead   int // how many rows are claimed, at most, after the first one that has not ended
	first   int // the first row that has not been passed on
	claimed int
	ended   int
	early   map[int]Outcome // of rows after it
	out     chan Outcome
	left    chan struct{} // closed: nobody wants what is passed on
	err     error         // of reading rows
}

var _ Queue = (*memory)(nil)

// Exchange passes outcomes on and reads rows. See [Queue].
func (m *memory) Exchange(_ context.Context, outcomes []Outcome, n int) (items []Item, exhausted bool, err error) {
	for _, out := range outcomes {
		if out.Fate == Unasked {
			continue
		}
		m.ended++
		m.early[out.Row] = out
		if m.rowDone != nil {
			m.rowDone(m.ended)
		}
	}
	m.passOn()
	for range min(n, m.first+m.ahead-m.claimed-1) {
		if m.err != nil {
			break
		}
		row, err, ok := m.next()
		switch {
		case !ok:
			m.err = io.EOF
		case err != nil:
			m.err = err
		default:
			m.claimed = row.Number
			items = append(items, Item{Row: row.Number, Attempt: 1, Inputs: row.Inputs})
		}
	}
	if m.err == io.EOF {
		return items, true, nil
	}
	// The error waits until the rows before it have been passed on.
	if m.err != nil && m.first > m.claimed {
		return nil, true, m.err
	}
	return items, false, nil
}

// passOn passes on what is next in order.
func (m *memory) passOn() {
	for {
		out, ok := m.early[m.first]
		if !ok {
			return
		}
		delete(m.early, m.first)
		m.first++
		select {
		case m.out <- out:
		case <-m.left:
		}
	}
}
