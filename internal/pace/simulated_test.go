package pace

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// times are how long calls take, in seconds, and how many tokens they come to.
type times struct {
	name string
	draw func(r *rand.Rand) (seconds, tokens float64)
}

func constant(*rand.Rand) (seconds, tokens float64) { return 1, 100 }

// around varies by a share up and down; how many tokens that is varies by itself.
func around(share float64) func(r *rand.Rand) (seconds, tokens float64) {
	return func(r *rand.Rand) (seconds, tokens float64) {
		return 1 + share*(2*r.Float64()-1), 100 + 100*share*(2*r.Float64()-1)
	}
}

// orders are times of three orders of magnitude, as evenly as logarithms are.
func orders(r *rand.Rand) float64 { return math.Pow(10, 3*r.Float64()-1.8) }

var varied = []times{
	{"the same", constant},
	{"±30 %", around(0.3)},
	{"±90 %", around(0.9)},
	{"exponential", func(r *rand.Rand) (seconds, tokens float64) { return r.ExpFloat64(), 100 }},
	{"three orders, by the tokens", func(r *rand.Rand) (seconds, tokens float64) { s := orders(r); return s, 100 * s }},
	{"three orders, about by the tokens", func(r *rand.Rand) (seconds, tokens float64) {
		s := orders(r)
		return s * (0.5 + r.Float64()), 1 + math.Floor(100*s)
	}},
	{"three orders, whatever the tokens", func(r *rand.Rand) (seconds, tokens float64) { return orders(r), 100 }},
}

// server is a target in simulated time: it serves so many calls at a time, in the order
// in which they come, and lets others wait.
type server struct {
	slots    int
	times    func(r *rand.Rand) (seconds, tokens float64)
	tells    bool    // how long it worked on each call
	overhead float64 // seconds of a call that are none of that
	slower   float64 // a call takes so much longer for each other one that is served
	most     int     // calls at a time that it does not refuse; 0: any number
	perSec   float64 // tokens a second that it gives at most, by being slow; 0: any number
}

// run is what came of it.
type run struct {
	// In the second half of the calls, on average:
	perSecond float64 // work done
	used      float64 // share of the slots that are busy
	waiting   float64 // calls that wait inside the server
	limit     int
	refusals  int
}

type call struct {
	began, from, at time.Time
	work            Work
	refused         bool
}

type calls []call

func (e calls) Len() int           { return len(e) }
func (e calls) Less(i, j int) bool { return e[i].at.Before(e[j].at) }
func (e calls) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *calls) Push(v any)        { *e = append(*e, v.(call)) }
func (e *calls) Pop() any          { v := (*e)[len(*e)-1]; *e = (*e)[:len(*e)-1]; return v }

// simulate has as many calls as the limiter lets.
func (s server) simulate(t *testing.T, cfg Config, seed uint64, n int) run {
	t.Helper()
	now := time.Unix(0, 0)
	cfg.Now = func() time.Time { return now }
	l := New(cfg)
	random := rand.New(rand.NewPCG(seed, 2))
	var running calls
	var free calls // when each slot is free
	for range s.slots {
		free = append(free, call{at: now})
	}
	var out run
	var since, throttled time.Time
	answered, seconds := 0, func(d float64) time.Duration { return time.Duration(d * float64(time.Second)) }
	for answered < n {
		for !now.Before(l.paused) && l.running < l.limit {
			began, err := l.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if s.most > 0 && len(running) >= s.most {
				heap.Push(&running, call{began: began, at: now.Add(10 * time.Millisecond), refused: true})
				continue
			}
			took, tokens := s.times(random)
			slot := heap.Pop(&free).(call)
			c := call{began: now, from: slot.at}
			if c.from.Before(now) {
				c.from = now
			}
			busy := 0
			for _, r := range running {
				if r.at.After(c.from) {
					busy++
				}
			}
			took *= 1 + s.slower*float64(min(busy, s.slots-1))
			if s.perSec > 0 {
				if throttled.Before(c.from) {
					throttled = c.from
				}
				throttled = throttled.Add(seconds(tokens / s.perSec))
				took = max(took, throttled.Sub(c.from).Seconds())
			}
			c.at = c.from.Add(seconds(took + s.overhead))
			c.work = Work{Amount: tokens, Took: c.at.Sub(now)}
			if s.tells {
				c.work.Inside = seconds(took)
			}
			heap.Push(&free, call{at: c.at})
			heap.Push(&running, c)
		}
		if running.Len() == 0 {
			now = l.paused
			continue
		}
		c := heap.Pop(&running).(call)
		now = c.at
		if c.refused {
			out.refusals++
			l.Refused(c.began, 2*time.Second)
			continue
		}
		l.Answered(c.began, c.work)
		if answered++; answered == n/2 {
			since = now
		} else if answered > n/2 {
			out.perSecond += c.work.Amount
			out.waiting += c.from.Sub(c.began).Seconds()
			out.used += c.at.Sub(c.from).Seconds() / float64(s.slots)
		}
	}
	took := now.Sub(since).Seconds()
	out.perSecond /= took
	out.used /= took
	out.waiting /= took
	out.limit = l.Limit()
	return out
}

var sizes = []int{1, 2, 3, 4, 7, 16, 33, 64}

