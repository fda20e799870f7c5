package router

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// How long is waited before a retry, and how many there are.
const (
	defaultRetries        = 2
	baseWait              = 50 * time.Millisecond // full jitter: from 0 to base·2ⁿ
	rateLimitWait         = time.Second           // the base after a 429 that does not say how long
	longestWait           = 20 * time.Second
	longestRetryAfter     = 60 * time.Second       // a longer Retry-After is not waited for
	maxAdapted            = 4                      // how often a request is asked again without what its server refuses
	maxWaitBeforeFallback = 250 * time.Millisecond // the longest wait while another target could answer
)

// retryBudget bounds the retries of a target over all requests: budgetSize at
// once, and then so many a request and an answer. A thousand requests to a
// dead target make at most 1,035 calls. The zero value is full.
type retryBudget struct {
	mu    sync.Mutex
	spent float64
}

const (
	budgetSize = 20
	perRequest = 0.015
	perAnswer  = 0.1
)

// refund gives back n retries.
func (b *retryBudget) refund(n float64) {
	b.mu.Lock()
	b.spent = max(b.spent-n, 0)
	b.mu.Unlock()
}

// spend takes one retry, if there is one.
func (b *retryBudget) spend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.spent+1 > budgetSize {
		return false
	}
	b.spent++
	return true
}

// backoff is the most that is waited before retry n (from 1) after e, and the
// part of it that is jitter.
func backoff(e *provider.Error, n int) (most, jitter time.Duration) {
	base := baseWait
	if e.Kind == provider.RateLimited && e.RetryAfter == 0 {
		base = rateLimitWait
	}
	jitter = min(base<<min(n-1, 10), longestWait)
	return e.RetryAfter + jitter, jitter
}

// shouldRetry reports whether to retry t after e, its nth failure of this request,
// and how long to wait first.
func (c *call) shouldRetry(ctx context.Context, t *target, e *provider.Error, n int, rest []string) (wait time.Duration, ok bool) {
	if n == 0 { // its circuit breaker opened meanwhile: nothing was called
		return 0, false
	}
	most, jitter := backoff(e, n)
	if n == 1 && errors.Is(e, provider.ErrStale) { // nothing is wrong with the server: at once
		most, jitter = 0, 0
	}
	switch {
	case n > min(c.r.retries, maxRetries(e)), c.bounds.NoRetries,
		t.Paid && e.MayBeCharged() && !c.r.cfg.Policy.RetryPaid,
		e.RetryAfter > longestRetryAfter:
		return 0, false
	case c.hasAlternative(ctx, rest) && (!e.Sent || n > 1 || most > maxWaitBeforeFallback):
		return 0, false // the other one answers sooner
	}
	wait = e.RetryAfter + c.r.cfg.Clock.Jitter(jitter)
	now := c.r.cfg.Clock.Now()
	if end, has := ctx.Deadline(); has && time.Until(end) <= wait {
		return 0, false
	}
	if why, left := t.breaker.State(now); why != "" && left > wait {
		return 0, false
	}
	return wait, t.budget.spend()
}

// hasAlternative reports whether one of rest could be asked, as far as can be said
// without asking anybody.
func (c *call) hasAlternative(ctx context.Context, rest []string) bool {
	for _, name := range rest {
		if c.r.preflight(ctx, c.r.targets[name], &c.req, &c.size, lookAhead) == nil {
			return true
		}
	}
	return false
}

func (c *Clock) defaults() {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Sleep == nil {
		c.Sleep = sleep
	}
	if c.Jitter == nil {
		c.Jitter = func(most time.Duration) time.Duration {
			return rand.N(most + 1) //nolint:gosec // a wait, no secret
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
