package router

import (
	"context"
	"time"

	"github.com/tandem-llm/tandem/provider"
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
	tryStarted       time.Time          // the call under way
	shown            bool               // content of the call under way has gone to the reader
	done             bool               // the reader has the end, or wants no more
	restarting       bool               // what the reader has broke off, and the next content begins again
	probe            bool               // the call under way is a breaker's probe, and has told it nothing yet
	tryErr           error              // of the call under way
	target           *target            // that is asked
	missing          string             // the target's own model, which its server does not have, so that req names another; or ""
	attempt          provider.Attempt   // of the target
	elsewhere        []provider.Attempt // calls that failed, and may have sent the prompt off this machine
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
		c.addFailed(c.attempt, err)
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

func (c *call) emit(e Event) {
	if c.r.cfg.Observe != nil {
		c.r.cfg.Observe(e)
	}
	if c.observe != nil {
		c.observe(e)
	}
}
