package pool_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
	"github.com/tandem-llm/tandem/provider/pool"
	"github.com/tandem-llm/tandem/provider/providertest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// A pool of one host is a provider like any other.
func TestContract(t *testing.T) {
	providertest.Run(t, providertest.Factory{Dialect: providertest.Ollama, New: func(t *testing.T, baseURL string) provider.Provider {
		t.Helper()
		inner, err := ollama.New(ollama.Config{Name: "house", Host: baseURL, Model: "m:1b"})
		if err != nil {
			t.Fatal(err)
		}
		p, err := pool.New(pool.Config{Name: "house", Model: "m:1b", Hosts: []pool.Host{{Name: "a", Provider: &quiet{inner}}}})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}})
	providertest.RunWrapper(t, func(t *testing.T, inner provider.Provider) provider.Provider {
		p, err := pool.New(pool.Config{Name: "fake", Hosts: []pool.Host{{Name: "a", Provider: inner}}})
		if err != nil {
			t.Fatal(err)
		}
		return p
	})
}

// quiet is a provider whose server is not asked for its models: the suite counts calls.
type quiet struct{ p *ollama.Provider }

func (q *quiet) Name() string                                     { return q.p.Name() }
func (q *quiet) Models(context.Context) ([]provider.Model, error) { return nil, nil }
func (q *quiet) Endpoint() string                                 { return q.p.Endpoint() }
func (q *quiet) Local(ctx context.Context) bool                   { return q.p.Local(ctx) }
func (q *quiet) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return q.p.Chat(ctx, req)
}

