package batch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/provider"
)

// inOrder reports what is wrong with results that should be those of n rows.
func inOrder(all []Result, n int) error {
	if len(all) != n {
		return fmt.Errorf("%d results of %d rows", len(all), n)
	}
	for i, r := range all {
		what := numbered(i + 1)
		if r.Row != i+1 || r.Number != i+1 || r.Inputs["what"] != what || !r.Result.OK || r.Result.Answer != "re "+what {
			return fmt.Errorf("result %d: %+v", i+1, r)
		}
	}
	return nil
}

func TestABatchRunsEachRowOnce(t *testing.T) {
	dir, j := t.TempDir(), job(t, echo)
	f := started(t, dir, j, 100, Spec{})
	kept := 0
	if err := Work(t.Context(), f, jobRun(j), Options{Concurrency: fixed(8), Kept: func(o []Outcome) { kept += len(o) }}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Finish(t.Context()), f.Close()); err != nil {
		t.Fatal(err)
	}
	all, s := results(t, dir, "b1")
	if err := inOrder(all, 100); err != nil {
		t.Error(err)
	}
	if s.State != Finished || s.Done != 100 || s.Total != 100 || kept != 100 || s.Input != 300 || s.Output != 200 || s.USD != 25 || s.Answered["m"] != 100 || s.Repeated != 0 {
		t.Errorf("%+v, %d kept", s, kept)
	}
	for _, r := range all {
		if r.Attempts != 1 || *r.USD != 0.25 {
			t.Errorf("%+v", r)
		}
	}
}

// A process that is killed at any moment loses no row, doubles none, and repeats no
// more calls than were under way.
func TestAKilledBatchGoesOn(t *testing.T) {
	const n, at = 60, 4
	dir := t.TempDir()
	var calls sync.Map // prompt → *atomic.Int64
	count := func(ctx context.Context, prompt string) (string, error) {
		c, _ := calls.LoadOrStore(prompt, new(atomic.Int64))
		c.(*atomic.Int64).Add(1)
		return echo(ctx, prompt)
	}
	j := job(t, count)
	f := started(t, dir, j, n, Spec{})
	var copies []string
	err := Work(t.Context(), f, func(ctx context.Context, item Item) Reply {
		return jobRun(j)(ctx, item)
	}, Options{Concurrency: fixed(at), Kept: func([]Outcome) { copies = append(copies, crash(t, dir, "b1")) }})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for i, dir := range copies {
		before, _ := results(t, dir, "b1")
		asked := atomic.Int64{}
		j := job(t, func(ctx context.Context, prompt string) (string, error) {
			asked.Add(1)
			return echo(ctx, prompt)
		})
		f, err := Open(t.Context(), dir, "b1")
		if err != nil {
			t.Fatalf("copy %d: %v", i, err)
		}
		err = Work(t.Context(), f, jobRun(j), Options{Concurrency: fixed(at)})
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		all, s := results(t, dir, "b1")
		if err := inOrder(all, n); err != nil {
			t.Errorf("copy %d: %v", i, err)
		}
		if int(asked.Load()) != n-len(before) || s.Repeated > askedShare*at {
			t.Errorf("copy %d: %d calls for %d rows, %d repeated", i, asked.Load(), n-len(before), s.Repeated)
		}
	}
}

