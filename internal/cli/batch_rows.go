package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/table"
)

// batchRows are the rows of a batch before they are stored.
type batchRows struct {
	name   string // as it was given
	source batch.Source
	state  fs.FileInfo  // of the file as it was first seen
	bound  *table.Bound // nil: the rows are no inputs of a chain
	all    func() iter.Seq2[table.Row, error]
	where  *chain.Condition                         // nil: all rows
	values func(*table.Row) (map[string]any, error) // of a row, for where
	pick   pickInput
	close  func()
}

// openBatchRows opens the rows of --in, and finds what is wrong with any of them.
// Standard input is copied into a file that only the user can read, and which
// close removes.
func (a *app) openBatchRows(ctx context.Context, in *batchInput, c *chain.Chain, given map[string]any) (_ *batchRows, err error) {
	r := &batchRows{name: in.in, pick: in.pick, close: func() {}}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	if err := r.parseWhere(); err != nil {
		return nil, err
	}
	shown, open := in.in, func() (io.ReadCloser, error) { return os.Open(in.in) }
	if in.in == stdinPath {
		copied, err := a.spool(ctx)
		if err != nil {
			return nil, err
		}
		r.close, shown, open = copied.close, copied.name, copied.open
		r.source = batch.Source{File: stdinPath, Size: copied.size, Digest: copied.digest}
	} else if err := r.identify(ctx); err != nil {
		return nil, err
	}
	file := table.New(shown, open)
	if in.encoding != "" {
		if file, err = file.WithEncoding(in.encoding); err != nil {
			return nil, usageError{fmt.Errorf("--encoding: %w", err)}
		}
	}
	if r.bound, err = file.Bind(c, given); err != nil {
		return nil, err
	}
	r.all, r.values = r.bound.Rows, columnValues
	return r, r.checkWhere(append(c.Inputs(), r.bound.Unused...))
}

// identify notes which file it is, and its digest.
func (r *batchRows) identify(ctx context.Context) error {
	st, err := os.Stat(r.name)
	if err != nil {
		return usageError{fmt.Errorf("cannot read %s: %w", r.name, cause(err))}
	}
	if !st.Mode().IsRegular() {
		return usageError{fmt.Errorf("%s is not a regular file; give its rows with --in -", r.name)}
	}
	if r.source, err = sourceOf(ctx, r.name); err != nil {
		return usageError{fmt.Errorf("cannot read %s: %w", r.name, cause(err))}
	}
	r.state = st
	return nil
}

// sourceOf is a file as it is now.
func sourceOf(ctx context.Context, path string) (batch.Source, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return batch.Source{}, err
	}
	f, err := os.Open(path)
	if err != nil {
		return batch.Source{}, err
	}
	defer f.Close()
	sum := sha256.New()
	var n int64
	_, err = until(ctx, func() (_ []byte, err error) {
		n, err = io.Copy(sum, f)
		return nil, err
	})
	return batch.Source{File: abs, Size: n, Digest: hex.EncodeToString(sum.Sum(nil))}, err
}

// unchanged returns an error if the file has changed since it was identified.
func (r *batchRows) unchanged(path string) error {
	st, err := os.Stat(path)
	if err == nil && st.Size() == r.state.Size() && st.ModTime().Equal(r.state.ModTime()) && st.Size() == r.source.Size {
		return nil
	}
	return usageError{fmt.Errorf("%s changed while it was read; start again when it is complete", r.name)}
}

// parseWhere reads --where.
func (r *batchRows) parseWhere() (err error) {
	if r.pick.where == "" {
		return nil
	}
	if r.where, err = chain.NewCondition(r.pick.where); err != nil {
		return usageError{fmt.Errorf("--where: %w", err)}
	}
	return nil
}

