package batch

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// asAway are the ways in which a provider says, or shows, that it is away.
func asAway() map[string]error {
	unavailable := func(status int, final bool, cause error) *provider.Error {
		return &provider.Error{Kind: provider.Unavailable, Provider: "m", Status: status, Final: final, Err: cause}
	}
	refused := errors.New("connection refused")
	return map[string]error{
		"connection refused":           unavailable(0, false, refused),
		"502 of a proxy":               unavailable(502, false, refused),
		"503 while it starts":          unavailable(503, false, refused),
		"503 while the model loads":    unavailable(503, false, provider.ErrLoading),
		"504 of a proxy":               unavailable(504, false, refused),
		"529 of Anthropic's":           unavailable(529, false, refused),
		"its circuit breaker is open":  unavailable(0, true, provider.ErrPaused),
		"a list that cannot be read":   errors.Join(errors.New("m may have the model"), unavailable(0, false, refused)),
		"each of those that could":     &provider.Error{Kind: provider.Unavailable, Provider: "no provider answered", Err: errors.Join(unavailable(0, true, provider.ErrPaused), unavailable(503, false, refused))},
		"it, and another has no right": &provider.Error{Kind: provider.Unavailable, Provider: "no provider answered", Err: errors.Join(unavailable(0, false, refused), provider.Errorf(provider.Denied, "n", "", "no key"))},
	}
}

// A provider that is away costs no row, however few they are and however long it takes. It
// is asked once in a while, and not by all rows at a time.
func TestAProviderThatIsAwayIsWaitedFor(t *testing.T) {
	for name, away := range asAway() {
		for _, n := range []int{1, 3, 40} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					began, asked := time.Now(), 0
					var mu sync.Mutex
					dir, gone := t.TempDir(), time.Hour
					j := job(t, func(ctx context.Context, prompt string) (string, error) {
						mu.Lock()
						defer mu.Unlock()
						asked++
						if time.Since(began) < gone {
							return "", away
						}
						return echo(ctx, prompt)
					})
					f := started(t, dir, j, n, Spec{})
					var told []bool
					o := Options{Concurrency: fixed(4), Resumable: true, Waits: true, GiveUp: 25, MaxErrors: 1, Away: func(why error) { told = append(told, why != nil) }}
					if err := errors.Join(Work(t.Context(), f, jobRun(j), o), f.Close()); err != nil {
						t.Fatal(err)
					}
					all, s := results(t, dir, "b1")
					if err := inOrder(all, n); err != nil || s.Failed != 0 {
						t.Errorf("%v, %+v", err, s)
					}
					if took := time.Since(began); took > gone+2*mostPause+10*time.Second {
						t.Errorf("it went on after %v", took)
					}
					if most := n + int(gone/mostPause) + 20; asked > most {
						t.Errorf("asked %d times, more than %d", asked, most)
					}
					if len(told) != 2 || !told[0] || told[1] {
						t.Errorf("told %v", told)
					}
				})
			})
		}
	}
}

// A provider that goes away in the middle is waited for, too, though nobody said so: it is
// no mistake in the configuration.
func TestAProviderThatGoesAwayIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, answered := time.Now(), 0
		var mu sync.Mutex
		dir := t.TempDir()
		j := job(t, func(ctx context.Context, prompt string) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			if answered == 5 && time.Since(began) < time.Hour {
				return "", provider.Errorf(provider.Unavailable, "m", "", "connection refused")
			}
			answered++
			return echo(ctx, prompt)
		})
		f := started(t, dir, j, 12, Spec{})
		if err := errors.Join(Work(t.Context(), f, jobRun(j), Options{Concurrency: fixed(3), Resumable: true, GiveUp: 2}), f.Close()); err != nil {
			t.Fatal(err)
		}
		all, s := results(t, dir, "b1")
		if err := inOrder(all, 12); err != nil || s.Failed != 0 {
			t.Errorf("%v, %+v", err, s)
		}
	})
}

