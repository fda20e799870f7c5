package batch

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/dbfile"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/provider"
)

// both are the counts of a file, as they are kept and as its items say.
func both(t *testing.T, f *File) (kept, counted Status) {
	t.Helper()
	for _, c := range []struct {
		s    *Status
		from string
	}{{&kept, "counts"}, {&counted, "(" + countItems + " UNION ALL " + countPlaces + ")"}} {
		if err := c.s.count(t.Context(), f.conn, c.from); err != nil {
			t.Fatal(err)
		}
	}
	return kept, counted
}

// The counts are those of the items, whatever happens to these.
func TestTheCountsAreThoseOfTheItems(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	dir, j := t.TempDir(), job(t, echo)
	f := started(t, dir, j, 300, Spec{Variants: 2})
	defer func() { _ = f.Close() }()
	check := func(what string) {
		t.Helper()
		kept, counted := both(t, f)
		if !reflect.DeepEqual(kept, counted) {
			t.Fatalf("seed %d: after %s\n%+v is kept, and the items are\n%+v", seed, what, kept, counted)
		}
	}
	check("storing the rows")
	var running []Item
	for range 300 {
		switch r.IntN(12) {
		case 0: // the process is killed
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			var err error
			if f, err = Open(t.Context(), dir, "b1"); err != nil {
				t.Fatal(err)
			}
			running = nil
			check("another process")
		case 1:
			if _, err := f.Resume(t.Context(), true); err != nil {
				t.Fatal(err)
			}
			check("asking for what failed")
		case 2: // nothing of it is stored
			if _, _, err := f.Exchange(t.Context(), []Outcome{{Fate: Unasked, Item: Item{id: 1 << 40}}}, 3); err == nil {
				t.Fatal("an item that is not there was given back")
			}
			check("an exchange that failed")
		default:
			var outcomes []Outcome
			for range r.IntN(len(running) + 1) {
				out := Outcome{Item: running[0], Fate: Fate(r.IntN(4)), Took: time.Duration(r.IntN(1e6))}
				running = running[1:]
				out.Tally = Tally{Provider: fmt.Sprint("p", r.IntN(3)), Fallback: r.IntN(2) == 0, Input: r.IntN(9), Output: r.IntN(9), USD: float64(r.IntN(9)) / 8, Saved: float64(r.IntN(9)) / 4, Unpriced: r.IntN(2)}
				if r.IntN(2) == 0 {
					out.Route = &provider.Route{Provider: out.Tally.Provider, Host: []string{"", "gpu1:11434", "gpu2:11434"}[r.IntN(3)]}
				}
				out.Node = []string{"", "pc1", "pc2"}[r.IntN(3)]
				if out.Fate != Done {
					out.Error = &runner.Error{Kind: fmt.Sprint("k", r.IntN(2))}
				}
				if out.Fate == Unasked {
					out.Tally = Tally{}
				}
				outcomes = append(outcomes, out)
			}
			items, _, err := f.Exchange(t.Context(), outcomes, r.IntN(12))
			if err != nil {
				t.Fatal(err)
			}
			running = append(running, items...)
			check("an exchange")
		}
	}
	if _, err := f.Add(t.Context(), rows(t, j.Chain, 7, numbered).Rows(), nil); err != nil {
		t.Fatal(err)
	}
	check("storing other rows")
}

// A file that was written before there were counts is read as it is, and has them once
// it is run.
func TestAFileWithoutCounts(t *testing.T) {
	dir := t.TempDir()
	if err := dbfile.Create(Path(dir, "b1")); err != nil {
		t.Fatal(err)
	}
	db, err := dbfile.Open(dbfile.Address(Path(dir, "b1"), writeTimeout))
	if err != nil {
		t.Fatal(err)
	}
	err = dbfile.Migrate(t.Context(), db, migrations[:countsVersion-1])
	if err == nil {
		_, err = db.ExecContext(t.Context(), `INSERT INTO batch (one, spec, ready) VALUES (1, '{"id":"b1"}', 1);
			INSERT INTO inputs (row, number, inputs) VALUES (1, 1, '{}'), (2, 2, '{}'), (3, 3, '{}');
			INSERT INTO items (row, variant, repeat, state, attempts, kind, provider, input, usd, took) VALUES
			(1, 0, 0, 2, 1, NULL, 'm', 5, 0.5, 7), (2, 0, 0, 3, 1, 'bad_answer', 'm', 5, 0.5, 7), (3, 0, 0, 3, 1, 'timeout', NULL, 0, 0, 9)`)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	_, before := results(t, dir, "b1")
	if before.State != Finished || before.Total != 3 || before.Done != 1 || before.Failures["timeout"] != 1 || before.Failed != 2 || before.USD != 1 || before.Busy != 23 {
		t.Errorf("%+v", before)
	}
	f, err := Open(t.Context(), dir, "b1")
	if err != nil {
		t.Fatal(err)
	}
	if kept, counted := both(t, f); !reflect.DeepEqual(kept, counted) {
		t.Errorf("%+v is kept, and the items are %+v", kept, counted)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, after := results(t, dir, "b1"); !reflect.DeepEqual(after, before) {
		t.Errorf("%+v, and before %+v", after, before)
	}
}

// A batch has finished when its answers are where they were to go, too.
func TestABatchHasFinishedWhenItsAnswersAreWritten(t *testing.T) {
	dir, j := t.TempDir(), job(t, echo)
	f := started(t, dir, j, 3, Spec{})
	if err := errors.Join(Work(t.Context(), f, jobRun(j), Options{}), f.Close()); err != nil {
		t.Fatal(err)
	}
	if _, s := results(t, dir, "b1"); s.State != Waiting || s.Done != 3 {
		t.Errorf("before: %+v", s)
	}
	f, err := Open(t.Context(), dir, "b1")
	if err == nil {
		err = errors.Join(f.Finish(t.Context()), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, s := results(t, dir, "b1"); s.State != Finished {
		t.Errorf("after: %+v", s)
	}
}

// Whoever asks for a batch that could not be made finds none.
func TestABatchThatCannotBeMadeIsNotThere(t *testing.T) {
	dir := t.TempDir()
	if _, err := Create(t.Context(), dir, Spec{ID: "b1", Given: map[string]any{"x": func() {}}}); err == nil {
		t.Fatal("no error")
	}
	if left, err := os.ReadDir(dir + "/batches"); err != nil || len(left) != 0 {
		t.Errorf("%v, %v", left, err)
	}
}
