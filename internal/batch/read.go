package batch

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/dbfile"
	"github.com/tandem-llm/tandem/internal/held"
	"github.com/tandem-llm/tandem/internal/runner"
)

// querier is a connection, or a database of one.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func readSpec(ctx context.Context, q querier) (spec Spec, err error) {
	var text string
	if err := q.QueryRowContext(ctx, "SELECT spec FROM batch").Scan(&text); err != nil {
		if errors.Is(err, sql.ErrNoRows) {
			err = errors.New("nothing is in it: the process that made it ended at once")
		}
		return spec, err
	}
	return spec, json.Unmarshal([]byte(text), &spec)
}

// View reads a batch, whoever runs it.
type View struct {
	path string
	db   *sql.DB
}

// Look opens a batch to read it; fs.ErrNotExist: there is none.
func Look(dir, id string) (*View, error) {
	path := Path(dir, id)
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	db, err := dbfile.Open(dbfile.ReadOnly(path, writeTimeout))
	if err != nil {
		return nil, explain(path, err)
	}
	return &View{path, db}, nil
}

// Close ends the reading.
func (v *View) Close() error { return v.db.Close() }

// Spec is what the batch is. Unlike [View.Status] it counts no rows.
func (v *View) Spec(ctx context.Context) (Spec, error) {
	spec, err := readSpec(ctx, v.db)
	return spec, explain(v.path, err)
}

// Status says how far the batch has come.
func (v *View) Status(ctx context.Context) (Status, error) {
	s, err := status(ctx, v.db)
	if err != nil {
		return s, explain(v.path, err)
	}
	if s.Holder = held.By(lockFiles(v.path)); s.Holder != nil && s.State == Waiting {
		s.State = Running
	}
	s.Waiting, s.Away = s.Waiting && s.State == Running, s.Away && s.State == Running // a process that was killed has left them so
	return s, nil
}

// Status says how far the batch has come.
func (f *File) Status(ctx context.Context) (Status, error) {
	s, err := status(ctx, f.conn)
	if s.State == Waiting {
		s.State = Running
	}
	return s, f.explain(err)
}

func status(ctx context.Context, q querier) (s Status, err error) {
	if s.Spec, err = readSpec(ctx, q); err != nil {
		return s, err
	}
	counts, closed, waits, away := "counts", "closed", "waits, waited, waiting", "away"
	var version int
	if err := q.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return s, err
	}
	if version < countsVersion { // nobody has run it since
		counts, closed = "("+countItems+")", "1"
	}
	if version < waitsVersion {
		waits = "0, 0, 0"
	}
	if version < awayVersion {
		away = "0"
	}
	var ready, cancelled, over bool
	if err := q.QueryRowContext(ctx, "SELECT ready, cancelled, repeated, ran, "+closed+", "+waits+", "+away+" FROM batch").Scan(&ready, &cancelled, &s.Repeated, &s.Ran, &over, &s.Waits, &s.Waited, &s.Waiting, &s.Away); err != nil {
		return s, err
	}
	if err := q.QueryRowContext(ctx, "SELECT coalesce(max(row), 0) FROM inputs").Scan(&s.Rows); err != nil {
		return s, err
	}
	if err := s.count(ctx, q, counts); err != nil {
		return s, err
	}
	if version >= partsVersion {
		if s.Parts, err = parts(ctx, q, true); err != nil {
			return s, err
		}
	}
	switch {
	case !ready:
		s.State = Reading
	case s.Left+s.Active+s.Sent == 0 && over:
		s.State, s.Over = Finished, true
		if s.Ended != "" {
			s.State = s.Ended
		}
	case cancelled && over && version >= countsVersion: // what is left was not wanted any more
		s.State, s.Over = Finished, true
	case cancelled:
		s.State = Cancelled
	default:
		s.State = Waiting
	}
	return s, nil
}

// Result is what is stored of an item that has ended.
type Result struct {
	Row      int // of the output, from 1
	Number   int // of the row in the input
	Variant  int
	Repeat   int
	Attempts int
	Inputs   map[string]any // with those that every row has
	Result   runner.Result
	Provider string // who answered last; empty: nobody
	Model    string
	Fallback bool
	Reason   string // why another than the first answered
	Input    int    // tokens of all attempts
	Output   int
	USD      *float64 // of all attempts; nil: not known
	Saved    float64
	Took     time.Duration
}

// Results are the items that have ended, in the order of the rows. An error is
// final.
func (v *View) Results(ctx context.Context) iter.Seq2[Result, error] {
	return func(yield func(Result, error) bool) {
		if err := v.results(ctx, yield); err != nil {
			yield(Result{}, explain(v.path, err))
		}
	}
}

func (v *View) results(ctx context.Context, yield func(Result, error) bool) error {
	spec, err := readSpec(ctx, v.db)
	if err != nil {
		return err
	}
	rows, err := v.db.QueryContext(ctx, `SELECT i.row, n.number, i.variant, i.repeat, i.attempts, n.inputs, r.result, coalesce(i.provider, ''), coalesce(i.model, ''), coalesce(i.reason, ''), i.fallback, i.input, i.output, i.usd, i.saved, i.unpriced, i.took
		FROM items i JOIN inputs n ON n.row = i.row JOIN results r ON r.id = i.id WHERE i.state IN (2, 3) ORDER BY i.row, i.variant, i.repeat`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var r Result
		var inputs, result string
		var usd float64
		var unpriced int
		if err := rows.Scan(&r.Row, &r.Number, &r.Variant, &r.Repeat, &r.Attempts, &inputs, &result, &r.Provider, &r.Model, &r.Reason, &r.Fallback, &r.Input, &r.Output, &usd, &r.Saved, &unpriced, &r.Took); err != nil {
			return err
		}
		if r.Inputs, err = DecodeInputs(inputs); err != nil {
			return err
		}
		for name, value := range spec.Given {
			r.Inputs[name] = value
		}
		dec := json.NewDecoder(strings.NewReader(result))
		dec.UseNumber()
		if err := dec.Decode(&r.Result); err != nil {
			return err
		}
		if unpriced == 0 {
			r.USD = &usd
		}
		if !yield(r, nil) {
			return nil
		}
	}
	return rows.Err()
}

// List are the ids of all batches, the newest first.
func List(dir string) ([]string, error) {
	found, err := os.ReadDir(filepath.Join(dir, "batches"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range found {
		if id, ok := strings.CutSuffix(e.Name(), ".db"); ok {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b string) int { return strings.Compare(b, a) })
	return ids, nil
}

// Cancel has a batch stopped, whoever runs it: what it has under way ends as it
// does. See [File.Cancelled].
func Cancel(ctx context.Context, dir, id string) error {
	path := Path(dir, id)
	if _, err := os.Stat(path); err != nil {
		return err
	}
	db, err := dbfile.Open(dbfile.Address(path, writeTimeout))
	if err != nil {
		return explain(path, err)
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, "UPDATE batch SET cancelled = 1")
	return explain(path, err)
}

// Remove removes a batch that nobody runs.
func Remove(dir, id string) error {
	path := Path(dir, id)
	if _, err := os.Stat(path); err != nil {
		return err
	}
	l, err := take(id, path)
	if err != nil {
		return explain(path, err)
	}
	return explain(path, remove(path, l))
}
