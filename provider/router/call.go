package router

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/structured"
)

// call is one request on its way to a target that answers it.
type call struct {
	Failure // of the targets so far
	r       *Router
	req     provider.Request
	yield   func(provider.Chunk, error) bool
	observe func(Event) // of the caller's own; nil: none
	bounds  Bounds
	// generations is how many calls have failed after a model may have been at work.
	generations int
	size        size
	start       time.Time
	blanks      blankBuffer
	// overflowedWindow is the largest window that the prompt is known not to fit; 0:
	// none.
	overflowedWindow int
	tryStarted       time.Time        // the call under way
	shown            bool             // content of the call under way has gone to the reader
	done             bool             // the reader has the end, or wants no more
	restarting       bool             // what the reader has broke off, and the next content begins again
	probe            bool             // the call under way is a breaker's probe, and has told it nothing yet
	tryErr           error            // of the call under way
	target           *target          // that is asked
	missing          string           // the target's own model, which its server does not have, so that req names another; or ""
	attempt          provider.Attempt // of the target
}

// run asks the candidates in order. Nil: the reader has an answer, or has
// left.
func (c *call) run(ctx context.Context) error {
	use, err := c.r.candidates(&c.req)
	if err != nil {
		return err
	}
	c.req.Use = nil
	c.observe, c.bounds = observerOf(ctx), boundsOf(ctx)
	c.start, c.size = c.r.cfg.Clock.Now(), measurePrompt(&c.req)
	caller := ctx
	if d := c.r.cfg.Policy.Total; d > 0 {
		var cancel context.CancelFunc
		ctx, cancel = withTotalTimeout(ctx, "", c.req.Model, d)
		defer cancel()
	}
	asked := c.req.Model
	for len(use) > 0 {
		t := c.r.targets[use[0]]
		if err := c.preflight(ctx, t); err != nil {
			if caller.Err() != nil {
				return caller.Err()
			}
			if ctx.Err() != nil {
				err = contextError(ctx)
			}
			c.skipTarget(t, err)
			if ctx.Err() != nil {
				break
			}
			c.req.Model, c.missing, use = asked, "", use[1:]
			continue
		}
		err := c.tryTarget(ctx, t, use[1:])
		if err == nil || c.done {
			return err
		}
		if caller.Err() != nil {
			return caller.Err()
		}
		model, err := t.alternative(ctx, &c.req, err)
		if model != "" {
			c.req.Model, c.missing = model, t.Model
			continue
		}
		c.addAttempt(c.attempt, err)
		if ctx.Err() != nil || c.shown && !c.restarting || !canFallBack(err) || c.exhausted() {
			break
		}
		c.req.Model, c.missing, use = asked, "", use[1:]
	}
	c.Partial, c.partialFromLast = c.shown || c.restarting, c.shown
	return c.providerError()
}

// preflight returns why t must be skipped, or nil.
func (c *call) preflight(ctx context.Context, t *target) error {
	if err := t.windowTooSmall(ctx, &c.req, c.overflowedWindow); err != nil {
		return err
	}
	return c.r.preflight(ctx, t, &c.req, &c.size, beforeCall)
}

func (c *call) skipTarget(t *target, err error) {
	a := c.newAttempt(t)
	a.Outcome = provider.OutcomeSkipped
	c.addAttempt(a, err)
	c.emit(Event{Type: Skipped, Provider: a.Provider, Model: a.Model, Err: err})
}

func (c *call) newAttempt(t *target) provider.Attempt {
	return provider.Attempt{Provider: t.Name(), Model: t.model(&c.req), PromptTokens: c.size.estimate, Estimated: true}
}

// totalTimeout is the cause of a context that timeouts.total ended.
type totalTimeout struct{ why *provider.Error }

func (o *totalTimeout) Error() string { return o.why.Error() }

// withTotalTimeout returns ctx with timeouts.total.
func withTotalTimeout(ctx context.Context, name, model string, d time.Duration) (context.Context, context.CancelFunc) {
	late := &totalTimeout{provider.Errorf(provider.Timeout, name, model, "no complete answer within %s (timeouts.total)", d)}
	late.why.Sent = true // for all that is known
	return context.WithTimeoutCause(ctx, d, late)
}

// contextError is why ctx ended: a clock of ours, or the caller's own error
// unchanged.
func contextError(ctx context.Context) error {
	if late, ok := context.Cause(ctx).(*totalTimeout); ok { //nolint:errorlint // this very one
		return late.why
	}
	return ctx.Err()
}

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

