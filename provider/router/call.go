package router

import (
	"context"
	"errors"
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
	size    size
	start   time.Time
	blanks    blankBuffer
	// overflowedWindow is the largest window that the prompt is known not to fit; 0:
	// none.
	overflowedWindow int
	tryStarted      time.Time // the call under way
	shown      bool      // content of the call under way has gone to the reader
	done       bool      // the reader has the end, or wants no more
	restarting     bool      // what the reader has broke off, and the next content begins again
	probe      bool      // the call under way is a breaker's probe, and has told it nothing yet
	tryErr     error     // of the call under way
}

// run asks the candidates in order. Nil: the reader has an answer, or has
// left.
func (s *call) run(ctx context.Context) error {
	use, err := s.r.candidates(&s.req)
	if err != nil {
		return err
	}
	s.req.Use = nil
	s.start, s.size = s.r.cfg.Clock.Now(), measurePrompt(&s.req)
	caller := ctx
	if d := s.r.cfg.Policy.Total; d > 0 {
		var cancel context.CancelFunc
		ctx, cancel = withTotalTimeout(ctx, "", s.req.Model, d)
		defer cancel()
	}
	for i, name := range use {
		t := s.r.targets[name]
		if err := s.preflight(ctx, t); err != nil {
			if caller.Err() != nil {
				return caller.Err()
			}
			if ctx.Err() != nil {
				err = contextError(ctx)
			}
			s.skipTarget(t, err)
			if ctx.Err() != nil {
				break
			}
			continue
		}
		a, err := s.tryTarget(ctx, t, use[i+1:])
		if err == nil || s.done {
			return err
		}
		if caller.Err() != nil {
			return caller.Err()
		}
		s.addAttempt(a, err)
		if ctx.Err() != nil || s.shown && !s.restarting || !canFallBack(err) {
			break
		}
	}
	s.Partial, s.partialFromLast = s.shown || s.restarting, s.shown
	return s.providerError()
}

// preflight says why t is not asked in its turn, or nil.
func (s *call) preflight(ctx context.Context, t *target) error {
	if err := t.windowTooSmall(ctx, &s.req, s.overflowedWindow); err != nil {
		return err
	}
	return s.r.preflight(ctx, t, &s.req, &s.size, beforeCall)
}

func (s *call) skipTarget(t *target, err error) {
	a := s.newAttempt(t)
	a.Outcome = provider.OutcomeSkipped
	s.addAttempt(a, err)
	s.emit(Event{Type: Skipped, Provider: a.Provider, Model: a.Model, Err: err})
}

func (s *call) newAttempt(t *target) provider.Attempt {
	return provider.Attempt{Provider: t.Name(), Model: t.model(&s.req), PromptTokens: s.size.estimate, Estimated: true}
}

// totalTimeout is the cause of a context that a total clock ended.
type totalTimeout struct{ why *provider.Error }

func (o *totalTimeout) Error() string { return o.why.Error() }