// A batch whose rows were not all stored begins to read them anew.
func TestRowsAreStoredAllOrNone(t *testing.T) {
	dir, j := t.TempDir(), job(t, echo)
	f, err := Create(t.Context(), dir, Spec{ID: "b1"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	bound := rows(t, j.Chain, 5000, func(i int) string {
		if i == 3000 {
			cancel()
		}
		return numbered(i)
	})
	cancel()
	if _, err := f.Add(ctx, bound.Rows(), nil); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, s := results(t, dir, "b1"); s.State != Reading {
		t.Errorf("%+v", s)
	}
	if f, err = Open(t.Context(), dir, "b1"); err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n, err := f.Add(t.Context(), bound.First(2500), nil)
	if err == nil {
		err = f.Ready(t.Context(), f.Spec())
	}
	if s, _ := f.Status(t.Context()); err != nil || n != 2500 || s.Total != 2500 || s.State != Running {
		t.Errorf("%d rows, %v, %+v", n, err, s)
	}
}

func TestOneProcessRunsABatch(t *testing.T) {
	dir, j := t.TempDir(), job(t, echo)
	f := started(t, dir, j, 3, Spec{})
	_, err := Open(t.Context(), dir, "b1")
	if held := new(HeldError); !errors.As(err, &held) || held.Holder == nil || held.Holder.PID != os.Getpid() || held.Holder.Since.IsZero() {
		t.Errorf("a second one: %v", err)
	}
	if err := Remove(dir, "b1"); !errors.As(err, new(*HeldError)) {
		t.Errorf("removing it: %v", err)
	}
	if _, s := results(t, dir, "b1"); s.State != Running || s.Holder == nil {
		t.Errorf("%+v", s)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, s := results(t, dir, "b1"); s.State != Waiting || s.Holder != nil {
		t.Errorf("%+v", s)
	}
	for _, name := range []string{Path(dir, "b1")} {
		if st, err := os.Stat(name); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, st.Mode(), err)
		}
	}
	if err := Remove(dir, "b1"); err != nil {
		t.Error(err)
	}
	if _, err := Open(t.Context(), dir, "b1"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
	if ids, err := List(dir); err != nil || len(ids) != 0 {
		t.Errorf("%v, %v", ids, err)
	}
	if err := started(t, dir, j, 3, Spec{}).Discard(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(filepath.Join(dir, "batches")); err != nil || len(left) != 0 {
		t.Errorf("files of removed batches: %v, %v", left, err)
	}
}

func TestADamagedFileIsTold(t *testing.T) {
	for _, damage := range []func(data []byte) []byte{
		func(data []byte) []byte { return bytes.Repeat([]byte("no database "), 1000) },
		func(data []byte) []byte { return data[:len(data)/2] },
		func(data []byte) []byte {
			for i := 4096; i < len(data); i += 7 {
				data[i] ^= 0x5a
			}
			return data
		},
	} {
		dir, j := t.TempDir(), job(t, echo)
		if err := started(t, dir, j, 3000, Spec{}).Close(); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(Path(dir, "b1"))
		if err == nil {
			err = os.WriteFile(Path(dir, "b1"), damage(data), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		_, err = Open(t.Context(), dir, "b1")
		if damaged := new(FileError); !errors.As(err, &damaged) || !damaged.Damaged {
			t.Errorf("%v", err)
		}
		if f, err := take("b1", Path(dir, "b1")); err != nil {
			t.Errorf("the lock is still held: %v", err)
		} else {
			f.Release()
		}
	}
}

// A batch of variants and repeats runs each of them, row by row.
func TestVariantsAndRepeats(t *testing.T) {
	dir, j := t.TempDir(), job(t, echo)
	f := started(t, dir, j, 3, Spec{Variants: 2, Repeats: 2, Extra: json.RawMessage(`{"a":1}`)})
	err := Work(t.Context(), f, jobRun(j), Options{Concurrency: fixed(3)})
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	all, s := results(t, dir, "b1")
	if len(all) != 12 || s.Rows != 3 || s.Total != 12 || string(s.Extra) != `{"a":1}` {
		t.Fatalf("%d results, %+v", len(all), s)
	}
	for i, r := range all {
		if r.Row != 1+i/4 || r.Variant != i/2%2 || r.Repeat != i%2 {
			t.Errorf("result %d: row %d, variant %d, repeat %d", i, r.Row, r.Variant, r.Repeat)
		}
	}
}

// Inputs come back as they were: what every row has, and numbers with a point.
func TestInputsComeBackAsTheyWere(t *testing.T) {
	dir := t.TempDir()
	c := parsed(t, "inputs: {a: any, b: text}\ntransform: string(a) + b\n")
	f, err := Create(t.Context(), dir, Spec{ID: "b1", Given: map[string]any{"b": "x"}})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	bound, err := boundText(`{"a": 3}
{"a": 3.0}
{"a": [1.5, 2.0, {"n": -0.0}]}
{"a": 12345678901234567890}
{"a": "<&>\u2028"}
`).Bind(c, map[string]any{"b": "x"})
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for r, err := range bound.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, fmt.Sprintf("%#v", r.Inputs))
	}
	if _, err := f.Add(t.Context(), bound.Rows(), nil); err != nil {
		t.Fatal(err)
	}
	if err := f.Ready(t.Context(), f.Spec()); err != nil {
		t.Fatal(err)
	}
	items, exhausted, err := f.Exchange(t.Context(), nil, 10)
	if err != nil || !exhausted || len(items) != len(want) {
		t.Fatal(items, exhausted, err)
	}
	for i, item := range items {
		if got := fmt.Sprintf("%#v", item.Inputs); got != want[i] {
			t.Errorf("row %d: %s, want %s", item.Row, got, want[i])
		}
	}
}

// A result is stored once, whatever a caller does.
func TestAResultIsStoredOnce(t *testing.T) {
	dir, j := t.TempDir(), job(t, echo)
	f := started(t, dir, j, 3, Spec{})
	defer f.Close()
	items, _, err := f.Exchange(t.Context(), nil, 2)
	if err != nil || len(items) != 2 {
		t.Fatal(items, err)
	}
	out := Outcome{Item: items[0], Reply: Reply{Result: runner.Result{OK: true, Answer: "first"}, Tally: Tally{USD: 1}}}
	if _, _, err := f.Exchange(t.Context(), []Outcome{out}, 0); err != nil {
		t.Fatal(err)
	}
	out.Answer = "second"
	if _, _, err := f.Exchange(t.Context(), []Outcome{{Item: items[1], Reply: out.Reply}, out}, 5); err == nil {
		t.Error("a second result was taken")
	}
	all, s := results(t, dir, "b1")
	if len(all) != 1 || all[0].Result.Answer != "first" || s.USD != 1 || s.Active != 1 || s.Left != 1 {
		t.Errorf("%+v, %+v", all, s)
	}
}

// What failed runs again when somebody asks for it, and its money stays counted.
func TestFailedRowsRunAgain(t *testing.T) {
	dir := t.TempDir()
	broken := true
	j := job(t, func(ctx context.Context, prompt string) (string, error) {
		if broken && prompt == numbered(2) {
			return "", provider.Errorf(provider.BadAnswer, "m", "", "no")
		}
		return echo(ctx, prompt)
	})
	f := started(t, dir, j, 4, Spec{})
	if err := errors.Join(Work(t.Context(), f, jobRun(j), Options{}), f.Finish(t.Context()), f.Close()); err != nil {
		t.Fatal(err)
	}
	all, s := results(t, dir, "b1")
	if len(all) != 4 || all[1].Result.OK || all[1].Result.Error.Kind != "bad_answer" || s.Failed != 1 || s.Failures["bad_answer"] != 1 || s.State != Finished {
		t.Fatalf("%+v, %+v", all, s)
	}
	broken = false
	f, err := Open(t.Context(), dir, "b1")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := f.Resume(t.Context(), true); n != 1 || err != nil {
		t.Errorf("%d failed, %v", n, err)
	}
	if err := errors.Join(Work(t.Context(), f, jobRun(j), Options{}), f.Close()); err != nil {
		t.Fatal(err)
	}
	all, s = results(t, dir, "b1")
	if err := inOrder(all, 4); err != nil || all[1].Attempts != 2 || s.Failed != 0 || s.Done != 4 || s.Failures != nil {
		t.Errorf("%v, %+v", err, s)
	}
}

func TestAnotherProcessCancels(t *testing.T) {
	dir, j := t.TempDir(), job(t, echo)
	f := started(t, dir, j, 3, Spec{})
	if is, err := f.Cancelled(t.Context()); is || err != nil {
		t.Error(is, err)
	}
	if err := Cancel(t.Context(), dir, "b1"); err != nil {
		t.Fatal(err)
	}
	if is, err := f.Cancelled(t.Context()); !is || err != nil {
		t.Error(is, err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, s := results(t, dir, "b1"); s.State != Cancelled {
		t.Errorf("%+v", s)
	}
}