// tryOnce makes one call of the target, tells its breaker how it went, and notes
// it in the attempt.
func (c *call) tryOnce(ctx context.Context) error {
	t, a, clock := c.target, &c.attempt, &c.r.cfg.Clock
	probe, ok := t.breaker.Allow(clock.Now())
	if !ok {
		why, _ := t.breaker.State(clock.Now())
		e := provider.Errorf(provider.Unavailable, a.Provider, a.Model, "%s", why)
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
		a.SentTo = t.endpoint()
	}
	c.recordOutcome(t, e)
	what := Failed
	if c.shown {
		what = BrokeOff
	}
	c.emit(Event{Type: what, Provider: a.Provider, Model: a.Model, Err: c.tryErr, Took: clock.Now().Sub(c.tryStarted), Try: a.Tries})
	return c.tryErr
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

// relay passes on what the target answers: it is the body of a loop over its
// stream. It sets tryErr when that is not an answer, and done when the reader has the
// end or has left.
func (c *call) relay(chunk provider.Chunk, err error) bool {
	if err != nil {
		c.tryErr = err
		return false
	}
	t, last := c.target, chunk.Finish != ""
	chunk, show, why := c.blanks.add(chunk)
	if why != nil {
		c.tryErr = c.emptyAnswer(t, &chunk, why)
		return false
	}
	if show {
		if !c.shown {
			c.shown = true
			t.breaker.RecordSuccess(c.r.cfg.Clock.Now(), c.probe)
			c.probe = false
		}
		if c.restarting {
			chunk.Restart, chunk.Thought, c.restarting = true, false, false // what broke off was no thinking
		}
		if last {
			t.budget.refund(perAnswer)
			chunk.Route = c.completeRoute(&chunk)
		}
		if !c.yield(chunk, nil) {
			c.done = true
		}
	}
	if last {
		c.done = true
	}
	return !c.done
}

var errSilent = errors.New("the stream ended without an answer")

// emptyAnswer is the error of an empty answer.
func (c *call) emptyAnswer(t *target, chunk *provider.Chunk, why error) error {
	e := &provider.Error{Kind: provider.Truncated, Provider: t.Name(), Model: t.model(&c.req), Err: why, Sent: true}
	if chunk != nil && chunk.Route != nil {
		e.Model, e.RequestID = chunk.Route.Model, chunk.Route.Request
	}
	return e
}

// answeredRoute is a route with the attempt that nearly all have: one piece of
// memory.
type answeredRoute struct {
	provider.Route
	only [1]provider.Attempt
}

// completeRoute completes the Route of the last chunk: who was considered, and why
// the target answered.
func (c *call) completeRoute(chunk *provider.Chunk) *provider.Route {
	t, a := c.target, &c.attempt
	out := &answeredRoute{Route: provider.Route{Provider: t.Name(), Model: a.Model}}
	rt := &out.Route
	if chunk.Route != nil {
		*rt = *chunk.Route
	}
	if rt.Endpoint == "" {
		rt.Endpoint = t.endpoint()
	}
	now := c.r.cfg.Clock.Now()
	done := *a
	done.Outcome, done.Model, done.SentTo, done.Took = provider.OutcomeAnswered, rt.Model, rt.Endpoint, rt.Total
	if chunk.Usage != nil && chunk.Usage.InputTokens > 0 {
		done.PromptTokens, done.Estimated = chunk.Usage.InputTokens, false
	}
	done.Tries += rt.Repairs
	rt.MaxTokens = limitReached(&c.req, chunk, rt.Repairs)
	rt.Reason = provider.FirstChoice
	if len(c.Attempts) > 0 {
		rt.Reason = "fallback: " + c.Error()
	}
	if rt.Missing = c.missing; c.missing != "" {
		rt.Reason += fmt.Sprintf("; %s, the default model, is not installed", c.missing)
	}
	if len(c.Attempts) > 0 || a.Tries > 1 {
		shift := max(now.Sub(c.start)-rt.Total, 0)
		rt.FirstToken += shift
		rt.Total += shift
	}
	if a.Tries > 1 {
		done.Took = now.Sub(c.tryStarted)
	}
	before := c.Attempts
	if len(before) == 0 {
		before = out.only[:0]
	}
	rt.Attempts = append(before, done)
	return rt
}

// limitReached is the request's limit on tokens, if the answer that this chunk ends
// was cut there; 0: something else cut it, or nobody knows. The tokens of repairs
// are counted with those of the answer, and tell nothing.
func limitReached(req *provider.Request, end *provider.Chunk, repairs int) int {
	limit, u := req.MaxTokens, end.Usage
	if end.Finish != provider.FinishLength || limit == nil || u == nil || repairs > 0 || u.OutputTokens < *limit {
		return 0
	}
	return *limit
}

func (c *call) emit(e Event) {
	if c.r.cfg.Observe != nil {
		c.r.cfg.Observe(e)
	}
	if c.observe != nil {
		c.observe(e)
	}
}
