package batch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandem-llm/tandem/internal/table"
	"github.com/tandem-llm/tandem/provider"
)

func boundText(text string) *table.File {
	return table.New("t.jsonl", func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil })
}

// No more run at a time than may, and all that may do.
func TestAsManyRunAsMay(t *testing.T) {
	var mu sync.Mutex
	running, most := 0, 0
	full := make(chan struct{})
	j := job(t, func(ctx context.Context, prompt string) (string, error) {
		mu.Lock()
		if running++; running > most {
			if most = running; most == 5 {
				close(full)
			}
		}
		mu.Unlock()
		<-full
		mu.Lock()
		running--
		mu.Unlock()
		return echo(ctx, prompt)
	})
	f := started(t, t.TempDir(), j, 50, Spec{})
	defer f.Close()
	if err := Work(t.Context(), f, jobRun(j), Options{Concurrency: fixed(5)}); err != nil || most != 5 {
		t.Errorf("%d at a time, %v", most, err)
	}
}

// What runs when a batch is stopped is kept, and nothing else is started.
func TestAStoppedBatchKeepsWhatRuns(t *testing.T) {
	dir, stop, asked := t.TempDir(), make(chan struct{}), atomic.Int64{}
	j := job(t, func(ctx context.Context, prompt string) (string, error) {
		if asked.Add(1) == 10 {
			close(stop)
		}
		if asked.Load() >= 10 {
			<-stop
		}
		return echo(ctx, prompt)
	})
	f := started(t, dir, j, 1000, Spec{})
	if err := errors.Join(Work(t.Context(), f, jobRun(j), Options{Concurrency: fixed(3), Stop: stop}), f.Close()); err != nil {
		t.Fatal(err)
	}
	all, s := results(t, dir, "b1")
	if len(all) != int(asked.Load()) || s.Done != len(all) || s.Active != 0 || s.Left != 1000-len(all) || s.State != Waiting || len(all) > 100 {
		t.Errorf("%d results of %d calls, %+v", len(all), asked.Load(), s)
	}
	for _, r := range all {
		if r.Attempts != 1 {
			t.Errorf("row %d: %d attempts", r.Row, r.Attempts)
		}
	}
}

// What the caller cuts off runs again.
func TestAnAbortedRowComesAgain(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	j := job(t, func(ctx context.Context, prompt string) (string, error) {
		if prompt == numbered(3) {
			cancel()
			<-ctx.Done()
			return "", ctx.Err()
		}
		return echo(ctx, prompt)
	})
	f := started(t, dir, j, 10, Spec{})
	if err := Work(ctx, f, jobRun(j), Options{Resumable: true}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	all, s := results(t, dir, "b1")
	if len(all) != 2 || s.Left != 8 || s.Failed != 0 || s.Active != 0 {
		t.Errorf("%d results, %+v", len(all), s)
	}
}

// A budget that refuses a row while others run may have room when they have ended;
// one that refuses a row that runs alone ends the batch, which can go on later.
func TestABudgetEndsABatch(t *testing.T) {
	dir, left := t.TempDir(), atomic.Int64{}
	left.Store(7)
	var reserved atomic.Int64
	j := job(t, func(ctx context.Context, prompt string) (string, error) {
		// A call reserves 3 and comes to 1.
		if left.Load() < reserved.Add(3) {
			reserved.Add(-3)
			return "", provider.Errorf(provider.OverBudget, "m", "", "no room")
		}
		left.Add(-1)
		reserved.Add(-3)
		return echo(ctx, prompt)
	})
	f := started(t, dir, j, 20, Spec{})
	err := Work(t.Context(), f, jobRun(j), Options{Concurrency: fixed(4), Resumable: true})
	if !errors.Is(err, provider.OverBudget) {
		t.Fatal(err)
	}
	s, err := f.Status(t.Context())
	if err != nil || s.Done != 5 || s.Failed != 0 || s.Left != 15 {
		t.Errorf("%+v, %v", s, err)
	}
	left.Store(100)
	if err := errors.Join(Work(t.Context(), f, jobRun(j), Options{Concurrency: fixed(4), Resumable: true}), f.Close()); err != nil {
		t.Fatal(err)
	}
	all, _ := results(t, dir, "b1")
	if err := inOrder(all, 20); err != nil {
		t.Error(err)
	}
}

// A row that is refused for its rate comes again, a few times.
func TestARateLimitedRowComesAgain(t *testing.T) {
	dir := t.TempDir()
	var mu sync.Mutex
	times := map[string]int{}
	j := job(t, func(ctx context.Context, prompt string) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		times[prompt]++
		if prompt == numbered(2) || prompt == numbered(4) && times[prompt] < 3 {
			return "", provider.Errorf(provider.RateLimited, "m", "", "slow down")
		}
		return echo(ctx, prompt)
	})
	f := started(t, dir, j, 6, Spec{})
	if err := errors.Join(Work(t.Context(), f, jobRun(j), Options{Concurrency: fixed(2), Resumable: true}), f.Close()); err != nil {
		t.Fatal(err)
	}
	all, s := results(t, dir, "b1")
	if len(all) != 6 || s.Failed != 1 || all[1].Result.OK || all[1].Attempts != maxTries || !all[3].Result.OK || all[3].Attempts != 3 {
		t.Errorf("%+v %+v", all, s)
	}
}

