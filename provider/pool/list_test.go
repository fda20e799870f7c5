package pool_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/pool"
)

// until waits until something is so.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never: " + what)
		}
	}
}

// A host with thousands of models, or a slow disk, takes its time to list them. It is there
// all the same, and answers as soon as it is known which models it has.
func TestAHostThatIsSlowToListItsModels(t *testing.T) {
	quick := func(c *pool.Config) {
		c.ProbeEvery, c.ProbeTimeout, c.ListTimeout = 5*time.Millisecond, time.Second, time.Minute
	}
	slow := newEngine(t, func(e *engine) { e.listing = make(chan struct{}) })
	p := newPool(t, quick, slow)
	answered := make(chan error, 1)
	go func() {
		_, err := ask(t.Context(), p, "hi")
		answered <- err
	}()
	until(t, "it was asked often whether it is there", func() bool { return slow.probes.Load() > 20 })
	if s := p.Status()[0]; s.State != pool.StateUnknown {
		t.Errorf("it is said to be %s: %s", s.State, s.Reason)
	}
	select {
	case err := <-answered:
		t.Errorf("%v; want that the call waits for what it has", err)
	default:
	}
	close(slow.listing)
	if err := <-answered; err != nil {
		t.Error(err)
	}

	// Another host answers meanwhile.
	slow, good := newEngine(t, func(e *engine) { e.listing = make(chan struct{}) }), newEngine(t, nil)
	if r, err := ask(t.Context(), newPool(t, quick, good, slow), "hi"); err != nil || r.Route.Host != good.host() {
		t.Errorf("answered by %+v, %v; want the host that has listed its models", r.Route, err)
	}
}

// One that does not list them at all is not asked for a model that it may not have.
func TestAHostThatNeverListsItsModels(t *testing.T) {
	never := newEngine(t, func(e *engine) { e.listing = make(chan struct{}) })
	p := newPool(t, func(c *pool.Config) { c.ListTimeout = 50 * time.Millisecond }, never)
	_, err := ask(t.Context(), p, "hi")
	if !errors.Is(err, provider.Unavailable) || !strings.Contains(err.Error(), "does not list its models within 50ms") || never.calls.Load() > 0 {
		t.Errorf("%v, %d calls; want why it is not asked", err, never.calls.Load())
	}
	if s := p.Look(t.Context())[0]; s.State != pool.StateDown || !strings.Contains(s.Reason, "does not list") {
		t.Errorf("it is said to be %s: %s", s.State, s.Reason)
	}
}

// A model that is replaced on one host while calls run is noticed as soon as that host has
// it in memory, and not when the list of its models is read again.
func TestAModelIsReplacedOnOneHost(t *testing.T) {
	same, other := newEngine(t, nil), newEngine(t, nil)
	p := newPool(t, func(c *pool.Config) { c.ProbeEvery, c.Hosts[1].Weight = 5*time.Millisecond, 100 }, same, other)
	if r, err := ask(t.Context(), p, "first"); err != nil || r.Route.Host != other.host() {
		t.Fatalf("answered by %+v, %v", r.Route, err)
	}
	renewed := "bbbb"
	other.renewed.Store(&renewed)
	before := other.probes.Load()
	for i := 0; p.Status()[1].State != pool.StateAside; i++ {
		if _, err := ask(t.Context(), p, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
		if n := other.probes.Load() - before; n > 50 {
			t.Fatalf("it was asked %d times what is in memory, and nothing was noticed", n)
		}
	}
	calls := other.calls.Load()
	for i := range 20 {
		if r, err := ask(t.Context(), p, fmt.Sprint("then", i)); err != nil || r.Route.Host != same.host() {
			t.Fatalf("answered by %+v, %v; want the one with the digest of before", r.Route, err)
		}
	}
	if other.calls.Load() != calls {
		t.Error("the host with the other model was asked")
	}
}

// What a host has done is counted, and how it failed last is told.
func TestTheCallsOfAHostAreCounted(t *testing.T) {
	bad := newEngine(t, func(e *engine) {
		e.chat = func(_ *engine, w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, `{"error":"llama runner process has terminated: signal: killed"}`)
		}
	})
	good := newEngine(t, nil)
	var noted []pool.Standing
	p := newPool(t, func(c *pool.Config) {
		c.Hosts[0].Weight = 100
		c.Noted = func(host string, s pool.Standing) {
			if host != bad.host() {
				t.Errorf("%s has failed nothing", host)
			}
			noted = append(noted, s)
		}
	}, bad, good)
	const calls = 7
	for i := range calls {
		if r, err := ask(t.Context(), p, fmt.Sprint(i)); err != nil || r.Route.Host != good.host() {
			t.Fatalf("answered by %+v, %v", r.Route, err)
		}
	}
	s := p.Status()
	if n := int(bad.calls.Load()); s[0].Failed != n || s[0].Answered != 0 || s[1].Answered != calls || s[1].Failed != 0 || s[1].LastFailure != nil {
		t.Errorf("%d calls were failed and %d answered: %+v", n, calls, s)
	}
	if f := s[0].LastFailure; f == nil || f.Model != "m:1b" || !strings.Contains(f.Reason, "signal: killed") {
		t.Errorf("the last failure is %+v", f)
	}
	if len(noted) != s[0].Failed || noted[0].LastFailure == nil || !noted[0].Good(time.Now()) {
		t.Errorf("others were told %+v", noted)
	}
	if last := noted[len(noted)-1]; last.Good(time.Now()) || last.BreakerUntil.IsZero() {
		t.Errorf("others were told last %+v, and its circuit breaker is open", last)
	}
}

// A call that its caller ends was neither answered nor failed.
func TestACallThatIsEndedCountsForNothing(t *testing.T) {
	e := newEngine(t, func(e *engine) { e.slots = make(chan struct{}) }) // every call waits
	p := newPool(t, nil, e)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := ask(ctx, p, "hi")
		done <- err
	}()
	until(t, "the call is there", func() bool { return e.calls.Load() == 1 })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if s := p.Status()[0]; s.Answered+s.Failed+s.InFlight != 0 || s.LastFailure != nil {
		t.Errorf("%+v", s)
	}
}
