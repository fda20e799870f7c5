// Package pace finds out how many calls a target serves at a time, by making them:
// more as long as more gets done, fewer when the target says that there are too
// many.
package pace

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// Config bounds a [Limiter].
type Config struct {
	Start int // calls at a time at first; 0: 4, or 1 for a Local one
	Most  int // calls at a time at most; 0: 64
	// Local says that the target is an engine, which may serve one call at a time, and
	// which others use.
	Local bool
	// Fixed says that Most calls run at a time from the start: only what the target
	// says, not what it gets done, lowers that.
	Fixed bool
	Now   func() time.Time // nil: the process's clock, which no change of the time moves
}

// defaultStart is how many calls of a hosted API run at first, or of an engine that says
// to serve as many.
const defaultStart = 4

// Limiter limits the calls of one target. Make one with [New]. It is safe for
// concurrent use.
type Limiter struct {
	cfg Config

	mu      sync.Mutex
	serves  int           // calls at a time, as the target says; 0: it does not
	free    chan struct{} // closed, and made anew, when a call may start that could not
	limit   int
	running int
	used    bool      // there was a call
	paused  time.Time // no call starts before
	refused time.Time // when the limit was lowered for a refusal

	climb climb
}

// New returns a limiter.
func New(cfg Config) *Limiter {
	if cfg.Most <= 0 {
		cfg.Most = 64
	}
	if cfg.Start <= 0 {
		cfg.Start = defaultStart
		if cfg.Local {
			cfg.Start = 1
		}
	}
	if cfg.Fixed {
		cfg.Start = cfg.Most
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	l := &Limiter{cfg: cfg, limit: min(cfg.Start, cfg.Most), free: make(chan struct{})}
	l.climb.start(l.limit, 0, cfg.Now())
	return l
}

// Limit is how many calls may run at a time now, at least one.
func (l *Limiter) Limit() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.limit
}

// AtMost bounds the limit by what the target says now that it serves at a time, unless it
// is fixed; 0: it does not say, and what it said before counts. Before the first call,
// that many may be where it starts.
func (l *Limiter) AtMost(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n <= 0 || l.cfg.Fixed {
		return
	}
	before := l.most()
	l.serves = n
	limit := min(l.limit, l.most())
	if !l.used {
		limit = min(max(l.limit, defaultStart), l.most())
	}
	if limit != l.limit || l.most() > before { // what it serves now has to be found out anew
		l.setLimit(limit)
		l.climb = climb{}
		l.climb.start(limit, l.running, l.cfg.Now())
	}
}

// most is how many calls may run at a time at most.
func (l *Limiter) most() int {
	if l.serves > 0 && !l.cfg.Fixed {
		return min(l.serves, l.cfg.Most)
	}
	return l.cfg.Most
}

// Used reports whether there was a call.
func (l *Limiter) Used() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.used
}

// Acquire waits until a call may start, or ctx ends: that is the error. The caller
// says with one of [Limiter.Answered], [Limiter.Refused] and [Limiter.Failed] how it
// ended.
func (l *Limiter) Acquire(ctx context.Context) (began time.Time, err error) {
	for {
		l.mu.Lock()
		now := l.cfg.Now()
		wait := l.paused.Sub(now)
		if wait <= 0 && l.running < l.limit {
			l.running++
			l.used = true
			l.mu.Unlock()
			return now, nil
		}
		free := l.free
		l.mu.Unlock()
		var pause <-chan time.Time
		var timer *time.Timer
		if wait > 0 {
			timer = time.NewTimer(wait)
			pause = timer.C
		}
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case <-free:
		case <-pause:
		}
		if timer != nil {
			timer.Stop()
		}
		if err != nil {
			return now, err
		}
	}
}

// Work is what a call was for the target.
type Work struct {
	Amount float64 // in any unit, such as tokens
	// Took is how long the call took there, and Inside how much of that the target worked
	// on it, by its own account: for the rest, the call waited. 0: it gives none.
	Took, Inside time.Duration
}

// Answered ends a call that was answered.
func (l *Limiter) Answered(began time.Time, w Work) {
	l.mu.Lock()
	defer l.mu.Unlock()
	full := l.running >= l.limit
	l.release()
	if l.cfg.Fixed {
		return
	}
	now := l.cfg.Now()
	if next, ok := l.climb.answered(w, began, now, l.limit, l.most(), full); ok {
		l.setLimit(next)
		l.climb.start(next, l.running, now)
	}
}

// Refused ends a call that was refused because there are too many. No call starts
// before the target has been left alone for as long as it asks, a second at least.
func (l *Limiter) Refused(began time.Time, after time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.release()
	now := l.cfg.Now()
	l.pause(now.Add(min(max(after, time.Second), longestPause)))
	if !began.After(l.refused) {
		return // it began before the limit was lowered: that says nothing of the limit now
	}
	l.refused = now
	l.setLimit(max(1, l.limit*7/10))
	l.climb.refused(l.limit, l.running, now)
}

// longestPause bounds how long a target is left alone at a time.
const longestPause = time.Hour

// Failed ends a call of which nothing is learnt.
func (l *Limiter) Failed() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.release()
}

// Observe reads what an answer's header says of the target's limits: where no
// request or no token is left, no call starts before there is.
func (l *Limiter) Observe(h http.Header) {
	wait := exhausted(h)
	if wait <= 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pause(l.cfg.Now().Add(min(wait, longestPause)))
}

func (l *Limiter) pause(until time.Time) {
	if until.After(l.paused) {
		l.paused = until
	}
}

func (l *Limiter) release() {
	l.running--
	l.wake()
}

func (l *Limiter) setLimit(n int) {
	if l.limit = n; l.running < n {
		l.wake()
	}
}

// wake has those who wait look again.
func (l *Limiter) wake() {
	close(l.free)
	l.free = make(chan struct{})
}
