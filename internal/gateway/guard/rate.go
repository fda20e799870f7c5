package guard

import (
	"net/http"
	"sync"
	"time"
)

// rates count the requests of callers. A caller may make so many in any minute: the
// times of that many last requests are kept.
type rates struct {
	mu   sync.Mutex
	last map[string]*window
}

// window has the times of a caller's last requests, as a ring.
type window struct {
	times []time.Time
	next  int
}

// rateSpan is what a rate counts in.
const rateSpan = time.Minute

// take counts a request, or says how long to wait. One that was refused does not count.
func (c *rates) take(name string, rate int, now time.Time) (wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last == nil {
		c.last = map[string]*window{}
	}
	w := c.last[name]
	if w == nil {
		w = &window{}
		c.last[name] = w
	}
	w.fit(rate)
	if len(w.times) < rate {
		w.times = append(w.times, now)
		return 0
	}
	oldest := &w.times[w.next]
	if wait = rateSpan - now.Sub(*oldest); wait > 0 {
		return wait
	}
	*oldest = now
	w.next = (w.next + 1) % len(w.times)
	return 0
}

// fit keeps the last times only, in their order, if the rate has changed.
func (w *window) fit(rate int) {
	if len(w.times) == rate || len(w.times) < rate && w.next == 0 {
		return
	}
	times := append(append([]time.Time{}, w.times[w.next:]...), w.times[:w.next]...)
	w.times, w.next = times[max(0, len(times)-rate):], 0
}

// checkRate keeps a caller to its rate.
func (g *Guard) checkRate(x *request) *Refusal {
	if x.caller.Rate <= 0 {
		return nil
	}
	wait := g.rates.take(x.caller.Name, x.caller.Rate, g.cfg.Now())
	if wait <= 0 {
		return nil
	}
	refusal := refusef(http.StatusTooManyRequests, CodeRate, "the key %q may make %d requests a minute; wait %s s", x.caller.Name, x.caller.Rate, retryAfter(wait))
	refusal.RetryAfter = wait
	return refusal
}