// TestAHostFails plays what real servers do before any content. Another host answers, and
// the route tells of both.
func TestAHostFails(t *testing.T) {
	status := func(code int, body string) func(*engine, http.ResponseWriter, *http.Request) {
		return func(_ *engine, w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			_, _ = io.WriteString(w, body)
		}
	}
	for name, c := range map[string]struct {
		chat func(*engine, http.ResponseWriter, *http.Request)
		kind provider.Kind
	}{
		"the queue is full (Ollama 0.33.3)":   {status(503, `{"error":"server busy, please try again.  maximum pending requests exceeded"}`), ""},
		"out of memory (Ollama 0.17.4)":       {status(500, `{"error":"model requires more system memory (9.1 GiB) than is available (3.0 GiB)"}`), provider.OutOfMemory},
		"the runner has died (Ollama 0.17.4)": {status(500, `{"error":"llama runner process has terminated: signal: killed"}`), ""},
		"a proxy before it has lost it":       {status(502, "<html>Bad Gateway</html>"), ""},
		"the model was removed meanwhile":     {status(404, `{"error":"model 'm:1b' not found"}`), provider.ModelNotFound},
		"too many requests":                   {status(429, `{"error":"too many"}`), provider.RateLimited},
		"it ends without a word":              {func(*engine, http.ResponseWriter, *http.Request) {}, ""},
		"it closes the connection":            {func(*engine, http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, ""},
		"it closes it after the headers": {func(e *engine, w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			bad := newEngine(t, func(e *engine) { e.chat = c.chat })
			good := newEngine(t, nil)
			p := newPool(t, nil, bad, good)
			r, err := ask(t.Context(), p, "hi")
			if err != nil || r.Text == "" || r.Route.Host != good.host() || r.Route.Endpoint != good.URL {
				t.Fatalf("answer %+v, %v; want the other host's", r, err)
			}
			if n := len(r.Route.Attempts); n != 1 {
				t.Fatalf("%d attempts in the route, want the failed one: %+v", n, r.Route.Attempts)
			}
			a := r.Route.Attempts[0]
			if a.Host != bad.host() || a.Provider != "house" || a.Outcome != provider.OutcomeFailed || a.Reason == "" || c.kind != "" && a.Kind != c.kind {
				t.Errorf("attempt %+v", a)
			}
		})
	}
}

// After content nothing is sent again: the answer breaks off.
func TestAnAnswerBreaksOff(t *testing.T) {
	bad := newEngine(t, func(e *engine) {
		e.chat = func(e *engine, w http.ResponseWriter, _ *http.Request) {
			e.word(w, "half an ")
			panic(http.ErrAbortHandler)
		}
	})
	good := newEngine(t, func(e *engine) { e.loaded.Store(&[]string{}) })
	p := newPool(t, nil, bad, good)
	r, err := ask(t.Context(), p, "hi")
	if err == nil || r.Text != "half an " || good.calls.Load() != 0 {
		t.Fatalf("answer %q, %v, and the other host was asked %d times; want what came and an error", r.Text, err, good.calls.Load())
	}
	if !strings.Contains(err.Error(), bad.host()) {
		t.Errorf("the error does not name the host: %v", err)
	}

	// Where nobody sees it before its end, it was not shown.
	p = newPool(t, func(c *pool.Config) { c.Whole = func(context.Context) bool { return true } }, bad, good)
	r, err = ask(t.Context(), p, "hi")
	if err != nil || strings.Contains(r.Text, "half") || r.Route.Host != good.host() {
		t.Errorf("answer %+v, %v; want the other host's alone", r, err)
	}
}

// A host that stops answers gives its call back in two seconds, and is not asked again
// until it is back.
func TestAHostHangs(t *testing.T) {
	hung := newEngine(t, func(e *engine) {
		e.chat = func(e *engine, w http.ResponseWriter, r *http.Request) {
			e.stop()
			if e.hold(r) {
				e.answer(w, r)
			}
		}
	})
	good := newEngine(t, func(e *engine) { e.loaded.Store(&[]string{}) })
	p := newPool(t, nil, hung, good)
	r, err := ask(t.Context(), p, "hi")
	if err != nil || r.Route.Host != good.host() {
		t.Fatalf("answer %+v, %v; want the other host's", r, err)
	}
	t.Logf("noticed after %s", r.Route.Attempts[0].Took)
	if r, err = ask(t.Context(), p, "again"); err != nil || r.Route.Host != good.host() || hung.calls.Load() != 1 {
		t.Errorf("answer %+v, %v, %d calls; want the other host's", r, err, hung.calls.Load())
	}
}

// Without another host a call waits for the one that hangs: it may come back.
func TestALoneHostIsWaitedFor(t *testing.T) {
	hung := newEngine(t, func(e *engine) {
		e.chat = func(e *engine, w http.ResponseWriter, r *http.Request) {
			e.stop()
			time.AfterFunc(2500*time.Millisecond, e.resume)
			if e.hold(r) {
				e.answer(w, r)
			}
		}
	})
	r, err := ask(t.Context(), newPool(t, nil, hung), "hi")
	if err != nil || hung.calls.Load() != 1 {
		t.Errorf("answer %+v, %v, %d calls; want the answer of the one call", r, err, hung.calls.Load())
	}
}

// A paid call that may have been charged is not made twice.
func TestPaidCallsAreNotRepeated(t *testing.T) {
	bad := newEngine(t, func(e *engine) {
		e.chat = func(*engine, http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	})
	refusing := newEngine(t, func(e *engine) {
		e.chat = func(_ *engine, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }
	})
	cold := func(e *engine) { e.loaded.Store(&[]string{}) }
	good := newEngine(t, cold)
	paid := func(c *pool.Config) { c.Paid = true }
	if _, err := ask(t.Context(), newPool(t, paid, bad, good), "hi"); err == nil || good.calls.Load() != 0 {
		t.Errorf("%v, and the other host was asked %d times; want an error alone", err, good.calls.Load())
	}
	if r, err := ask(t.Context(), newPool(t, paid, refusing, good), "hi"); err != nil || r.Route.Host != good.host() {
		t.Errorf("%+v, %v; want the other host's answer to what the first has refused", r, err)
	}
}

// TestWhoIsAsked has a table of what two hosts have.
func TestWhoIsAsked(t *testing.T) {
	none, other, both := []string{}, []string{"big:70b"}, []string{"m:1b", "big:70b"}
	for name, c := range map[string]struct {
		models, loaded [2]*[]string
		want           int
	}{
		"the one that has it in memory":    {[2]*[]string{&both, &both}, [2]*[]string{&none, &both}, 1},
		"the one that has room":            {[2]*[]string{&both, &both}, [2]*[]string{&other, &none}, 1},
		"the one that has it":              {[2]*[]string{&other, &both}, [2]*[]string{&other, &other}, 1},
		"the first where both are as good": {[2]*[]string{&both, &both}, [2]*[]string{&none, &none}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var engines []*engine
			for i := range 2 {
				engines = append(engines, newEngine(t, func(e *engine) { e.models.Store(c.models[i]); e.loaded.Store(c.loaded[i]) }))
			}
			r, err := ask(t.Context(), newPool(t, nil, engines...), "hi")
			if err != nil || r.Route.Host != engines[c.want].host() {
				t.Errorf("answered by %+v, %v; want host %d", r.Route, err, c.want)
			}
		})
	}
}

func TestNoHostHasTheModel(t *testing.T) {
	a := newEngine(t, func(e *engine) { e.models.Store(&[]string{"other:1b"}) })
	b := newEngine(t, func(e *engine) { e.models.Store(&[]string{}) })
	_, err := ask(t.Context(), newPool(t, nil, a, b), "hi")
	if !errors.Is(err, provider.ModelNotFound) || !strings.Contains(err.Error(), a.host()) || !strings.Contains(err.Error(), b.host()) {
		t.Errorf("%v; want ModelNotFound with both hosts", err)
	}
	if a.calls.Load()+b.calls.Load() > 0 {
		t.Error("a host without the model was asked")
	}
}

// A conversation stays where its beginning was read, and others do not follow it.
func TestAConversationStays(t *testing.T) {
	a, b := newEngine(t, nil), newEngine(t, nil)
	var drained atomic.Bool
	drained.Store(true)
	p := newPool(t, func(c *pool.Config) { c.Hosts[1].Drained, c.Hosts[1].Weight = drained.Load, 100 }, a, b)
	first, err := ask(t.Context(), p, "one")
	if err != nil || first.Route.Host != a.host() {
		t.Fatalf("answered by %+v, %v; want the one that is not drained", first.Route, err)
	}
	drained.Store(false)
	second, err := ask(t.Context(), p, "one", first.Text, "two")
	if err != nil || second.Route.Host != a.host() {
		t.Fatalf("the second turn went to %+v, %v; want %s", second.Route, err, a.host())
	}
	if r, err := ask(t.Context(), p, "something else"); err != nil || r.Route.Host != b.host() {
		t.Fatalf("another conversation went to %+v, %v; want %s", r.Route, err, b.host())
	}
	third := []string{"one", first.Text, "two", second.Text, "three"}
	if r, err := ask(t.Context(), p, third...); err != nil || r.Route.Host != a.host() {
		t.Fatalf("the third turn went to %+v, %v; want %s", r.Route, err, a.host())
	}
	a.kill()
	if r, err := ask(t.Context(), p, third...); err != nil || r.Route.Host != b.host() {
		t.Fatalf("with its host gone, the conversation went to %+v, %v; want %s", r.Route, err, b.host())
	}
}

// The same tag with another digest is said, and does not answer.
func TestAnotherDigestIsSetAside(t *testing.T) {
	a, b := newEngine(t, nil), newEngine(t, nil)
	other := newEngine(t, func(e *engine) { e.digest = "bbbb" })
	var said []string
	p := newPool(t, func(c *pool.Config) { c.Warn = func(text string) { said = append(said, text) } }, other, a, b)
	for i := range 6 {
		if r, err := ask(t.Context(), p, fmt.Sprint(i)); err != nil || r.Route.Host == other.host() {
			t.Fatalf("answered by %+v, %v", r.Route, err)
		}
	}
	if len(said) != 1 || !strings.Contains(said[0], other.host()) || !strings.Contains(said[0], "bbbb") {
		t.Errorf("said %q; want once that %s is set aside", said, other.host())
	}
	i := slices.IndexFunc(p.Status(), func(s pool.Status) bool { return s.State == pool.StateAside })
	if i != 0 {
		t.Errorf("status %+v; want the first host set aside", p.Status())
	}
	a.kill()
	b.kill()
	if r, err := ask(t.Context(), p, "last"); err == nil {
		t.Errorf("with the others gone it answered all the same: %+v", r.Route)
	} else if !strings.Contains(err.Error(), "another model") {
		t.Errorf("the error does not say why: %v", err)
	}
}

func TestDrained(t *testing.T) {
	a, b := newEngine(t, nil), newEngine(t, nil)
	var drained atomic.Bool
	p := newPool(t, func(c *pool.Config) { c.Hosts[0].Drained = drained.Load }, a, b)
	drained.Store(true)
	for i := range 4 {
		if r, err := ask(t.Context(), p, fmt.Sprint(i)); err != nil || r.Route.Host != b.host() {
			t.Fatalf("answered by %+v, %v; want the one that is not drained", r.Route, err)
		}
	}
	drained.Store(false)
	b.kill()
	if r, err := ask(t.Context(), p, "back"); err != nil || r.Route.Host != a.host() {
		t.Errorf("answered by %+v, %v; want the one that is back", r.Route, err)
	}
}

// Hosts that say that they serve so many at a time get no more, and none is idle while a
// call waits.
func TestEveryHostIsKeptBusy(t *testing.T) {
	paces := []time.Duration{4 * time.Millisecond, 8 * time.Millisecond, 16 * time.Millisecond}
	var engines []*engine
	for _, pace := range paces {
		engines = append(engines, newEngine(t, func(e *engine) { e.pace, e.tokens = pace, 5 }))
	}
	p := newPool(t, func(c *pool.Config) {
		for i := range c.Hosts {
			c.Hosts[i].Slots = func() int { return 2 }
		}
	}, engines...)
	var wg sync.WaitGroup
	var failed atomic.Int64
	for i := range 60 {
		wg.Go(func() {
			if _, err := ask(t.Context(), p, fmt.Sprint(i)); err != nil {
				failed.Add(1)
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var calls []int64
	for _, e := range engines {
		calls = append(calls, e.calls.Load())
		if e.most.Load() > 2 {
			t.Errorf("%d calls at a time, want 2", e.most.Load())
		}
	}
	if calls[0]+calls[1]+calls[2] != 60 || calls[0] <= calls[2] || calls[2] == 0 {
		t.Errorf("the hosts had %v calls; want more for the faster one, and some for each", calls)
	}
}

// Killed and stopped hosts lose no call, and no answer comes twice.
func TestNothingIsLost(t *testing.T) {
	var engines []*engine
	for range 3 {
		engines = append(engines, newEngine(t, func(e *engine) { e.pace, e.tokens = time.Millisecond, 20 }))
	}
	p := newPool(t, func(c *pool.Config) { c.Whole = func(context.Context) bool { return true } }, engines...)
	var wg sync.WaitGroup
	var answered atomic.Int64
	want := ""
	for i := range 20 {
		want += fmt.Sprintf("w%d ", i)
	}
	turn := make(chan struct{}, 12)
	for i := range 120 {
		turn <- struct{}{}
		switch i {
		case 40:
			engines[0].kill()
		case 60:
			engines[1].stop()
		}
		wg.Go(func() {
			defer func() { <-turn }()
			r, err := ask(t.Context(), p, fmt.Sprint(i))
			if err != nil || r.Text != want {
				t.Errorf("call %d: %q, %v", i, r.Text, err)
				return
			}
			answered.Add(1)
		})
	}
	wg.Wait()
	if answered.Load() != 120 {
		t.Errorf("%d answers, want 120", answered.Load())
	}
}

// A host that comes back is asked again.
func TestAHostComesBack(t *testing.T) {
	a := newEngine(t, func(e *engine) { e.refuses.Store(503) })
	b := newEngine(t, nil)
	p := newPool(t, nil, a, b)
	if r, err := ask(t.Context(), p, "one"); err != nil || r.Route.Host != b.host() {
		t.Fatalf("answered by %+v, %v; want the one that is there", r.Route, err)
	}
	a.refuses.Store(0)
	b.kill()
	if r, err := ask(t.Context(), p, "two"); err != nil || r.Route.Host != a.host() {
		t.Errorf("answered by %+v, %v; want the one that is back", r.Route, err)
	}
}
