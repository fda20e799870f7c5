package pace

// level is what was measured at one number of calls at a time.
type level struct {
	rate   sample // work to seconds, a pair for each stretch
	inside sample // time of work inside the engine to time of the call, a pair for each call
}

// told reports whether the engine tells how long it works on calls.
func (l *level) told() bool { return l.inside.n >= leastPairs }

// waits reports whether calls wait inside the engine, compared with the share of the work
// in calls that do not; n is how many it serves. With sure, that has been shown.
func (l *level) waits(limit int, alone *sample, sure bool) (n int, waits bool) {
	if limit < 2 || !l.told() || alone.n < leastPairs {
		return 0, false
	}
	_, share, high := l.inside.against(alone)
	n = max(1, round(share*float64(limit)))
	if sure {
		share = high
	}
	return n, n < limit && share < 1-slack(limit)
}

// slack is the share of the calls that may wait, so that it does not matter.
func slack(limit int) float64 { return max(0.5/float64(limit), 0.06) }

func round(x float64) int { return int(x + 0.5) }
