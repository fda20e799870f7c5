package pace

import "time"

// climb decides how many calls run at a time by what gets done: it doubles them
// while that brings much more, and goes back by what brought nothing. Then it tries
// one step more or fewer now and then, less often each time that it changed nothing,
// and keeps a step up that brings more, and one down that costs nothing. Where much
// less gets done than did, it goes down.
type climb struct {
	began    time.Time
	calls    int     // that were answered in this window
	full     int     // of those, while as many ran as may
	work     float64 // of all
	before   int     // the number before the one that is tried; 0: none is
	rate     float64 // of work a second, at the number that was kept last; 0: not known
	settled  bool    // doubling is over
	windows  int     // since something was tried
	patience int     // windows between two tries
	down     bool    // the last try was one down
}

const (
	leastWindow   = 8    // calls in a window
	settledWindow = 64   // the same, once doubling is over: steps are small, and so must the error be
	doublingGain  = 0.25 // of the growth of the calls at a time, in what gets done
	stepGain      = 0.5
	stepLoss      = 0.02 // in what gets done, that a step down may cost
	leastDown     = 8    // fewer than that are not tried down: a step would be a large share, and a few that wait cost nothing
	drop          = 0.6
	mostPatience  = 32
)

func (c *climb) begin(now time.Time) { c.began, c.calls, c.full, c.work = now, 0, 0, 0 }

// refused settles at a number that the target has brought about.
func (c *climb) refused(now time.Time) {
	c.before, c.rate, c.settled, c.windows = 0, 0, true, 0
	c.patience = min(max(2*c.patience, 4), mostPatience)
	c.begin(now)
}

// answered counts a call. It returns another number where it is time for one.
func (c *climb) answered(limit int, full bool, work float64, now time.Time) (next int, ok bool) {
	c.calls++
	c.work += work
	if full {
		c.full++
	}
	window := max(leastWindow, 2*limit)
	if c.settled {
		window = max(settledWindow, 6*limit)
	}
	if c.calls < window {
		return 0, false
	}
	rate := c.work / max(now.Sub(c.began).Seconds(), 1e-9)
	wasFull := 4*c.full >= 3*c.calls
	c.begin(now)
	if !wasFull {
		return 0, false // there was too little to do to learn anything
	}
	return c.judge(limit, rate)
}

// judge decides after a window at a number of calls at a time.
func (c *climb) judge(limit int, rate float64) (next int, ok bool) {
	c.windows++
	switch {
	case c.before > 0:
		return c.judgeTry(limit, rate)
	case c.rate == 0:
		if c.rate = rate; !c.settled {
			return c.try(limit)
		}
		return 0, false
	case rate < drop*c.rate && limit > 1:
		// The target does much less than it did: fewer calls may be all it takes now.
		c.rate, c.settled, c.windows = rate, true, 0
		return max(1, limit*7/10), true
	case c.windows > c.patience:
		c.rate = (c.rate + rate) / 2
		return c.try(limit)
	}
	c.rate = (c.rate*3 + rate) / 4
	return 0, false
}

// judgeTry keeps the number that was tried, or goes back.
func (c *climb) judgeTry(limit int, rate float64) (next int, ok bool) {
	before := c.before
	c.before, c.windows = 0, 0
	growth := float64(limit)/float64(before) - 1
	least := 1 + doublingGain*growth
	if c.settled {
		least = 1 + stepGain*growth
	}
	if growth < 0 {
		least = 1 - stepLoss
	}
	if rate < least*c.rate {
		c.settled, c.patience = true, min(max(2*c.patience, 1), mostPatience)
		return before, true
	}
	if c.patience = 0; growth > 0 {
		c.rate = rate
	}
	if !c.settled {
		return c.try(limit)
	}
	c.down = growth > 0 // and on in the same direction
	return 0, false
}

// try takes another number: twice as many, or once that is over a step in the other
// direction than the last one.
func (c *climb) try(limit int) (int, bool) {
	c.before, c.windows = limit, 0
	if !c.settled {
		return 2 * limit, true
	}
	step := max(1, limit/8)
	if c.down = !c.down && limit >= leastDown; c.down {
		step = -step
	}
	return limit + step, true
}
