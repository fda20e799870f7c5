package router_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/router"
)

// moody is a provider that does as its mood says.
type moody struct {
	provider.Provider
	ill   atomic.Bool
	calls atomic.Int64
	gate  chan struct{} // not nil: a call waits for it
}

func (m *moody) Name() string { return "a" }

func (m *moody) Chat(ctx context.Context, _ provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		m.calls.Add(1)
		if m.gate != nil {
			<-m.gate
		}
		if err := ctx.Err(); err != nil {
			yield(provider.Chunk{}, err)
			return
		}
		if m.ill.Load() {
			yield(provider.Chunk{}, provider.Errorf(provider.Unavailable, "a", "", "down"))
			return
		}
		yield(provider.Chunk{Text: "up", Finish: provider.FinishStop}, nil)
	}
}

// wall is a clock that a test moves.
type wall struct{ now atomic.Int64 }

func (w *wall) clock() router.Clock {
	return router.Clock{Now: func() time.Time { return time.Unix(1e9, w.now.Load()) }}
}
func (w *wall) pass(d time.Duration) { w.now.Add(int64(d)) }

func single(t testing.TB, m *moody, w *wall) *router.Router {
	return mustRouter(t, router.Config{
		Use: []string{"a"}, Targets: []router.Target{{Provider: m}}, Clock: w.clock(), Policy: router.Policy{Retries: provider.Ptr(0)},
	})
}

func TestBreakerOpensOnARowAndDoubles(t *testing.T) {
	m, w := &moody{}, &wall{}
	m.ill.Store(true)
	r := single(t, m, w)
	states := func(want router.BreakerState) {
		t.Helper()
		if got := r.Breaker("a"); got != want {
			t.Errorf("the circuit breaker is %s, want %s", got, want)
		}
	}
	states(router.BreakerClosed)
	for range 50 {
		_, _ = ask(t.Context(), r, provider.Request{})
	}
	states(router.BreakerOpen)
	if n := m.calls.Load(); n != 5 {
		t.Fatalf("%d calls reached a target that fails, want 5", n)
	}
	_, err := ask(t.Context(), r, provider.Request{})
	if !errors.Is(err, provider.Unavailable) || !strings.Contains(err.Error(), "circuit breaker open: 5 failures in a row (down); next try in 5 s") {
		t.Errorf("open: %v", err)
	}
	// One probe each time, and the pause doubles to five minutes.
	for _, pause := range []time.Duration{5, 10, 20, 40, 80, 160, 300, 300} {
		before := m.calls.Load()
		w.pass(pause*time.Second - time.Millisecond)
		_, _ = ask(t.Context(), r, provider.Request{})
		if m.calls.Load() != before {
			t.Fatalf("asked before its pause of %d s was over", pause)
		}
		w.pass(time.Millisecond)
		_, _ = ask(t.Context(), r, provider.Request{})
		_, _ = ask(t.Context(), r, provider.Request{})
		if n := m.calls.Load() - before; n != 1 {
			t.Fatalf("after %d s: %d probes, want 1", pause, n)
		}
	}
	// Back by itself, at the first probe after it recovers, and closed for good.
	m.ill.Store(false)
	w.pass(5 * time.Minute)
	states(router.BreakerHalfOpen)
	for range 3 {
		if got, err := ask(t.Context(), r, provider.Request{}); err != nil || got.Text != "up" {
			t.Fatalf("recovered: %+v, %v", got, err)
		}
		states(router.BreakerClosed)
	}
	m.ill.Store(true)
	for range 4 {
		_, _ = ask(t.Context(), r, provider.Request{})
	}
	m.ill.Store(false)
	if _, err := ask(t.Context(), r, provider.Request{}); err != nil {
		t.Errorf("four failures opened it: %v", err)
	}
}

