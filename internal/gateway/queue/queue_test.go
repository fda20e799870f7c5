package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/priority"
)

// engine swaps models, and runs one call at a time.
func engine(slots int, loaded ...string) Config {
	return Config{Lane: func(_, model string) (Lane, string, bool) {
		return Lane{Slots: slots, Swaps: true, Loaded: func(context.Context) []string { return loaded }}, model, true
	}}
}

// run lets calls in one after another, each of a second, and is the order in which they
// ran.
func run(t *testing.T, cfg Config, calls ...exchange.Ticket) (ran []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		q := New(cfg)
		var (
			mu sync.Mutex
			wg sync.WaitGroup
		)
		for _, c := range calls {
			c.Provider = "gpu"
			wg.Go(func() {
				ctx := t.Context()
				if strings.HasPrefix(c.Caller, "row") {
					ctx = priority.Batch(ctx, priority.Options{Queued: true})
				}
				release, err := q.Enter(ctx, c)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				ran = append(ran, c.Model+c.Caller)
				mu.Unlock()
				time.Sleep(time.Second)
				release()
			})
			synctest.Wait() // in this order
			time.Sleep(time.Millisecond)
		}
		wg.Wait()
	})
	return ran
}

func of(models string) (calls []exchange.Ticket) {
	for i, m := range strings.Fields(models) {
		calls = append(calls, exchange.Ticket{Model: m, Session: fmt.Sprint(i)})
	}
	return calls
}

// Calls for one model come together.
func TestModelsAreNotSwappedBackAndForth(t *testing.T) {
	got := strings.Join(run(t, engine(1), of("A B A B C A")...), " ")
	if want := "A A A B B C"; got != want {
		t.Errorf("ran %s, want %s", got, want)
	}
}

// None waits for ever for the calls of another model.
// Who counts the waits is told each.
func TestWaitsAreTold(t *testing.T) {
	var waits []string
	cfg := engine(1, "A")
	cfg.Waited = func(provider string, took time.Duration) {
		waits = append(waits, provider+" "+took.Round(time.Second).String())
	}
	run(t, cfg, of("A A A")...)
	if got := strings.Join(waits, ", "); got != "gpu 0s, gpu 1s, gpu 2s" {
		t.Error(got)
	}
}

func TestWaitingIsBounded(t *testing.T) {
	cfg := engine(1)
	cfg.MaxWait = 3 * time.Second
	var calls []exchange.Ticket
	calls = append(calls, of("A B")...)
	for i := range 20 {
		calls = append(calls, exchange.Ticket{Model: "A", Session: fmt.Sprint("more", i)})
	}
	ran := run(t, cfg, calls...)
	if at := slices.Index(ran, "B"); at < 2 || at > 6 {
		t.Errorf("B ran as number %d of %v", at+1, ran)
	}
}

// A model that answers is not taken out of memory: a call for another one waits until
// the last has ended, though there is a slot.
func TestAModelAtWorkStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(engine(4))
		release, err := q.Enter(t.Context(), exchange.Ticket{Provider: "gpu", Model: "A"})
		if err != nil {
			t.Fatal(err)
		}
		in := make(chan func())
		go func() {
			r, err := q.Enter(t.Context(), exchange.Ticket{Provider: "gpu", Model: "B"})
			if err != nil {
				t.Error(err)
			}
			in <- r
		}()
		synctest.Wait()
		select {
		case <-in:
			t.Fatal("B runs while A answers")
		default:
		}
		if q.Waiting("gpu") != 1 {
			t.Errorf("%d wait", q.Waiting("gpu"))
		}
		release()
		(<-in)()
	})
}

// A model that is loaded beside it need not wait.
func TestALoadedModelRuns(t *testing.T) {
	q := New(engine(4, "B"))
	for _, m := range []string{"A", "B"} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if _, err := q.Enter(ctx, exchange.Ticket{Provider: "gpu", Model: m}); err != nil {
			t.Fatalf("%s: %v", m, err)
		}
	}
}

// Sessions take turns, and what nobody waits for comes last.
func TestSessionsTakeTurns(t *testing.T) {
	call := func(session, name string, background bool) exchange.Ticket {
		return exchange.Ticket{Model: "A", Session: session, Caller: name, Background: background}
	}
	got := run(t, engine(1), call("x", "1", false), call("x", "2", false), call("x", "title", true), call("x", "3", false), call("y", "1y", false), call("y", "2y", false))
	if want := []string{"A1", "A1y", "A2", "A2y", "A3", "Atitle"}; !slices.Equal(got, want) {
		t.Errorf("ran %v, want %v", got, want)
	}
}

