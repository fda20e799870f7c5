// Package breaker is the circuit breaker that each server of a router or a pool has.
package breaker

import (
	"fmt"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/internal/textx"
)

// When a circuit breaker opens, and for how long.
const (
	maxConsecutive = 5                // failures in a row
	minCalls       = 10               // or half of at least so many calls
	countedSpan    = 60 * time.Second // in so long
	firstOpen      = 5 * time.Second  // then it doubles
	longestOpen    = 5 * time.Minute
	slots          = 6 // of countedSpan
)

// The phases of a circuit breaker.
const (
	Closed   = "closed"    // calls are made
	Open     = "open"      // no call is made
	HalfOpen = "half_open" // one call is made, to find out whether others may be
)

// Breaker is a server's circuit breaker. Open, it lets no call through. When its
// time is up it is half-open: one call goes through, the probe, and closes it or
// opens it again. The zero value is closed.
type Breaker struct {
	mu          sync.Mutex
	consecutive int // failures in a row
	counts      [slots]callCounts
	openUntil   time.Time     // open until then; zero: closed
	openFor     time.Duration // the latest time that it opened for
	probing     bool
	lastFailure string
	openedAfter string // what made it open
}

// callCounts counts the calls of one slot of countedSpan.
type callCounts struct {
	slot       int64 // which one, since 1970
	ok, failed int
}

// State returns why the breaker is open or half-open, and for how long; "" where
// a call may be made.
func (b *Breaker) State(now time.Time) (why string, wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.openUntil.IsZero() || !now.Before(b.openUntil) && !b.probing {
		return "", 0
	}
	wait = max(b.openUntil.Sub(now), 0)
	if b.probing {
		return fmt.Sprintf("circuit breaker half-open: %s (%s); another call is testing it", b.openedAfter, b.lastFailure), wait
	}
	return fmt.Sprintf("circuit breaker open: %s (%s); next try in %s", b.openedAfter, b.lastFailure, textx.Duration(max(wait.Round(100*time.Millisecond), 100*time.Millisecond))), wait
}

// Phase is Closed, Open or HalfOpen.
func (b *Breaker) Phase(now time.Time) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.openUntil.IsZero():
		return Closed
	case now.Before(b.openUntil) && !b.probing:
		return Open
	}
	return HalfOpen
}

// Allow reports whether a call may be made now, and whether it is the probe. A
// probe must end in RecordSuccess, RecordFailure or AbandonProbe.
func (b *Breaker) Allow(now time.Time) (probe, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.openUntil.IsZero():
		return false, true
	case now.Before(b.openUntil) || b.probing:
		return false, false
	}
	b.probing = true
	return true, true
}

// RecordSuccess records a call that got content, or an error that shows that the
// server is healthy.
func (b *Breaker) RecordSuccess(now time.Time, probe bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if probe && b.probing {
		b.openUntil, b.openFor, b.probing, b.counts = time.Time{}, 0, false, [slots]callCounts{}
	}
	b.consecutive = 0
	b.currentSlot(now).ok++
}

// RecordFailure records a failure that counts against the server's health.
func (b *Breaker) RecordFailure(now time.Time, probe bool, why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lastFailure = why
	if !b.openUntil.IsZero() {
		if probe && b.probing {
			b.probing = false
			b.open(now)
		}
		return // a call that was under way when it opened tells nothing new
	}
	b.consecutive++
	b.currentSlot(now).failed++
	ok, failed := 0, 0
	first := slotOf(now) - slots + 1
	for _, c := range b.counts {
		if c.slot >= first {
			ok, failed = ok+c.ok, failed+c.failed
		}
	}
	switch {
	case b.consecutive >= maxConsecutive:
		b.openedAfter = fmt.Sprintf("%d failures in a row", b.consecutive)
		b.open(now)
	case ok+failed >= minCalls && 2*failed >= ok+failed:
		b.openedAfter = fmt.Sprintf("%d of %d calls in a minute failed", failed, ok+failed)
		b.open(now)
	}
}

// AbandonProbe ends a call that says nothing about the server's health.
func (b *Breaker) AbandonProbe(probe bool) {
	if !probe {
		return
	}
	b.mu.Lock()
	b.probing = false
	b.mu.Unlock()
}

func (b *Breaker) open(now time.Time) {
	b.openFor = min(max(2*b.openFor, firstOpen), longestOpen)
	b.openUntil, b.consecutive = now.Add(b.openFor), 0
}

func slotOf(now time.Time) int64 { return now.Unix() / int64(countedSpan/slots/time.Second) }

// currentSlot returns the counts of the slot that now is in.
func (b *Breaker) currentSlot(now time.Time) *callCounts {
	slot := slotOf(now)
	c := &b.counts[slot%slots]
	if c.slot != slot {
		*c = callCounts{slot: slot}
	}
	return c
}
