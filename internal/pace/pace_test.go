package pace

import (
	"container/heap"
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// ends are the times at which calls end.
type ends []end

type end struct {
	began, at time.Time
	refused   bool
}

func (e ends) Len() int           { return len(e) }
func (e ends) Less(i, j int) bool { return e[i].at.Before(e[j].at) }
func (e ends) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *ends) Push(v any)        { *e = append(*e, v.(end)) }
func (e *ends) Pop() any          { v := (*e)[len(*e)-1]; *e = (*e)[:len(*e)-1]; return v }

// server is a target in simulated time: it serves so many calls at a time, each for
// about a second, and lets others wait.
type server struct {
	slots   int
	slower  float64 // a call takes so much longer for each other one that is served
	most    int     // calls at a time that it does not refuse; 0: any number
	varying float64 // a call takes up to this share longer or shorter
}

// simulate has as many calls as the limiter lets, and returns how many were answered
// a second, of those after the first half of the time, and the limit at the end.
func (s server) simulate(t *testing.T, calls int) (perSecond float64, limit, refusals int) {
	t.Helper()
	now := time.Unix(0, 0)
	l := New(Config{Now: func() time.Time { return now }})
	random := rand.New(rand.NewPCG(1, 2))
	var running ends
	var free ends // when each slot is free
	for range s.slots {
		free = append(free, end{at: now})
	}
	answered, counted, since := 0, 0, now
	for answered < calls {
		for now.After(l.paused) || now.Equal(l.paused) || l.paused.IsZero() {
			if l.running >= l.limit {
				break
			}
			began, err := l.Acquire(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if s.most > 0 && len(running) >= s.most {
				heap.Push(&running, end{began, now.Add(10 * time.Millisecond), true})
				continue
			}
			took := 1 + s.slower*float64(min(len(running), s.slots)) + s.varying*(2*random.Float64()-1)
			slot := heap.Pop(&free).(end)
			at := slot.at
			if at.Before(now) {
				at = now
			}
			at = at.Add(time.Duration(took * float64(time.Second)))
			heap.Push(&free, end{at: at})
			heap.Push(&running, end{began, at, false})
		}
		if running.Len() == 0 {
			now = l.paused
			continue
		}
		next := heap.Pop(&running).(end)
		now = next.at
		if next.refused {
			refusals++
			l.Refused(next.began, 2*time.Second)
			continue
		}
		l.Answered(next.began, 1)
		if answered++; answered == calls/2 {
			since = now
		} else if answered > calls/2 {
			counted++
		}
	}
	return float64(counted) / now.Sub(since).Seconds(), l.Limit(), refusals
}

// Whatever a target serves at a time, almost all of that is used, and not many more
// calls wait there.
func TestTheLimitIsFound(t *testing.T) {
	for _, slots := range []int{1, 2, 3, 4, 7, 16, 33, 64} {
		for _, varying := range []float64{0, 0.3, 0.9} {
			rate, limit, _ := server{slots: slots, varying: varying}.simulate(t, 200*slots+2000)
			least := 0.96
			if varying > 0.5 { // a window says less
				least = 0.94
			}
			if rate < least*float64(slots) || limit > 2*slots+8 {
				t.Errorf("%d slots, times ±%g: %.2f a second, %d at a time", slots, varying, rate, limit)
			}
		}
	}
}

// An engine that is slower the more calls it has, and still gets more done, gets
// more of them.
func TestABatchingEngineGetsMore(t *testing.T) {
	rate, limit, _ := server{slots: 32, slower: 0.03, varying: 0.2}.simulate(t, 6000)
	if alone := 32 / (1 + 0.03*31); rate < 0.9*alone {
		t.Errorf("%.2f a second of %.2f, %d at a time", rate, alone, limit)
	}
}

// A target that refuses calls is asked as many as it takes, and refuses few.
func TestRefusalsLowerTheLimit(t *testing.T) {
	_, limit, refusals := server{slots: 64, most: 10, varying: 0.2}.simulate(t, 3000)
	if limit > 14 || refusals > 300 {
		t.Errorf("%d at a time, %d refusals", limit, refusals)
	}
}

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
			l.Answered(now, 1)
			running--
		}
		if l.Limit() != c.last {
			t.Errorf("%+v: %d at last", c, l.Limit())
		}
	}
}

func TestRowsKeepTheBusiestTargetBusy(t *testing.T) {
	var s Set
	s.Of("a", 3)
	s.Of("b", 0)
	if n := s.Rows("a"); n != 3 {
		t.Errorf("%d", n)
	}
	if _, err := s.Of("b", 0).Acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := s.Rows("a"); n != 4 {
		t.Errorf("%d", n)
	}
	fixed := Set{Fixed: 9}
	if n := fixed.Rows("a"); n != 9 || fixed.Of("a", 20).Limit() != 9 || fixed.Of("b", 2).Limit() != 2 {
		t.Errorf("%d", n)
	}
}
