package pace

import (
	"math"
	"time"
)

// climb decides how many calls run at a time, by two measures. What gets done a second
// rises with the calls at a time for as long as more bring more. And where an engine tells
// how long it worked on a call, the rest of the call's time is waiting inside of it: the
// number of calls times the share of the work is how many it serves.
//
// Another number is tried until the measures show, with what they vary, whether more calls
// bring more, or fewer cost little. See [climb.judge].
type climb struct {
	since time.Time // calls that began earlier did so at another number
	skip  int       // calls until all that run are of this one

	// A stretch is as many calls as run at a time.
	began time.Time
	calls int
	full  int // of those, while as many ran as may
	work  float64

	now   level  // at the number that runs
	alone sample // the share of the work in calls that do not wait; without a pair: not known
	trial trial
	known *level // what is known of the number that is taken next; nil: nothing

	wait      int    // calls until something is tried again
	pause     int    // the last such wait
	settled   bool   // doubling is over
	proven    bool   // fewer calls have been tried
	knee      int    // from which number on more calls bring nothing, by the last trial; 0: not known
	lower     int    // the number of which twice as many were shown to pay last
	lowerRate sample // at that one
	down      bool   // the last step was one down
}

const (
	leastPairs = 4    // before anything is decided
	sureCalls  = 64   // so many are enough to begin a trial, however much they vary
	mostPairs  = 128  // then older ones count less
	leastPause = 64   // calls between two trials
	mostPause  = 8192 // the same
	sureWithin = 0.1  // how far the rate may be off for a trial to begin
)

// start begins at a number of calls at a time, while so many run.
func (c *climb) start(limit, running int, now time.Time) {
	c.since, c.skip, c.trial.calls = now, max(limit, running), 0
	c.now = level{}
	if c.known != nil {
		c.now, c.known = *c.known, nil
	}
	c.stretch(now)
}

func (c *climb) stretch(now time.Time) { c.began, c.calls, c.full, c.work = now, 0, 0, 0 }

// refused settles at a number that the target has brought about.
func (c *climb) refused(limit, running int, now time.Time) {
	c.trial, c.known, c.knee = trial{}, nil, 0
	c.settled, c.proven = true, true
	c.delay(true)
	c.start(limit, running, now)
}

// delay has the next trial wait: longer each time if the last one has shown anything, and
// for longer than that one took.
func (c *climb) delay(shown bool) {
	took := c.trial.spent + c.trial.calls
	if !shown {
		c.wait = max(leastPause, 2*took)
		return
	}
	c.pause = min(max(2*c.pause, leastPause, 8*took), mostPause)
	c.wait = c.pause
}

// answered counts a call. Full says whether as many ran as may. It returns another number
// where it is time for one, at most most.
func (c *climb) answered(w Work, began, now time.Time, limit, most int, full bool) (next int, ok bool) {
	c.wait--
	c.trial.calls++
	if c.skip > 0 {
		if c.skip--; c.skip == 0 {
			c.stretch(now)
		}
		return 0, false
	}
	if full && w.Inside > 0 && !began.Before(c.since) {
		c.now.inside.add(w.Inside.Seconds(), max(w.Inside, w.Took).Seconds())
	}
	c.calls++
	c.work += w.Amount
	if full {
		c.full++
	}
	if c.calls < limit {
		return 0, false
	}
	wasFull := 4*c.full >= 3*c.calls
	if wasFull {
		c.now.rate.add(c.work, now.Sub(c.began).Seconds())
	}
	c.stretch(now)
	if !wasFull || c.now.rate.n < leastPairs { // there was too little to do to learn anything
		return 0, false
	}
	if c.trial.before > 0 {
		next = c.judge(limit, most)
	} else {
		next = c.choose(limit, most)
	}
	return next, next > 0 && next != limit
}

// choose is the number that is tried after one that is kept; 0: none.
func (c *climb) choose(limit, most int) int {
	c.now.rate.fade(mostPairs)
	c.now.inside.fade(mostPairs * float64(limit))
	if limit == 1 {
		c.alone = c.now.inside
	}
	loose := true
	next, waits := c.now.waits(limit, &c.alone, true)
	if !waits {
		next, loose = c.pick(limit, most)
	}
	if next == 0 || next == limit {
		return 0
	}
	t := c.trial
	c.trial = trial{before: limit, kept: c.now, loose: loose}
	if next == t.next {
		c.known, c.trial.spent = &t.was, t.spent
	}
	return next
}

// pick is the number that is tried if no call is known to wait.
func (c *climb) pick(limit, most int) (next int, loose bool) {
	r := &c.now.rate
	sure := r.n*float64(limit) >= sureCalls || quantile(r.n-1)*math.Sqrt(r.variance()) <= sureWithin
	if c.wait > 0 || !sure {
		return 0, false
	}
	if c.trial.next > 0 {
		return c.trial.next, c.trial.loose
	}
	if !c.settled && limit < most {
		return min(2*limit, most), true
	}
	c.settled = true
	if knee := c.knee; knee > 0 && knee != limit {
		c.knee = 0
		return knee, true
	}
	if !c.proven && limit > 1 {
		return limit / 2, true
	}
	step := max(1, limit/8)
	if c.down = limit > 1 && (!c.down || limit >= most); c.down {
		return limit - step, false
	}
	return min(limit+step, most), false
}
