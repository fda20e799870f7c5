// Package queue lets questions through to engines that hold few models at a time. Calls
// for the model that is at work come together, so that models are not swapped back and
// forth (A A A B B C, not A B A B C A); none waits without bound for that; a model that
// answers is never taken out for another one; within a model, sessions take turns, and
// what nobody waits for, such as the title of a chat, comes last, and after it the calls
// of batches.
package queue

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/priority"
)

// Lane is how a provider's engine takes calls.
type Lane struct {
	// Slots is how many calls run at a time; 0: no limit.
	Slots int
	// Swaps says that the engine swaps models: calls for another model than those that
	// are loaded wait until the running ones have ended.
	Swaps bool
	// Loaded are the models in memory; nil: not known. It must be quick.
	Loaded func(ctx context.Context) []string
}

// Config is how a Queue works.
type Config struct {
	// Lane is how the provider of that name takes calls, and the model that a call
	// without one is for. ok is false where calls need not wait.
	Lane func(provider, model string) (lane Lane, asked string, ok bool)
	// Engine is a provider's engine, as calls and batches share it; nil: batches wait for
	// nobody.
	Engine func(provider string) *priority.Engine
	// Limit is how many calls may wait for one provider, those of batches not counted;
	// 0: 256.
	Limit int
	// MaxWait is how long a call waits for those of a loaded model before it comes
	// first; 0: 30s.
	MaxWait time.Duration
	// Waited, if not nil, is told how long a call waited whose turn came.
	Waited func(provider string, took time.Duration)
	now    func() time.Time // for tests
}

const (
	defaultLimit   = 256
	defaultMaxWait = 30 * time.Second
)

// Queue is an exchange.Queue.
type Queue struct {
	cfg   Config
	mu    sync.Mutex
	lanes map[string]*lane
}

var _ exchange.Queue = (*Queue)(nil)

// New returns a queue in which nobody waits.
func New(cfg Config) *Queue {
	cfg.MaxWait = cmp.Or(cfg.MaxWait, defaultMaxWait)
	if cfg.Waited == nil {
		cfg.Waited = func(string, time.Duration) {}
	}
	if cfg.now == nil {
		cfg.now = time.Now
	}
	q := &Queue{cfg: cfg, lanes: map[string]*lane{}}
	q.SetLimit(cfg.Limit)
	return q
}

// SetLimit sets the Limit of the [Config]. Who waits already keeps waiting.
func (q *Queue) SetLimit(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.cfg.Limit = cmp.Or(n, defaultLimit)
}

// lane is one provider's calls.
type lane struct {
	Lane
	running int
	active  map[string]int       // calls that run, by model
	last    string               // the model of the call that was let through last
	served  map[string]time.Time // when a session's last call was let through
	waiting []*waiter
	took    time.Duration // of a call, on average
	batch   time.Time     // when a call of a batch was let through last
}

// rank is what a call is, besides its ticket.
type rank struct {
	batch bool
	due   bool // of a batch, and has waited for as long as one has to
}

type waiter struct {
	exchange.Ticket
	rank
	since  time.Time
	turn   chan struct{} // closed when it is let through
	let    bool
	told   int  // its position, as it was told
	loaded bool // its model was in memory when that was asked
}

// turn is a call's that was let through.
type turn struct {
	*waiter
	q     *Queue
	lane  *lane // nil: the call need not wait
	began time.Time
	over  sync.Once
}

// tell tells how long the call has waited, if it had to.
func (t *turn) tell() {
	if t.lane != nil {
		t.q.cfg.Waited(t.Provider, t.began.Sub(t.since))
	}
}

// leave is the end of the call.
func (t *turn) leave() { t.end(t.q.cfg.now().Sub(t.began)) }

// handBack ends the turn of a call that does not run now.
func (t *turn) handBack() { t.end(0) }

func (t *turn) end(took time.Duration) {
	t.over.Do(func() {
		if t.lane != nil {
			t.q.mu.Lock()
			defer t.q.mu.Unlock()
			t.q.leave(t.lane, t.waiter, took)
		}
	})
}