func TestBreakerOpensOnHalf(t *testing.T) {
	m, w := &moody{}, &wall{}
	r := single(t, m, w)
	asked := 0
	for i := range 20 { // every other one fails: no five in a row
		m.ill.Store(i%2 == 0)
		if _, err := ask(t.Context(), r, provider.Request{}); err != nil && strings.Contains(err.Error(), "circuit breaker open") {
			break
		}
		asked++
	}
	if asked != 11 { // the tenth call is well; at the eleventh, more than half of at least ten have failed
		t.Errorf("opened after %d calls, want 11", asked)
	}
	m, w = &moody{}, &wall{}
	r = single(t, m, w)
	for i := range 40 { // the same, spread over more than a minute for each ten
		w.pass(10 * time.Second)
		m.ill.Store(i%2 == 0)
		_, _ = ask(t.Context(), r, provider.Request{})
	}
	if n := m.calls.Load(); n != 40 {
		t.Errorf("opened by failures of more than a minute: %d calls of 40", n)
	}
}

func TestOneProbeAtATime(t *testing.T) {
	m, w := &moody{}, &wall{}
	m.ill.Store(true)
	r := single(t, m, w)
	for range 5 {
		_, _ = ask(t.Context(), r, provider.Request{})
	}
	w.pass(5 * time.Second)
	m.gate = make(chan struct{})
	before := m.calls.Load()
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() { _, _ = ask(context.Background(), r, provider.Request{}) })
	}
	close(m.gate)
	wg.Wait()
	if n := m.calls.Load() - before; n != 1 {
		t.Errorf("%d probes at once, want 1", n)
	}
}

// A probe whose reader is gone tells nothing, and the next call is one.
func TestProbeIsGivenBack(t *testing.T) {
	m, w := &moody{}, &wall{}
	m.ill.Store(true)
	r := single(t, m, w)
	for range 5 {
		_, _ = ask(t.Context(), r, provider.Request{})
	}
	m.ill.Store(false)
	w.pass(5 * time.Second)
	ctx, cancel := context.WithCancel(t.Context())
	m.gate = make(chan struct{})
	before := m.calls.Load()
	go func() {
		for m.calls.Load() == before {
			time.Sleep(time.Millisecond)
		}
		cancel()
		close(m.gate)
	}()
	if _, err := ask(ctx, r, provider.Request{}); err != context.Canceled || m.calls.Load() != before+1 {
		t.Fatalf("got %v after %d calls, want the probe cancelled", err, m.calls.Load()-before)
	}
	if got, err := ask(t.Context(), r, provider.Request{}); err != nil {
		t.Errorf("got %+v, %v", got, err)
	}
}

// What is skipped for an open breaker falls back, and costs next to nothing.
func TestOpenBreakerAnswersAtOnce(t *testing.T) {
	m, w := &moody{}, &wall{}
	m.ill.Store(true)
	r := mustRouter(t, router.Config{
		Use: []string{"a", "b"}, Targets: []router.Target{{Provider: m}, target("b")}, Clock: w.clock(),
	})
	for range 5 {
		if _, err := ask(t.Context(), r, provider.Request{}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := ask(t.Context(), r, provider.Request{})
	if err != nil || m.calls.Load() != 5 || got.Route.Attempts[0].Outcome != provider.OutcomeSkipped || got.Route.Attempts[0].Kind != provider.Unavailable {
		t.Fatalf("got %+v, %v after %d calls", got.Route, err, m.calls.Load())
	}
	best := time.Hour
	for range 5 { // the best of five rounds: the machine is shared
		took := make([]time.Duration, 1000)
		for i := range took {
			start := time.Now()
			_, _ = ask(t.Context(), r, provider.Request{Use: []string{"a"}})
			took[i] = time.Since(start)
		}
		slices.Sort(took)
		best = min(best, took[len(took)*99/100])
	}
	t.Logf("p99 of an open breaker's refusal: %s", best)
	if best > time.Millisecond {
		t.Errorf("the 99th percentile of a refusal takes %s, want less than 1ms", best)
	}
	if m.calls.Load() != 5 {
		t.Errorf("%d calls reached it", m.calls.Load())
	}
}