// Calls of batches come after all others, whoever came first, and do not start beside
// one, though there is a place.
func TestBatchesComeLast(t *testing.T) {
	for _, slots := range []int{1, 2} {
		cfg := engine(slots)
		engines := priority.New(t.TempDir())
		defer engines.Close()
		cfg.Engine = func(string) *priority.Engine { return engines.At("http://127.0.0.1:11434") }
		cfg.Limit = 2
		call := func(name string) exchange.Ticket {
			return exchange.Ticket{Model: "A", Caller: name, Session: name, Background: name == "title"}
		}
		got := run(t, cfg, call("row1"), call("row2"), call("row3"), call("row4"), call("chat"), call("title"))
		slices.Sort(got[:slots])
		slices.Sort(got[slots+2:])
		want := []string{"Arow1", "Achat", "Atitle", "Arow2", "Arow3", "Arow4"}
		if slots == 2 {
			want = []string{"Arow1", "Arow2", "Achat", "Atitle", "Arow3", "Arow4"}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d at a time: ran %v, want %v", slots, got, want)
		}
	}
}

// Calls of batches do not wait for ever behind others that always wait for a slot, too: one
// a minute goes before them.
func TestABatchDoesNotStarve(t *testing.T) {
	for name, engines := range map[string]*priority.Engines{"an engine": priority.New(t.TempDir()), "a hosted API": nil} {
		synctest.Test(t, func(t *testing.T) {
			cfg := engine(1)
			if engines != nil {
				cfg.Engine = func(string) *priority.Engine { return engines.At("http://127.0.0.1:11434") }
				defer engines.Close()
			}
			q := New(cfg)
			ctx, stop := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			for i := range 3 {
				wg.Go(func() {
					for ctx.Err() == nil {
						release, err := q.Enter(ctx, exchange.Ticket{Provider: "gpu", Model: "A", Session: fmt.Sprint(i)})
						if err != nil {
							return
						}
						time.Sleep(7 * time.Second)
						release()
					}
				})
			}
			synctest.Wait()
			began := time.Now()
			var rows sync.WaitGroup
			var mu sync.Mutex
			var at []time.Duration
			for i := range 3 {
				rows.Go(func() {
					release, err := q.Enter(priority.Batch(t.Context(), priority.Options{Queued: true}), exchange.Ticket{Provider: "gpu", Model: "A", Session: fmt.Sprint("row", i)})
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					at = append(at, time.Since(began))
					mu.Unlock()
					time.Sleep(time.Second)
					release()
				})
			}
			rows.Wait()
			stop()
			wg.Wait()
			for i, took := range at {
				if want := time.Duration(i+1) * priority.MostWait; took < want-time.Second || took > want+30*time.Second {
					t.Errorf("%s: row %d began after %v, want about %v", name, i+1, took, want)
				}
			}
		})
	}
}

// A turn that a call of a batch hands back, because an interactive one has just ended and
// another may follow, is no wait that has ended.
func TestATurnHandedBackCountsForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		waits := 0
		cfg := engine(1)
		cfg.Waited = func(string, time.Duration) { waits++ }
		engines := priority.New(t.TempDir())
		defer engines.Close()
		cfg.Engine = func(string) *priority.Engine { return engines.At("http://127.0.0.1:11434") }
		q := New(cfg)
		row := priority.Batch(t.Context(), priority.Options{Queued: true})
		var wg sync.WaitGroup
		ask := func(ctx context.Context, session string) {
			wg.Go(func() {
				release, err := q.Enter(ctx, exchange.Ticket{Provider: "gpu", Model: "A", Session: session})
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(20 * time.Second)
				release()
			})
			synctest.Wait()
		}
		ask(row, "row1")
		ask(row, "row2")
		ask(t.Context(), "chat")
		wg.Wait()
		if waits != 3 {
			t.Errorf("%d waits of 3 calls", waits)
		}
	})
}

// A full queue says when to ask again; positions count down; who leaves is forgotten.
func TestAFullQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := engine(1)
		cfg.Limit = 2
		q := New(cfg)
		release, _ := q.Enter(t.Context(), exchange.Ticket{Provider: "gpu", Model: "A"})
		ctx, leave := context.WithCancel(t.Context())
		var (
			mu  sync.Mutex
			at  = map[int][]int{}
			end = make(chan error, 2)
		)
		for i := range 2 {
			c := ctx
			if i == 1 {
				c = t.Context()
			}
			go func() {
				release, err := q.Enter(c, exchange.Ticket{Provider: "gpu", Model: "A", Session: fmt.Sprint(i), Position: func(n int) {
					mu.Lock()
					defer mu.Unlock()
					at[i] = append(at[i], n)
				}})
				if err == nil {
					release()
				}
				end <- err
			}()
			synctest.Wait()
		}
		_, err := q.Enter(t.Context(), exchange.Ticket{Provider: "gpu", Model: "A"})
		var f *exchange.Failure
		if !errors.As(err, &f) || f.Status != 429 || f.RetryAfter < time.Second || !strings.Contains(f.Message, "2 calls are waiting") {
			t.Errorf("got %v", err)
		}
		leave()
		if err := <-end; !errors.Is(err, context.Canceled) {
			t.Errorf("who left got %v", err)
		}
		synctest.Wait()
		mu.Lock()
		if !slices.Equal(at[0], []int{1}) || !slices.Equal(at[1], []int{2, 1}) {
			t.Errorf("told %v", at)
		}
		mu.Unlock()
		release()
		if err := <-end; err != nil {
			t.Error(err)
		}
		if q.Waiting("gpu") != 0 {
			t.Error("somebody still waits")
		}
	})
}
