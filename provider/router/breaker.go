package router

import (
	"fmt"
	"sync"
	"time"
)

// When a breaker opens, and for how long.
const (
	openRow   = 5                // failures in a row
	openOf    = 10               // or half of at least so many calls
	openSpan  = 60 * time.Second // in so long
	firstOpen = 5 * time.Second  // then it doubles
	longest   = 5 * time.Minute
	slots     = 6 // that openSpan is counted in
)

// breaker keeps calls from a target that keeps failing. Once its time is up it
// lets one call through, the probe, and goes by that. The zero value is closed.
type breaker struct {
	mu      sync.Mutex
	row     int // failures in a row
	counts  [slots]count
	until   time.Time     // open until then; zero: closed
	pause   time.Duration // the latest time that it opened for
	probing bool
	why     string // the latest failure
	was     string // what made it open
}

// count is the calls of one slot of openSpan.
type count struct {
	slot       int64 // which one, since 1970
	ok, failed int
}

// closedTo says why a call may not be made now, and for how long, or "".
func (b *breaker) closedTo(now time.Time) (why string, wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until.IsZero() || !now.Before(b.until) && !b.probing {
		return "", 0
	}
	wait = max(b.until.Sub(now), 0)
	if b.probing {
		return fmt.Sprintf("not asked, for it %s (%s); another call is trying it now", b.was, b.why), wait
	}
	return fmt.Sprintf("not asked, for it %s (%s); it is tried again in %s", b.was, b.why, max(wait.Round(100*time.Millisecond), 100*time.Millisecond)), wait
}

// admit lets a call through, or not. The call is a probe if the breaker was
// open; its end must be told.
func (b *breaker) admit(now time.Time) (probe, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.until.IsZero():
		return false, true
	case now.Before(b.until) || b.probing:
		return false, false
	}
	b.probing = true
	return true, true
}

// well notes that a call got content, or an answer that shows the server well.
func (b *breaker) well(now time.Time, probe bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if probe && b.probing {
		b.until, b.pause, b.probing, b.counts = time.Time{}, 0, false, [slots]count{}
	}
	b.row = 0
	b.count(now).ok++
}

// ill notes that a call failed in a way that speaks of the target's health.
func (b *breaker) ill(now time.Time, probe bool, why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.why = why
	if !b.until.IsZero() {
		if probe && b.probing {
			b.probing = false
			b.open(now)
		}
		return // a call that was under way when it opened tells nothing new
	}
	b.row++
	b.count(now).failed++
	ok, failed := 0, 0
	first := slotOf(now) - slots + 1
	for _, c := range b.counts {
		if c.slot >= first {
			ok, failed = ok+c.ok, failed+c.failed
		}
	}
	switch {
	case b.row >= openRow:
		b.was = fmt.Sprintf("failed %d times in a row", b.row)
		b.open(now)
	case ok+failed >= openOf && 2*failed >= ok+failed:
		b.was = fmt.Sprintf("failed %d of %d times in a minute", failed, ok+failed)
		b.open(now)
	}
}

// unsure notes that a call ended without telling how the target is.
func (b *breaker) unsure(probe bool) {
	if !probe {
		return
	}
	b.mu.Lock()
	b.probing = false
	b.mu.Unlock()
}

func (b *breaker) open(now time.Time) {
	b.pause = min(max(2*b.pause, firstOpen), longest)
	b.until, b.row = now.Add(b.pause), 0
}

func slotOf(now time.Time) int64 { return now.Unix() / int64(openSpan/slots/time.Second) }

// count is the count of now.
func (b *breaker) count(now time.Time) *count {
	slot := slotOf(now)
	c := &b.counts[slot%slots]
	if c.slot != slot {
		*c = count{slot: slot}
	}
	return c
}