// withTotalTimeout is ctx with a total clock.
func withTotalTimeout(ctx context.Context, name, model string, d time.Duration) (context.Context, context.CancelFunc) {
	late := &totalTimeout{provider.Errorf(provider.Timeout, name, model, "no whole answer within %s (timeouts.total)", d)}
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

// tryTarget asks t, and again where that may help. A nil error: the reader has
// the answer, or has left.
func (s *call) tryTarget(ctx context.Context, t *target, rest []string) (provider.Attempt, error) {
	a := s.newAttempt(t)
	a.Outcome = provider.OutcomeFailed
	began := s.r.cfg.Clock.Now()
	if t.Total > 0 {
		var cancel context.CancelFunc
		ctx, cancel = withTotalTimeout(ctx, a.Provider, a.Model, t.Total)
		defer cancel()
	}
	t.budget.refund(perRequest)
	for {
		err := s.tryOnce(ctx, t, &a)
		a.Took = s.r.cfg.Clock.Now().Sub(began)
		if err == nil || s.done {
			return a, err
		}
		s.recordBreakOff(ctx, t, err)
		if ctx.Err() != nil || s.shown && !s.restarting {
			return a, err
		}
		wait, ok := s.shouldRetry(ctx, t, asError(err), a.Tries, rest)
		if !ok {
			return a, err
		}
		s.emit(Event{Type: Retrying, Provider: a.Provider, Model: a.Model, Err: err, Wait: wait, Try: a.Tries + 1})
		if s.r.cfg.Clock.Sleep(ctx, wait) != nil {
			return a, contextError(ctx)
		}
	}
}

// recordBreakOff notes what a failed call leaves: a window that is too small, an
// answer that is to begin again.
func (s *call) recordBreakOff(ctx context.Context, t *target, err error) {
	if s.shown && s.r.cfg.Policy.Restart && canRestart(err) {
		s.restarting = true
	}
	if provider.KindOf(err) == provider.ContextOverflow && t.Window != nil {
		if n, known := t.Window(ctx, &s.req); known {
			s.overflowedWindow = max(s.overflowedWindow, n)
		}
	}
}

// tryOnce makes one call of t, tells its breaker how it went, and notes it in a.
func (s *call) tryOnce(ctx context.Context, t *target, a *provider.Attempt) error {
	clock := &s.r.cfg.Clock
	probe, ok := t.breaker.Allow(clock.Now())
	if !ok {
		why, _ := t.breaker.State(clock.Now())
		e := provider.Errorf(provider.Unavailable, a.Provider, a.Model, "%s", why)
		e.Final = true
		return e
	}
	a.Tries++
	s.emit(Event{Type: Asking, Provider: a.Provider, Model: a.Model, Try: a.Tries})
	s.tryStarted, s.shown, s.tryErr, s.probe = clock.Now(), false, nil, probe
	s.blanks = blankBuffer{}
	if probe {
		defer func() { t.breaker.AbandonProbe(s.probe) }() // the reader may have left by panic
	}
	s.relay(ctx, t, a)
	if s.tryErr == nil {
		return nil
	}
	if ctx.Err() != nil {
		s.tryErr = contextError(ctx)
	}
	a.Tries += repairs(s.tryErr)
	e := asError(s.tryErr)
	if s.shown || e.Sent || ctx.Err() != nil {
		a.SentTo = t.endpoint()
	}
	s.recordOutcome(t, e)
	what := Failed
	if s.shown {
		what = BrokeOff
	}
	s.emit(Event{Type: what, Provider: a.Provider, Model: a.Model, Err: s.tryErr, Took: clock.Now().Sub(s.tryStarted), Try: a.Tries})
	return s.tryErr
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
func (s *call) recordOutcome(t *target, e *provider.Error) {
	now, probe := s.r.cfg.Clock.Now(), s.probe
	switch {
	case policyFor(e).unhealthy:
		t.breaker.RecordFailure(now, probe, reason(e))
	case e.Status > 0 && !s.shown:
		t.breaker.RecordSuccess(now, probe) // it answers, if not as wished
	default:
		return
	}
	s.probe = false
}

// relay passes on what t answers. It sets failed when that is no answer, and
// done when the reader has the end or has left.
func (s *call) relay(ctx context.Context, t *target, a *provider.Attempt) {
	for c, err := range t.Chat(ctx, s.req) {
		if err != nil {
			s.tryErr = err
			return
		}
		last := c.Finish != ""
		c, show, why := s.blanks.add(c)
		if why != nil {
			s.tryErr = s.emptyAnswer(t, &c, why)
			return
		}
		if show {
			if !s.shown {
				s.shown = true
				t.breaker.RecordSuccess(s.r.cfg.Clock.Now(), s.probe)
				s.probe = false
			}
			if s.restarting {
				c.Restart, s.restarting = true, false
			}
			if last {
				t.budget.refund(perAnswer)
				c.Route = s.completeRoute(t, a, &c)
			}
			if !s.yield(c, nil) {
				s.done = true
			}
		}
		if last {
			s.done = true
		}
		if s.done {
			return
		}
	}
	s.tryErr = s.emptyAnswer(t, nil, errSilent)
}

var errSilent = errors.New("the stream ended without an answer")

// emptyAnswer is the error of an answer that is none.
func (s *call) emptyAnswer(t *target, c *provider.Chunk, why error) error {
	e := &provider.Error{Kind: provider.Truncated, Provider: t.Name(), Model: t.model(&s.req), Err: why, Sent: true}
	if c != nil && c.Route != nil {
		e.Model, e.RequestID = c.Route.Model, c.Route.Request
	}
	return e
}

// completeRoute completes the Route of the last chunk: who was considered, and why
// this target answered.
func (s *call) completeRoute(t *target, a *provider.Attempt, c *provider.Chunk) *provider.Route {
	rt := c.Route
	if rt == nil {
		rt = &provider.Route{Provider: t.Name(), Model: a.Model}
	}
	if rt.Endpoint == "" {
		rt.Endpoint = t.endpoint()
	}
	now := s.r.cfg.Clock.Now()
	done := *a
	done.Outcome, done.Model, done.SentTo, done.Took = provider.OutcomeAnswered, rt.Model, rt.Endpoint, rt.Total
	if c.Usage != nil && c.Usage.InputTokens > 0 {
		done.PromptTokens, done.Estimated = c.Usage.InputTokens, false
	}
	done.Tries += rt.Repairs
	rt.Reason = "first in use"
	if len(s.Attempts) > 0 {
		rt.Reason = "stood in: " + s.Error()
	}
	if len(s.Attempts) > 0 || a.Tries > 1 {
		shift := max(now.Sub(s.start)-rt.Total, 0)
		rt.FirstToken += shift
		rt.Total += shift
	}
	if a.Tries > 1 {
		done.Took = now.Sub(s.tryStarted)
	}
	rt.Attempts = append(s.Attempts, done)
	return rt
}

func (s *call) emit(e Event) {
	if s.r.cfg.Observe != nil {
		s.r.cfg.Observe(e)
	}
}
