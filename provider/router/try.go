package router

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/structured"
)

// tryTarget calls t and retries where that may help. A nil error: the reader has
// the answer, or has left.
func (c *call) tryTarget(ctx context.Context, t *target, rest []string) error {
	c.target, c.attempt = t, c.newAttempt(t)
	a := &c.attempt
	a.Outcome = provider.OutcomeFailed
	began := c.r.cfg.Clock.Now()
	if t.Total > 0 {
		var cancel context.CancelFunc
		ctx, cancel = withTotalTimeout(ctx, a.Provider, a.Model, t.Total)
		defer cancel()
	}
	t.budget.refund(perRequest)
	adapted := 0 // calls after which the provider leaves out what its server refused
	for {
		err := c.tryOnce(ctx)
		a.Took = c.r.cfg.Clock.Now().Sub(began)
		if err == nil || c.done {
			return err
		}
		c.recordBreakOff(ctx, t, err)
		c.countGeneration(err)
		if ctx.Err() != nil || c.shown && !c.restarting || c.exhausted() {
			return err
		}
		wait, ok := c.shouldRetry(ctx, t, asError(err), a.Tries-adapted, rest)
		if errors.Is(err, provider.ErrAdapted) && adapted < maxAdapted {
			wait, ok = 0, true
			adapted++
		}
		if !ok {
			return err
		}
		c.emit(Event{Type: Retrying, Provider: a.Provider, Model: a.Model, Err: err, Wait: wait, Try: a.Tries + 1})
		if c.r.cfg.Clock.Sleep(ctx, wait) != nil {
			return contextError(ctx)
		}
	}
}

// recordBreakOff notes what a failed call leaves: a window that is too small, an
// answer that is to begin again.
func (c *call) recordBreakOff(ctx context.Context, t *target, err error) {
	if c.shown && c.r.cfg.Policy.Restart && canRestart(err) {
		c.restarting = true
	}
	if provider.KindOf(err) == provider.ContextOverflow && t.Window != nil {
		if n, known := t.Window(ctx, &c.req); known {
			c.overflowedWindow = max(c.overflowedWindow, n)
		}
	}
}

// paused is that a circuit breaker lets no call through, and why.
func paused(why string) error { return failure.Mark(errors.New(why), provider.ErrPaused) }

// tryOnce makes one call of the target, tells its breaker how it went, and notes
// it in the attempt.
func (c *call) tryOnce(ctx context.Context) error {
	t, a, clock := c.target, &c.attempt, &c.r.cfg.Clock
	probe, ok := t.breaker.Allow(clock.Now())
	if !ok {
		why, _ := t.breaker.State(clock.Now())
		e := provider.Errorf(provider.Unavailable, a.Provider, a.Model, "%w", paused(why))
		e.Final = true
		return e
	}
	a.Tries++
	c.emit(Event{Type: Asking, Provider: a.Provider, Model: a.Model, Try: a.Tries, Tokens: c.size.estimate})
	c.tryStarted, c.shown, c.tryErr, c.probe = clock.Now(), false, nil, probe
	c.blanks = blankBuffer{allowed: c.req.Completion != nil} // there may be nothing to fill in
	if probe {
		defer func() { t.breaker.AbandonProbe(c.probe) }() // the reader may have left by panic
	}
	t.Chat(ctx, c.req)(c.relay)
	switch {
	case c.tryErr != nil:
	case c.done:
		return nil
	default:
		c.tryErr = c.emptyAnswer(t, nil, errSilent)
	}
	if ctx.Err() != nil {
		c.tryErr = contextError(ctx)
	}
	a.Tries += repairs(c.tryErr)
	e := asError(c.tryErr)
	if c.shown || e.Sent || ctx.Err() != nil {
		a.SentTo, a.Local = cmp.Or(t.endpoint(), provider.UnknownAddress), t.stays(ctx, a.Model)
	}
	a.MayBeCharged = a.MayBeCharged || t.Paid && (c.shown || e.MayBeCharged())
	c.noteSent(c.tryErr)
	c.recordOutcome(t, e)
	what := Failed
	if c.shown {
		what = BrokeOff
	}
	c.emit(Event{Type: what, Provider: a.Provider, Model: a.Model, Err: c.tryErr, Took: clock.Now().Sub(c.tryStarted), Try: a.Tries})
	return c.tryErr
}

// noteSent keeps where a call that failed may have sent the prompt, if that is not this
// machine: the same target may be asked again, and answer here.
func (c *call) noteSent(err error) {
	tried := []provider.Attempt{c.attempt}
	if h := (*failure.Hosts)(nil); errors.As(err, &h) {
		tried = h.Attempts
	}
	for _, a := range tried {
		if len(provider.SentElsewhere([]provider.Attempt{a})) > 0 {
			a.Kind, a.Reason = provider.KindOf(err), reason(err)
			c.elsewhere = append(c.elsewhere, a)
		}
	}
}

// unlisted are the attempts that sent the prompt elsewhere, to addresses that are in none
// of those lists. Those of the server and model that have answered are not among them: the
// answer says where that is.
func (c *call) unlisted(lists ...[]provider.Attempt) (out []provider.Attempt) {
	known := provider.SentElsewhere(slices.Concat(lists...))
	for _, a := range c.elsewhere {
		same := a.Provider == c.attempt.Provider && a.Model == c.attempt.Model && a.Host == ""
		if !same && !slices.Contains(known, a.SentTo) {
			known, out = append(known, a.SentTo), append(out, a)
		}
	}
	return out
}

// repairs is how many answers a target was asked for beyond its first, because
// they were not what a schema asks for.
func repairs(err error) int {
	var e *structured.Error
	if errors.As(err, &e) {
		return max(e.Attempts-1, 0)
	}
	return 0
}

// recordOutcome tells t's breaker about a failure.
func (c *call) recordOutcome(t *target, e *provider.Error) {
	now, probe := c.r.cfg.Clock.Now(), c.probe
	switch {
	case policyFor(e).unhealthy:
		t.breaker.RecordFailure(now, probe, reason(e))
	case e.Status > 0 && !c.shown:
		t.breaker.RecordSuccess(now, probe) // it answers, if not as wished
	default:
		return
	}
	c.probe = false
}
