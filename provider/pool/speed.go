package pool

import (
	"math"
	"time"
)

// speed measures how many tokens a second a host writes while it has calls, the last
// half minute of work counting most.
type speed struct {
	busy   float64 // seconds with calls
	tokens float64
	last   time.Time // when busy was brought up to date
}

// halfLife is after how many seconds of work a measurement counts half.
const halfLife = 30

// tick brings the time with calls up to date; busy says that there were some since the
// last time.
func (s *speed) tick(now time.Time, busy bool) {
	if busy && !s.last.IsZero() {
		d := now.Sub(s.last).Seconds()
		f := math.Exp2(-d / halfLife)
		s.busy, s.tokens = s.busy*f+d, s.tokens*f
	}
	s.last = now
}

// add counts the tokens of an answer, and leaves out the time that a model was loaded.
func (s *speed) add(tokens int, load time.Duration) {
	s.tokens += float64(tokens)
	s.busy = max(s.busy-load.Seconds(), 0)
}

// rate is tokens a second; 0: not known.
func (s *speed) rate() float64 {
	if s.busy <= 0 {
		return 0
	}
	return s.tokens / s.busy
}
