package batch

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A row that waits for its turn is neither asked nor timed, and whoever stops the batch
// need not wait for it.
func TestRowsWaitForTheirTurn(t *testing.T) {
	dir, stop := t.TempDir(), make(chan struct{})
	var turns, asked atomic.Int64
	j := job(t, func(ctx context.Context, prompt string) (string, error) {
		asked.Add(1)
		return echo(ctx, prompt)
	})
	f := started(t, dir, j, 100, Spec{})
	err := Work(t.Context(), f, jobRun(j), Options{Concurrency: fixed(3), Stop: stop, Resumable: true, Turn: func(ctx context.Context, _ Item) error {
		switch n := turns.Add(1); {
		case n == 13:
			close(stop)
			fallthrough
		case n > 10:
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}})
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	all, s := results(t, dir, "b1")
	if len(all) != 10 || asked.Load() != 10 || s.Left != 90 || s.Active != 0 {
		t.Errorf("%d results of %d calls, %+v", len(all), asked.Load(), s)
	}
	if f, err = Open(t.Context(), dir, "b1"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(Work(t.Context(), f, jobRun(j), Options{}), f.Close()); err != nil {
		t.Fatal(err)
	}
	all, s = results(t, dir, "b1")
	for _, r := range all {
		if r.Attempts != 1 {
			t.Errorf("row %d: %d attempts", r.Row, r.Attempts)
		}
	}
	if s.Done != 100 || s.Repeated != 0 {
		t.Errorf("%+v", s)
	}
}

func TestWaitingIsNoPartOfARowsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := job(t, func(ctx context.Context, prompt string) (string, error) {
			time.Sleep(time.Second)
			return echo(ctx, prompt)
		})
		f := started(t, t.TempDir(), j, 5, Spec{})
		defer f.Close()
		err := Work(t.Context(), f, jobRun(j), Options{Turn: func(context.Context, Item) error { time.Sleep(time.Minute); return nil }, Kept: func(out []Outcome) {
			for i := range out {
				if out[i].Took != time.Second {
					t.Errorf("row %d took %v", out[i].Row, out[i].Took)
				}
			}
		}})
		if err != nil {
			t.Error(err)
		}
	})
}

// What all processes of a batch have waited is added up. One that was killed while it
// waited does not wait any more.
func TestWaitsAddUp(t *testing.T) {
	dir, j := t.TempDir(), job(t, echo)
	f := started(t, dir, j, 3, Spec{})
	for i, w := range []struct {
		waits  int
		waited time.Duration
	}{{1, time.Second}, {2, 3 * time.Second}} {
		if err := f.SetWaits(t.Context(), w.waits, w.waited, true); err != nil {
			t.Fatal(err)
		}
		if err := f.SetAway(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		if s, err := f.Status(t.Context()); err != nil || s.Waits != w.waits || s.Waited != w.waited || !s.Waiting || !s.Away {
			t.Errorf("%d: %+v, %v", i, s, err)
		}
	}
	if _, s := results(t, dir, "b1"); !s.Waiting || !s.Away || s.State != Running {
		t.Errorf("while it runs: %+v", s)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, s := results(t, dir, "b1"); s.Waiting || s.Away || s.State != Waiting {
		t.Errorf("after its process: %+v", s)
	}
	f, err := Open(t.Context(), dir, "b1")
	if err == nil {
		err = errors.Join(f.SetWaits(t.Context(), 2, time.Second, false), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, s := results(t, dir, "b1"); s.Waits != 4 || s.Waited != 4*time.Second {
		t.Errorf("%+v", s)
	}
}