// A provider that was never there ends the batch soon, and no row has failed.
func TestAProviderThatWasNeverThere(t *testing.T) {
	for _, looked := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			began, dir := time.Now(), t.TempDir()
			j := job(t, func(context.Context, string) (string, error) {
				return "", provider.Errorf(provider.Unavailable, "m", "", "connection refused")
			})
			f := started(t, dir, j, 12, Spec{})
			o := Options{Concurrency: fixed(4), Resumable: true, GiveUp: 25}
			if looked {
				o.There = func(context.Context, []string) bool { return false }
			}
			if err := Work(t.Context(), f, jobRun(j), o); !errors.Is(err, provider.Unavailable) {
				t.Error(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took < 10*time.Second || took > 20*time.Second {
				t.Errorf("it took %v", took)
			}
			if _, s := results(t, dir, "b1"); s.Left != 12 || s.Failed != 0 || s.Active != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// engine is a server that some rows bring down. It is there again after a while.
type engine struct {
	mu      sync.Mutex
	poison  map[string]bool
	back    time.Time
	run     int // which one since the first
	crashes int
	other   *provider.Error // what it says of poison instead; nil: it goes down
}

func (e *engine) there(context.Context, []string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return !time.Now().Before(e.back)
}

func (e *engine) answer(ctx context.Context, prompt string) (string, error) {
	gone := provider.Errorf(provider.Unavailable, "m", "", "connection reset")
	if !e.there(ctx, nil) {
		return "", gone
	}
	e.mu.Lock()
	run := e.run
	e.mu.Unlock()
	time.Sleep(time.Second)
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case run != e.run:
		return "", gone
	case e.poison[prompt] && e.other != nil:
		e.crashes++
		return "", e.other
	case e.poison[prompt]:
		e.crashes++
		e.run++
		e.back = time.Now().Add(10 * time.Second)
		return "", gone
	}
	return echo(ctx, prompt)
}

// A row that brings the engine down fails, after a few times, and all others are answered.
func TestARowThatBringsTheEngineDown(t *testing.T) {
	for _, c := range []struct {
		name     string
		n, limit int
		poison   []int
		other    *provider.Error
		crashes  int // at most
	}{
		{"the first", 30, 4, []int{1}, nil, 10},
		{"one in the middle", 30, 4, []int{15}, nil, 10},
		{"the last", 30, 4, []int{30}, nil, 10},
		{"alone", 1, 4, []int{1}, nil, 6},
		{"all", 4, 4, []int{1, 2, 3, 4}, nil, 30},
		{"some of many at a time", 60, 16, []int{1, 2, 3, 30, 59, 60}, nil, 60},
		{"one at a time", 10, 1, []int{1, 5}, nil, 10},
		{"with 500", 30, 4, []int{7}, &provider.Error{Kind: provider.Unavailable, Provider: "m", Status: 500, Err: errors.New("the runner has terminated")}, 5},
		{"alone with 500", 1, 4, []int{1}, &provider.Error{Kind: provider.Unavailable, Provider: "m", Status: 500, Err: errors.New("the runner has terminated")}, 5},
		{"ended early", 30, 4, []int{7}, &provider.Error{Kind: provider.Unavailable, Provider: "m", Status: 200, Err: errors.New("sent an incomplete answer")}, 2},
		{"broken off", 30, 4, []int{7}, provider.Errorf(provider.Truncated, "m", "", "the answer broke off"), 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began, dir := time.Now(), t.TempDir()
				e := &engine{poison: map[string]bool{}, other: c.other}
				for _, row := range c.poison {
					e.poison[numbered(row)] = true
				}
				j := job(t, e.answer)
				f := started(t, dir, j, c.n, Spec{})
				o := Options{Concurrency: fixed(c.limit), Resumable: true, Waits: true, GiveUp: 25, There: e.there}
				if err := errors.Join(Work(t.Context(), f, jobRun(j), o), f.Close()); err != nil {
					t.Fatal(err)
				}
				all, s := results(t, dir, "b1")
				if s.Done != c.n-len(c.poison) || s.Failed != len(c.poison) || s.Left != 0 {
					t.Errorf("%+v", s)
				}
				for _, r := range all {
					if r.Result.OK == e.poison[numbered(r.Row)] {
						t.Errorf("row %d: %+v", r.Row, r.Result)
					}
				}
				if e.crashes > c.crashes {
					t.Errorf("%d crashes, more than %d", e.crashes, c.crashes)
				}
				if took := time.Since(began); took > time.Hour {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// A provider that is away has the rows of another one go on.
func TestOneOfTwoProvidersIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, dir := time.Now(), t.TempDir()
		j := job(t, func(ctx context.Context, prompt string) (string, error) {
			if prompt > numbered(5) && time.Since(began) < time.Hour { // 6 to 9
				return "", provider.Errorf(provider.Unavailable, "other", "", "connection refused")
			}
			return echo(ctx, prompt)
		})
		f := started(t, dir, j, 9, Spec{})
		o := Options{
			Concurrency: fixed(2), Resumable: true, GiveUp: 25,
			There: func(_ context.Context, names []string) bool {
				return len(names) != 1 || names[0] != "other" || time.Since(began) >= time.Hour
			},
		}
		if err := errors.Join(Work(t.Context(), f, jobRun(j), o), f.Close()); err != nil {
			t.Fatal(err)
		}
		all, s := results(t, dir, "b1")
		if err := inOrder(all, 9); err != nil || s.Failed != 0 {
			t.Errorf("%v, %+v", err, s)
		}
	})
}

// Who stops a batch that waits for its provider need not wait for it.
func TestABatchThatWaitsIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, dir, stop := time.Now(), t.TempDir(), make(chan struct{})
		j := job(t, func(context.Context, string) (string, error) {
			return "", provider.Errorf(provider.Unavailable, "m", "", "connection refused")
		})
		f := started(t, dir, j, 9, Spec{})
		time.AfterFunc(time.Hour+time.Second, func() { close(stop) })
		o := Options{Concurrency: fixed(2), Resumable: true, Waits: true, Stop: stop}
		if err := errors.Join(Work(t.Context(), f, jobRun(j), o), f.Close()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > time.Hour+2*time.Second {
			t.Errorf("it took %v", took)
		}
		if _, s := results(t, dir, "b1"); s.Left != 9 || s.Active != 0 {
			t.Errorf("%+v", s)
		}
	})
}
