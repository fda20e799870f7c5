package pace

// trial is that of a number of calls at a time, against one that is kept. The two take
// turns until something is shown.
type trial struct {
	before int   // the number that is kept, while the other one runs; 0: it runs itself
	kept   level // at that one
	loose  bool  // fewer calls may cost more, since not many such trials follow each other
	calls  int   // in this turn
	spent  int   // in the turns before

	next int   // the number whose turn comes again; 0: there is no trial under way
	was  level // at that one
}

const (
	leastGain = 0.25 // of the growth of the calls, in what gets done
	mostLoss  = 0.16 // of the share of the calls that is left out, in what gets done
	looseLoss = 0.5  // the same, of a loose trial
	badPairs  = 8    // before a number is left for what gets done
	mostTurns = 8    // of a trial
	surePause = 1024 // calls until the next trial, where the engine has told that calls wait
)

// verdict is what is shown of a number that is tried.
type verdict int

const (
	open verdict = iota
	good
	bad
)

// atLeast is the verdict on what should be so much, and lies between two bounds.
func atLeast(low, high, least float64) verdict {
	switch {
	case low > least:
		return good
	case high < least:
		return bad
	}
	return open
}

// judge keeps the number that is tried, goes back, or lets it run on: that is 0. A number
// for which nothing can be shown is left, unless the engine tells that it serves so many
// calls.
func (c *climb) judge(limit, most int) int {
	t := &c.trial
	up := limit > t.before
	v, gain := c.fewer(limit)
	if up {
		if n, waits := c.now.waits(limit, &t.kept.inside, true); waits {
			return c.tooMany(n)
		}
		v, gain = c.more(limit)
	}
	if v == bad && c.now.rate.n < badPairs {
		v = open
	}
	if turn := 64 + 8*max(limit, t.before); v == open {
		told := c.now.told() && t.kept.told()
		switch {
		case t.calls < turn:
			return 0
		case told && up:
			if n, waits := c.now.waits(limit, &t.kept.inside, false); waits {
				return c.tooMany(n)
			}
			v = good
		case !told && t.spent+t.calls < mostTurns*turn:
			return c.takeTurns(limit)
		}
	}
	if v == good {
		return c.keep(limit, most)
	}
	return c.leave(limit, gain, v == bad)
}

// tooMany has the number tried of which the engine tells that it serves so many.
func (c *climb) tooMany(serves int) int {
	c.settled, c.pause = true, max(c.pause, surePause/2)
	if serves > c.trial.before {
		return serves
	}
	return c.leave(c.trial.before+1, 1, true)
}

// takeTurns goes back to the number before, for as many calls as there were in this turn.
func (c *climb) takeTurns(limit int) (next int) {
	t := c.trial
	c.wait, c.known = t.calls, &t.kept
	c.trial = trial{next: limit, was: c.now, loose: t.loose, spent: t.spent + t.calls}
	return t.before
}

// keep keeps the number that is tried, and chooses what is tried next.
func (c *climb) keep(limit, most int) (next int) {
	t := c.trial
	up := limit > t.before
	c.trial, c.wait, c.pause = trial{}, 0, 0
	c.down = up // and on in the same direction
	if up {
		c.proven, c.knee = true, 0
		c.lower, c.lowerRate = t.before, t.kept.rate
		if _, waits := c.now.waits(limit, &t.kept.inside, false); !waits {
			c.alone = c.now.inside
		}
	}
	return c.choose(limit, most)
}

// leave goes back to the number before. With shown, it has been shown to be better.
func (c *climb) leave(limit int, gain float64, shown bool) (next int) {
	t := c.trial
	if limit < t.before {
		c.proven = true
	} else if shown {
		if !c.settled {
			c.knee = c.kneeOf(limit, gain)
		}
		c.settled = true
	}
	if c.knee == 0 && c.proven || t.before == 1 || !shown {
		c.delay(shown)
	}
	c.trial, c.known = trial{}, &t.kept
	return t.before
}

// kneeOf is up to where each call brings as much, and from where on none does, if doubling
// stopped to pay at limit; 0: that is the number before.
func (c *climb) kneeOf(limit int, gain float64) int {
	t := &c.trial
	if at := round(float64(t.before) * gain); at > t.before && at < limit {
		return at
	}
	if c.lower > 0 {
		if at := round(float64(c.lower) * t.kept.rate.ratio() / c.lowerRate.ratio()); at > c.lower && at < t.before {
			return at
		}
	}
	return 0
}

// more is the verdict on more calls at a time, and what they bring.
func (c *climb) more(limit int) (v verdict, gain float64) {
	t := &c.trial
	low, gain, high := c.now.rate.against(&t.kept.rate)
	v = atLeast(low, high, 1+leastGain*(float64(limit)/float64(t.before)-1))
	if v == good && c.now.told() && t.kept.told() {
		if low, _, _ := c.now.inside.against(&t.kept.inside); low < 1-slack(limit) {
			v = open // some may wait
		}
	}
	return v, gain
}

// fewer is the verdict on fewer calls at a time, and what they bring.
func (c *climb) fewer(limit int) (v verdict, gain float64) {
	t, loss := &c.trial, mostLoss
	if t.loose {
		loss = looseLoss
	}
	share := float64(limit) / float64(t.before)
	low, gain, high := c.now.rate.against(&t.kept.rate)
	v = atLeast(low, high, 1-loss*(1-share))
	if c.now.told() && t.kept.told() {
		low, _, high := c.now.inside.against(&t.kept.inside)
		if atLeast(low*share, high*share, 1-looseLoss*(1-share)) == good {
			v = good // the engine serves as many as before
		}
	}
	return v, gain
}