// A server that is away for a moment costs no row.
func TestAServerThatComesBack(t *testing.T) {
	dir, calls := t.TempDir(), atomic.Int64{}
	j := job(t, func(ctx context.Context, prompt string) (string, error) {
		if n := calls.Add(1); n > 5 && n <= 9 {
			return "", provider.Errorf(provider.Unavailable, "m", "", "nothing is listening there")
		}
		return echo(ctx, prompt)
	})
	f := started(t, dir, j, 40, Spec{})
	if err := errors.Join(Work(t.Context(), f, jobRun(j), Options{Concurrency: fixed(4), Resumable: true, GiveUp: 2}), f.Close()); err != nil {
		t.Fatal(err)
	}
	all, s := results(t, dir, "b1")
	if err := inOrder(all, 40); err != nil || s.Failed != 0 {
		t.Errorf("%v, %+v", err, s)
	}
}

func TestTooManyErrorsEndABatch(t *testing.T) {
	for _, c := range []struct {
		name    string
		kind    provider.Kind
		options Options
		done    int // the first so many rows are answered
		failed  int
		ends    bool
	}{
		{"more than may", provider.BadAnswer, Options{MaxErrors: 3}, 0, 4, true},
		{"in a row, for a reason of the provider's", provider.Denied, Options{GiveUp: 6}, 0, 6, true},
		{"in a row, each for its own reason", provider.BadAnswer, Options{GiveUp: 6}, 0, 30, false},
		{"without a bound", provider.Denied, Options{}, 0, 30, false},
		{"the first ones, for a reason that lasts", provider.ModelNotFound, Options{GiveUp: 6, GiveUpFirst: 2}, 0, 2, true},
		{"the first ones, for one that may pass", provider.Timeout, Options{GiveUp: 6, GiveUpFirst: 2}, 0, 6, true},
		{"the first ones, each for its own reason", provider.Invalid, Options{GiveUp: 6, GiveUpFirst: 2}, 0, 30, false},
		{"once one was answered", provider.ModelNotFound, Options{GiveUp: 6, GiveUpFirst: 2}, 1, 6, true},
		{"the first ones of many at a time", provider.ModelNotFound, Options{GiveUp: 6, GiveUpFirst: 2, Concurrency: fixed(16), Resumable: true}, 0, 2, true},
		{"of many at a time", provider.Denied, Options{GiveUp: 6, Concurrency: fixed(16), Resumable: true}, 0, 6, true},
	} {
		var asked atomic.Int64
		j := job(t, func(ctx context.Context, prompt string) (string, error) {
			if int(asked.Add(1)) <= c.done {
				return echo(ctx, prompt)
			}
			return "", provider.Errorf(c.kind, "m", "", "no")
		})
		dir := t.TempDir()
		f := started(t, dir, j, 30, Spec{})
		err := Work(t.Context(), f, jobRun(j), c.options)
		if errors.As(err, new(*TooManyError)) != c.ends || err != nil && !c.ends {
			t.Errorf("%s: %v", c.name, err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if _, s := results(t, dir, "b1"); s.Failed != c.failed || s.Left != 30-c.failed-c.done {
			t.Errorf("%s: %+v", c.name, s)
		}
	}
}

// keptQueue is a queue of n items in memory that notes when outcomes are kept, and how many.
type keptQueue struct {
	n, next int
	began   time.Time
	kept    []string
}

func (q *keptQueue) Exchange(_ context.Context, outcomes []Outcome, n int) (items []Item, exhausted bool, err error) {
	if len(outcomes) > 0 {
		q.kept = append(q.kept, fmt.Sprintf("%d at %v", len(outcomes), time.Since(q.began)))
	}
	for ; n > 0 && q.next < q.n; n-- {
		q.next++
		items = append(items, Item{Row: q.next, Attempt: 1})
	}
	return items, q.next == q.n, nil
}

// Outcomes that wait for others wait as long, whether or not those before them were
// kept sooner.
func TestOutcomesWaitForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		takes := []time.Duration{10, 10, 10, 10, 20, 36, 100, 101} // milliseconds, of 8 at a time
		q := &keptQueue{n: len(takes), began: time.Now()}
		err := Work(t.Context(), q, func(_ context.Context, item Item) Reply {
			time.Sleep(takes[item.Row-1] * time.Millisecond)
			return Reply{}
		}, Options{Concurrency: fixed(8)})
		want := []string{"4 at 10ms", "2 at 45ms", "2 at 101ms"}
		if err != nil || !slices.Equal(q.kept, want) {
			t.Errorf("%v, want %v; %v", q.kept, want, err)
		}
	})
}

