package batch

import (
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/internal/table"
)

// Rows are stored so many at a time, or as many as come to so many bytes.
const (
	addRows  = 2000
	addBytes = 4 << 20
)

// Add stores rows, each with its items. Those that were stored before by a process
// that ended in the middle are dropped first. Nothing of a batch runs before
// [File.Ready].
//
// Rows run in their order, or if prompt is not nil in that of what it returns for the
// inputs, among those that are stored at a time: an engine that has read the beginning
// of a prompt need not read it again for the next one. Their results keep the order of
// the rows.
func (f *File) Add(ctx context.Context, rows iter.Seq2[table.Row, error], prompt func(inputs map[string]any) string) (n int, err error) {
	if err := f.write(ctx, func() error { return f.empty(ctx) }); err != nil {
		return 0, err
	}
	a := adder{f: f, prompt: prompt}
	for row, err := range rows {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = a.add(ctx, &row)
		}
		if err != nil {
			return a.n, err
		}
	}
	return a.n, a.flush(ctx)
}

func (f *File) empty(ctx context.Context) error {
	_, err := f.conn.ExecContext(ctx, "DELETE FROM results; DELETE FROM items; DELETE FROM inputs; DELETE FROM counts")
	return err
}

// adder gathers rows for a transaction.
type adder struct {
	f       *File
	prompt  func(map[string]any) string // nil: the rows run in their order
	n       int                         // rows so far, those that wait included
	waiting []waiting
	bytes   int
}

type waiting struct {
	number int
	inputs string
	prompt string
}

func (a *adder) add(ctx context.Context, row *table.Row) error {
	own := make(map[string]any, len(row.Inputs))
	for name, value := range row.Inputs {
		if _, given := a.f.spec.Given[name]; !given {
			own[name] = value
		}
	}
	text, err := EncodeInputs(own)
	if err != nil {
		return err
	}
	w := waiting{number: row.Number, inputs: text}
	if a.prompt != nil {
		w.prompt = a.prompt(row.Inputs)
	}
	a.n++
	a.bytes += len(w.inputs) + len(w.prompt)
	a.waiting = append(a.waiting, w)
	if len(a.waiting) < addRows && a.bytes < addBytes {
		return nil
	}
	return a.flush(ctx)
}

func (a *adder) flush(ctx context.Context) error {
	err := a.f.write(ctx, func() error {
		inputs, err := a.f.conn.PrepareContext(ctx, "INSERT INTO inputs (row, number, inputs) VALUES (?, ?, ?)")
		if err != nil {
			return err
		}
		defer inputs.Close()
		items, err := a.f.conn.PrepareContext(ctx, "INSERT INTO items (row, variant, repeat) VALUES (?, ?, ?)") //nolint:sqlclosecheck // the deferred Close is not seen behind eachItem
		if err != nil {
			return err
		}
		defer items.Close()
		first, n := a.n-len(a.waiting)+1, 0
		for i, w := range a.waiting {
			if _, err := inputs.ExecContext(ctx, first+i, w.number, w.inputs); err != nil {
				return err
			}
		}
		if err := a.f.spec.eachItem(a.order(first), func(row, variant, repeat int) error {
			n++
			_, err := items.ExecContext(ctx, row, variant, repeat)
			return err
		}); err != nil {
			return err
		}
		counts := recount{}
		counts.of(group{state: itemPending}).n = n
		return counts.put(ctx, a.f.q.counts)
	})
	a.waiting, a.bytes = a.waiting[:0], 0
	return err
}

// order is the order in which the rows that wait are run, the first of which has the
// number first.
func (a *adder) order(first int) []int {
	rows := make([]int, len(a.waiting))
	for i := range rows {
		rows[i] = first + i
	}
	if a.prompt != nil {
		slices.SortStableFunc(rows, func(x, y int) int { return strings.Compare(a.waiting[x-first].prompt, a.waiting[y-first].prompt) })
	}
	return rows
}

// eachItem calls do for the items of rows in the order in which they are run.
func (s *Spec) eachItem(rows []int, do func(row, variant, repeat int) error) error {
	for block := range slices.Chunk(rows, max(1, s.Block)) {
		for v := range max(1, s.Variants) {
			for _, row := range block {
				for r := range max(1, s.Repeats) {
					if err := do(row, v, r); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// Ready says that all rows are stored, with what is known of their source now.
func (f *File) Ready(ctx context.Context, spec Spec) error {
	f.spec = spec
	return f.write(ctx, func() error {
		if err := f.putSpec(ctx); err != nil {
			return err
		}
		_, err := f.conn.ExecContext(ctx, "UPDATE batch SET ready = 1")
		return err
	})
}

// Resume makes a batch that was cancelled or has finished one that runs again. Failed items are
// pending again where again says so; it returns how many those were.
func (f *File) Resume(ctx context.Context, again bool) (failed int64, err error) {
	err = f.write(ctx, func() error {
		if _, err := f.conn.ExecContext(ctx, "UPDATE batch SET cancelled = 0, closed = 0"); err != nil || !again {
			return err
		}
		res, err := f.conn.ExecContext(ctx, "UPDATE items SET state = 0, kind = NULL WHERE state = 3")
		if err != nil {
			return err
		}
		if failed, err = res.RowsAffected(); err != nil {
			return err
		}
		return f.mergeCounts(ctx, itemFailed)
	})
	return failed, err
}

// Retry makes failed items pending again that failed for one of these kinds of error.
func (f *File) Retry(ctx context.Context, kinds ...string) (failed int64, err error) {
	if len(kinds) == 0 {
		return 0, nil
	}
	args := make([]any, len(kinds))
	for i, kind := range kinds {
		args[i] = kind
	}
	err = f.write(ctx, func() error {
		res, err := f.conn.ExecContext(ctx, "UPDATE items SET state = 0, kind = NULL WHERE state = 3 AND kind IN ("+marks(len(kinds))+")", args...) //nolint:gosec // question marks
		if err != nil {
			return err
		}
		if failed, err = res.RowsAffected(); err != nil {
			return err
		}
		return f.mergeCounts(ctx, itemFailed, kinds...)
	})
	return failed, err
}