// An engine that tells how long it works on each call gets as many calls as it serves, and
// none waits there but now and then to see whether it serves more.
func TestAnEngineThatTellsGetsWhatItServes(t *testing.T) {
	for _, slots := range sizes {
		for _, v := range varied {
			for seed := range uint64(2) {
				s := server{slots: slots, times: v.draw, tells: true, overhead: 0.01}
				r := s.simulate(t, Config{Local: true}, seed, 200*slots+2000)
				if r.used < 0.95 || r.waiting > max(0.12, 0.1*float64(slots)) {
					t.Errorf("%d slots, times %s: %.3f of them busy, %.2f calls wait, %d at a time", slots, v.name, r.used, r.waiting, r.limit)
				}
			}
		}
	}
}

// With one that does not, what it gets done decides. Where that varies by orders of
// magnitude, most of what it serves is found, and few more than it serves.
func TestAnEngineThatDoesNotTell(t *testing.T) {
	for _, slots := range sizes {
		for _, v := range varied[:len(varied)-1] {
			for seed := range uint64(2) {
				s := server{slots: slots, times: v.draw, overhead: 0.01}
				r := s.simulate(t, Config{Local: true}, seed, 200*slots+2000)
				if r.used < 0.65 || r.waiting > max(1.2, 0.4*float64(slots)) || slots == 1 && r.waiting > 0.5 {
					t.Errorf("%d slots, times %s: %.3f of them busy, %.2f calls wait, %d at a time", slots, v.name, r.used, r.waiting, r.limit)
				}
			}
		}
	}
}

// Where its times vary by three orders, whatever the tokens, what it gets done shows nothing
// for long. It may get fewer calls than it serves, and no more than twice as many: on
// average, hardly any waits there.
func TestAnEngineOfWhichNothingIsKnown(t *testing.T) {
	const runs = 12
	for _, slots := range sizes {
		var used, waiting, most float64
		for seed := range uint64(runs) {
			r := server{slots: slots, times: varied[len(varied)-1].draw, overhead: 0.01}.simulate(t, Config{Local: true}, seed, 200*slots+2000)
			used += r.used / runs
			waiting += r.waiting / runs
			most = max(most, r.waiting)
		}
		if used < 0.7 || waiting > max(0.6, 0.25*float64(slots)) || most > float64(slots)+0.5 {
			t.Errorf("%d slots: %.2f of them busy, %.2f calls wait, in one run %.2f", slots, used, waiting, most)
		}
	}
}

// From the first call on, hardly any waits in an engine that serves one at a time.
func TestASerialEngineIsLeftToOthers(t *testing.T) {
	for _, tells := range []bool{true, false} {
		for _, v := range varied {
			s := server{slots: 1, times: v.draw, tells: tells, overhead: 0.01}
			var waiting float64
			for seed := range uint64(5) {
				waiting += s.simulate(t, Config{Local: true}, seed, 400).waiting / 5
			}
			if most := map[bool]float64{true: 0.2, false: 0.9}[tells]; waiting > most {
				t.Errorf("times %s, tells %v: %.2f calls wait", v.name, tells, waiting)
			}
		}
	}
}

// A hosted API gets more than it is asked at first, also where its times vary by orders of
// magnitude.
func TestAHostedAPIGetsMore(t *testing.T) {
	for _, v := range varied {
		r := server{slots: 1000, times: v.draw}.simulate(t, Config{}, 1, 6000)
		if r.limit < 32 {
			t.Errorf("times %s: %d at a time", v.name, r.limit)
		}
	}
}

// An engine that is slower the more calls it has, and still gets more done, gets more of
// them.
func TestABatchingEngineGetsMore(t *testing.T) {
	for _, tells := range []bool{true, false} {
		r := server{slots: 32, slower: 0.03, times: around(0.2), tells: tells}.simulate(t, Config{Local: true}, 1, 8000)
		if alone := 3200 / (1 + 0.03*31); r.perSecond < 0.85*alone {
			t.Errorf("%.0f tokens a second of %.0f, %d at a time", r.perSecond, alone, r.limit)
		}
	}
}

// One that works on all of them at once, and gets no more done than with one, gets one.
func TestAnEngineThatGainsNothingGetsOne(t *testing.T) {
	for _, tells := range []bool{true, false} {
		r := server{slots: 4, slower: 1, times: around(0.2), tells: tells}.simulate(t, Config{Local: true}, 1, 3000)
		if r.limit > 2 {
			t.Errorf("tells %v: %d at a time", tells, r.limit)
		}
	}
}

// A target that refuses calls is asked as many as it takes, and refuses few.
func TestRefusalsLowerTheLimit(t *testing.T) {
	r := server{slots: 64, most: 10, times: around(0.2)}.simulate(t, Config{}, 1, 3000)
	if r.limit > 14 || r.refusals > 300 {
		t.Errorf("%d at a time, %d refusals", r.limit, r.refusals)
	}
}

// A hosted API that is slow rather than refuse is not asked without end.
func TestAThrottledAPI(t *testing.T) {
	r := server{slots: 1000, perSec: 800, times: around(0.3)}.simulate(t, Config{}, 1, 6000)
	if r.perSecond < 720 || r.limit > 24 {
		t.Errorf("%.0f tokens a second, %d at a time", r.perSecond, r.limit)
	}
}