// failing is a queue whose exchanges fail from one on, as those on a full disk.
type failing struct {
	Queue
	after atomic.Int64
	until int64
}

var errFull = errors.New("the disk is full")

func (f *failing) Exchange(ctx context.Context, outcomes []Outcome, n int) ([]Item, bool, error) {
	if left := f.after.Add(-1); left < 0 && left >= -f.until {
		return nil, false, errFull
	}
	return f.Queue.Exchange(ctx, outcomes, n)
}

// A queue that cannot keep what came ends the batch, says how much is lost, and
// nothing passes for kept.
func TestAQueueThatFailsEndsABatch(t *testing.T) {
	for after := range int64(12) {
		for _, until := range []int64{1, 1000} {
			dir, j := t.TempDir(), job(t, echo)
			f := started(t, dir, j, 20, Spec{})
			q := &failing{Queue: f, until: until}
			q.after.Store(after)
			kept := 0
			err := Work(t.Context(), q, jobRun(j), Options{Concurrency: fixed(2), Kept: func(o []Outcome) { kept += len(o) }})
			s, serr := f.Status(t.Context())
			if serr != nil || !errors.Is(err, errFull) && s.Done != 20 {
				t.Fatalf("%d: %v, %v, %+v", after, err, serr, s)
			}
			if lost := new(LostError); errors.As(err, &lost) && (until == 1 || lost.Items == 0) {
				t.Errorf("%d, %d: %v", after, until, err)
			}
			if kept < s.Done { // what was given back is told, too
				t.Errorf("%d, %d: %d kept, %+v", after, until, kept, s)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			if f, err = Open(t.Context(), dir, "b1"); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(Work(t.Context(), f, jobRun(j), Options{Concurrency: fixed(2)}), f.Close()); err != nil {
				t.Fatal(err)
			}
			all, _ := results(t, dir, "b1")
			if err := inOrder(all, 20); err != nil {
				t.Errorf("%d, %d: %v", after, until, err)
			}
		}
	}
}
