package pace

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

func TestAPauseIsKept(t *testing.T) {
	now := time.Unix(0, 0)
	l := New(Config{Now: func() time.Time { return now }})
	began, err := l.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Second)
	l.Refused(began, time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Acquire(ctx); !errors.Is(err, context.Canceled) || l.Limit() != 2 {
		t.Errorf("%v, %d", err, l.Limit())
	}
	now = now.Add(time.Hour)
	if _, err := l.Acquire(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestHeaders(t *testing.T) {
	for _, c := range []struct {
		header []string
		want   time.Duration
	}{
		{nil, 0},
		{[]string{"X-Ratelimit-Remaining-Requests", "0", "X-Ratelimit-Reset-Requests", "1m30s"}, 90 * time.Second},                                                             // OpenAI
		{[]string{"X-Ratelimit-Remaining-Requests", "5", "X-Ratelimit-Reset-Requests", "1m30s"}, 0},                                                                            //
		{[]string{"X-Ratelimit-Remaining-Tokens", "0", "X-Ratelimit-Reset-Tokens", "12ms"}, 12 * time.Millisecond},                                                             //
		{[]string{"Anthropic-Ratelimit-Requests-Remaining", "0", "Anthropic-Ratelimit-Requests-Reset", "2026-11-29T01:00:20Z", "Date", "Sun, 29 Nov 2026 01:00:00 GMT"}, 20e9}, // Anthropic
		{[]string{"Ratelimit-Remaining", "0", "Ratelimit-Reset", "7"}, 7 * time.Second},                                                                                        // IETF draft
		{[]string{"X-Ratelimit-Remaining", "0", "X-Ratelimit-Reset", "1795914030", "Date", "Sun, 29 Nov 2026 01:00:00 GMT"}, time.Unix(1795914030, 0).Sub(time.Date(2026, 11, 29, 1, 0, 0, 0, time.UTC))},
		{[]string{"X-Ratelimit-Remaining", "0", "X-Ratelimit-Reset", "soon"}, 0},
		{[]string{"X-Ratelimit-Remaining", "none", "X-Ratelimit-Reset", "7"}, 0},
	} {
		h := http.Header{}
		for i := 0; i < len(c.header); i += 2 {
			h.Set(c.header[i], c.header[i+1])
		}
		if got := exhausted(h); got != max(c.want, 0) {
			t.Errorf("%v: %v, want %v", c.header, got, c.want)
		}
	}
}

// asks is a provider that gives one answer or error.
type asks struct{ err error }

func (asks) Name() string                                     { return "a" }
func (asks) Models(context.Context) ([]provider.Model, error) { return nil, nil }
func (a asks) Chat(context.Context, provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		if a.err != nil {
			yield(provider.Chunk{}, a.err)
			return
		}
		yield(provider.Chunk{Text: "x", Finish: provider.FinishStop}, nil)
	}
}

// Every call gives its place back, however it ends.
func TestPlacesAreGivenBack(t *testing.T) {
	for _, err := range []error{nil, context.Canceled, provider.Errorf(provider.Invalid, "a", "", "no")} {
		l := New(Config{Most: 1})
		p := Around(asks{err}, l)
		for range 3 {
			for _, got := range p.Chat(t.Context(), provider.Request{}) {
				if got != err {
					t.Errorf("%v, want %v", got, err)
				}
			}
			for range p.Chat(t.Context(), provider.Request{}) {
				break
			}
		}
		if l.running != 0 {
			t.Errorf("%v: %d are running", err, l.running)
		}
	}
}

// What a call was is what its usage says, or without one how long its answer is, and what
// its route says of the engine.
func TestWork(t *testing.T) {
	route := &provider.Route{Total: 10 * time.Second, Load: 3 * time.Second, Working: 5 * time.Second}
	usage := &provider.Usage{InputTokens: 24, CachedTokens: 8, OutputTokens: 7}
	for _, c := range []struct {
		usage *provider.Usage
		route *provider.Route
		want  Work
	}{
		{nil, nil, Work{Amount: 11}},
		{usage, nil, Work{Amount: 10}},
		{usage, route, Work{Amount: 10, Took: 7 * time.Second, Inside: 5 * time.Second}},
		{&provider.Usage{CachedTokens: 9}, &provider.Route{Total: time.Second}, Work{Amount: 1, Took: time.Second}},
	} {
		if got := work(40, c.usage, c.route); got != c.want {
			t.Errorf("%+v, want %+v", got, c.want)
		}
	}
}

// What a target says that it serves at a time is not exceeded, and a number that the
// user chose is.
func TestATargetSaysHowManyItServes(t *testing.T) {
	now := time.Unix(0, 0)
	for _, c := range []struct {
		fixed       bool
		most, says  int
		first, last int
	}{
		{false, 0, 2, 2, 2}, {false, 0, 6, 4, 6}, {false, 3, 6, 3, 3}, {false, 0, 0, 4, 64}, {true, 9, 2, 9, 9},
	} {
		l := New(Config{Most: c.most, Fixed: c.fixed, Now: func() time.Time { return now }})
		l.AtMost(c.says)
		if l.Limit() != c.first {
			t.Errorf("%+v: %d at first", c, l.Limit())
		}
		running := 0
		for range 5000 { // calls of a second each, whatever else runs
			for ; running < l.Limit(); running++ {
				if _, err := l.Acquire(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			now = now.Add(time.Second / time.Duration(running))
			l.Answered(now, Work{Amount: 1})
			running--
		}
		if l.Limit() != c.last {
			t.Errorf("%+v: %d at last", c, l.Limit())
		}
	}
}

func TestRowsKeepTheBusiestTargetBusy(t *testing.T) {
	var s Set
	s.Of("a", Config{Most: 3})
	s.Of("b", Config{})
	if n := s.Rows("a"); n != 3 {
		t.Errorf("%d", n)
	}
	if _, err := s.Of("b", Config{}).Acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := s.Rows("a"); n != 4 {
		t.Errorf("%d", n)
	}
	fixed := Set{Fixed: 9}
	if n := fixed.Rows("a"); n != 9 || fixed.Of("a", Config{Most: 20}).Limit() != 9 || fixed.Of("b", Config{Most: 2}).Limit() != 2 {
		t.Errorf("%d", n)
	}
}

// A target that serves more than it did when it was asked first gets more.
func TestATargetThatServesMoreThanItDid(t *testing.T) {
	now := time.Unix(0, 0)
	l := New(Config{Now: func() time.Time { return now }})
	run := func() {
		var began []time.Time
		for range 2000 {
			for len(began) < l.Limit() {
				at, err := l.Acquire(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				began = append(began, at)
			}
			now = now.Add(time.Second / time.Duration(len(began))) // each takes a second
			l.Answered(began[0], Work{Amount: 1})
			began = began[1:]
		}
		for _, at := range began {
			l.Answered(at, Work{Amount: 1})
		}
	}
	l.AtMost(2)
	if run(); l.Limit() != 2 {
		t.Errorf("%d calls at a time, and it serves 2", l.Limit())
	}
	l.AtMost(0) // it does not say
	if run(); l.Limit() != 2 {
		t.Errorf("%d calls at a time, and it served 2", l.Limit())
	}
	l.AtMost(16)
	if run(); l.Limit() < 12 {
		t.Errorf("%d calls at a time, and it serves 16", l.Limit())
	}
	if l.AtMost(3); l.Limit() != 3 {
		t.Errorf("%d calls at a time, and it serves 3", l.Limit())
	}
}