// enter waits for a call's turn among those of this process.
func (q *Queue) enter(ctx context.Context, t exchange.Ticket, r rank) (*turn, error) {
	w := &waiter{Ticket: t, rank: r, since: q.cfg.now(), turn: make(chan struct{}), loaded: true}
	how, model, ok := q.cfg.Lane(t.Provider, t.Model)
	if !ok {
		return &turn{waiter: w, q: q, began: w.since}, nil
	}
	w.Model = model
	if how.Swaps && how.Loaded != nil {
		w.loaded = slices.Contains(how.Loaded(ctx), model)
	}
	q.mu.Lock()
	l := q.lanes[t.Provider]
	if l == nil {
		l = &lane{active: map[string]int{}, served: map[string]time.Time{}}
		q.lanes[t.Provider] = l
	}
	l.Lane = how
	l.waiting = append(l.waiting, w)
	q.advance(l)
	if !w.let && !w.batch && l.length() > q.cfg.Limit {
		l.remove(w)
		n := l.length()
		wait := l.estimate(n)
		q.mu.Unlock()
		return nil, &exchange.Failure{
			Status: http.StatusTooManyRequests, Code: exchange.CodeBusy, Retry: true, RetryAfter: wait,
			Message: fmt.Sprintf("%s is busy: %d calls are waiting for it; ask again in %s", t.Provider, n, wait),
		}
	}
	q.mu.Unlock()
	select {
	case <-w.turn:
	case <-ctx.Done():
		q.mu.Lock()
		defer q.mu.Unlock()
		if w.let { // its turn came at the same moment
			q.leave(l, w, 0)
		} else {
			l.remove(w)
			q.tell(l)
		}
		return nil, ctx.Err()
	}
	return &turn{waiter: w, q: q, lane: l, began: q.cfg.now()}, nil
}

// Waiting is how many calls wait for a provider, those of batches not counted.
func (q *Queue) Waiting(provider string) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	if l := q.lanes[provider]; l != nil {
		return l.length()
	}
	return 0
}

// length is how many calls wait, those of batches not counted.
func (l *lane) length() (n int) {
	for _, w := range l.waiting {
		if !w.batch {
			n++
		}
	}
	return n
}

// leave is the end of a call that was let through.
func (q *Queue) leave(l *lane, w *waiter, took time.Duration) {
	l.running--
	if l.active[w.Model]--; l.active[w.Model] == 0 {
		delete(l.active, w.Model)
	}
	if took > 0 {
		l.took = (l.took*3 + took) / 4
	}
	q.advance(l)
}

// advance lets through whoever may run now, and tells the others where they are.
func (q *Queue) advance(l *lane) {
	for {
		w := q.next(l)
		if w == nil {
			break
		}
		l.remove(w)
		w.let = true
		if w.batch {
			w.due = q.overdue(l, w)
			l.batch = q.cfg.now()
		}
		l.last = w.Model
		l.running++
		l.active[w.Model]++
		if len(l.served) > 1024 {
			clear(l.served)
		}
		l.served[w.Session] = q.cfg.now()
		if l.Swaps && !w.loaded && l.active[w.Model] == 1 { // what else was in memory may be so no longer
			for _, other := range l.waiting {
				other.loaded = other.Model == w.Model
			}
		}
		close(w.turn)
	}
	q.tell(l)
}

// next is who runs next, or nil: nobody may.
func (q *Queue) next(l *lane) *waiter {
	if l.Slots > 0 && l.running >= l.Slots || len(l.waiting) == 0 {
		return nil
	}
	order := q.order(l) // not empty
	first := order[0]
	for _, w := range order {
		if l.fits(w) {
			// Once somebody has waited too long for another model, nobody comes
			// before it: the running calls end, and it is its turn.
			if w != first && q.overdue(l, first) && !l.fits(first) {
				return nil
			}
			return w
		}
	}
	return nil
}

// fits reports whether a call takes no model out of memory that is at work.
func (l *lane) fits(w *waiter) bool {
	return !l.Swaps || l.running == 0 || l.active[w.Model] > 0 || w.loaded
}

// overdue reports whether a call has waited for so long that it comes first. Of those of
// batches that is one each time that so long has passed.
func (q *Queue) overdue(l *lane, w *waiter) bool {
	now := q.cfg.now()
	if w.batch {
		return w.due || now.Sub(w.since) > priority.MostWait && now.Sub(l.batch) > priority.MostWait
	}
	return !w.Background && now.Sub(w.since) > q.cfg.MaxWait
}

// order is who comes before whom.
func (q *Queue) order(l *lane) []*waiter {
	out := slices.Clone(l.waiting)
	rank := func(w *waiter) int {
		switch {
		case q.overdue(l, w):
			return 0
		case w.batch:
			return 4
		case w.Background:
			return 3
		case w.Model == l.last || w.loaded:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(out, func(a, b *waiter) int {
		return cmp.Or(rank(a)-rank(b), l.served[a.Session].Compare(l.served[b.Session]), a.since.Compare(b.since))
	})
	return out
}

func (l *lane) remove(w *waiter) {
	l.waiting = slices.DeleteFunc(l.waiting, func(x *waiter) bool { return x == w })
}

// tell tells those that wait how many are before them.
func (q *Queue) tell(l *lane) {
	if len(l.waiting) == 0 {
		return
	}
	for i, w := range q.order(l) {
		if w.told != i+1 && w.Position != nil {
			w.told = i + 1
			w.Position(i + 1)
		}
	}
}

// estimate is how long n calls take, in whole seconds.
func (l *lane) estimate(n int) time.Duration {
	wait := l.took * time.Duration(n) / time.Duration(max(l.Slots, 1))
	return min(max(wait.Round(time.Second), time.Second), time.Minute)
}