// checkWhere finds names in --where that are no column.
func (r *batchRows) checkWhere(columns []string) error {
	if r.where == nil {
		return nil
	}
	for _, name := range r.where.Names() {
		if !slices.Contains(columns, name) {
			hint := "it has " + strings.Join(columns, ", ")
			if near, ok := diag.Nearest(name, columns); ok {
				hint = "did you mean " + diag.Quote(near) + "?"
			}
			return usageError{fmt.Errorf("--where: %s has no column %s; %s", r.name, diag.Quote(name), hint)}
		}
	}
	return nil
}

// matching are the rows that --where leaves.
func (r *batchRows) matching() iter.Seq2[table.Row, error] {
	if r.where == nil {
		return r.all()
	}
	return func(yield func(table.Row, error) bool) {
		for row, err := range r.all() {
			is := false
			if err == nil {
				is, err = r.holds(&row)
			}
			if err != nil {
				yield(table.Row{}, err)
				return
			}
			if is && !yield(row, nil) {
				return
			}
		}
	}
}

// columnValues are all columns of a row, and its inputs.
func columnValues(row *table.Row) (map[string]any, error) {
	values := map[string]any{}
	if object, ok := row.Value.(map[string]any); ok {
		maps.Copy(values, object)
	}
	maps.Copy(values, row.Inputs)
	return values, nil
}

func (r *batchRows) holds(row *table.Row) (bool, error) {
	values, err := r.values(row)
	if err != nil {
		return false, err
	}
	for _, name := range r.where.Names() {
		if _, ok := values[name]; !ok {
			values[name] = nil // a JSON row that leaves it out
		}
	}
	is, err := r.where.Holds(values)
	if err != nil {
		return false, usageError{fmt.Errorf("%s, row %d: --where: %w", r.name, row.Number, err)}
	}
	return is, nil
}

// picked are the rows that are run, and in words which those are; "": all.
func (r *batchRows) picked() (iter.Seq2[table.Row, error], string, error) {
	what := ""
	if r.where != nil {
		what = "where " + r.pick.where
	}
	rows := r.matching()
	switch n := r.pick.sample; {
	case n > 0:
		numbers, of, err := sampleRows(rows, n, r.pick.seed)
		if err != nil {
			return nil, "", err
		}
		text := fmt.Sprintf("%s chosen at random from %s (seed %d)", count(len(numbers), "row"), count(of, "row"), r.pick.seed)
		return rowsNumbered(rows, numbers), strings.TrimPrefix(what+", "+text, ", "), nil
	case r.pick.limit > 0:
		return firstRows(rows, r.pick.limit), strings.TrimPrefix(what+", "+firstText(r.pick.limit), ", "), nil
	}
	return rows, what, nil
}

// sampleRows chooses the numbers of n rows, all equally likely, and counts the rows.
func sampleRows(rows iter.Seq2[table.Row, error], n int, seed int64) (numbers []int, of int, err error) {
	random := rand.New(rand.NewPCG(uint64(seed), 0)) //nolint:gosec // the same seed chooses the same rows
	for row, err := range rows {
		if err != nil {
			return nil, 0, err
		}
		of++
		if len(numbers) < n {
			numbers = append(numbers, row.Number)
		} else if i := random.IntN(of); i < n {
			numbers[i] = row.Number
		}
	}
	slices.Sort(numbers)
	return numbers, of, nil
}

// rowsNumbered are the rows with these numbers, which are in order.
func rowsNumbered(rows iter.Seq2[table.Row, error], numbers []int) iter.Seq2[table.Row, error] {
	return func(yield func(table.Row, error) bool) {
		left := numbers
		for row, err := range rows {
			if err == nil && (len(left) == 0 || row.Number != left[0]) {
				continue
			}
			if err == nil {
				left = left[1:]
			}
			if !yield(row, err) || len(left) == 0 {
				return
			}
		}
	}
}

func firstRows(rows iter.Seq2[table.Row, error], n int) iter.Seq2[table.Row, error] {
	return func(yield func(table.Row, error) bool) {
		left := n
		for row, err := range rows {
			if left--; !yield(row, err) || left == 0 {
				return
			}
		}
	}
}
