package pool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/provider"
)

// call is a call on its way to a host. Tried is under the pool's mu.
type call struct {
	p       *Pool
	model   string
	began   time.Time
	tried   map[*host]bool
	session *host         // that has read the beginning of the conversation; nil: none
	grace   time.Time     // until then, it is waited for what other hosts say
	waking  time.Time     // until then, hosts that were woken are waited for
	failed  failure.Hosts // those that were asked
}

func (p *Pool) newCall(model string) call {
	return call{p: p, model: p.model(model), began: time.Now(), tried: map[*host]bool{}}
}

// maxAdapted is how often a host is asked again without what its server refuses.
const maxAdapted = 4

// share has one host after another asked by ask, which is one call of a host, until one
// has answered, or nobody may be asked any more.
func (c *call) share(ctx context.Context, ask func(*attempt) error) error {
	for {
		h, probe, err := c.place(ctx)
		if err != nil {
			return err
		}
		broke, err := c.askHost(ctx, h, probe, ask)
		var e *provider.Error
		switch {
		case err == nil:
			return nil
		case !errors.As(err, &e) || ctx.Err() != nil:
			return err // the caller's own
		case broke || !elsewhere(e) || c.p.cfg.Paid && e.MayBeCharged():
			return c.end(e)
		}
	}
}

// askHost calls a host that has a place for it, and again where it adapts what it sends.
// With broke, a part of the answer was shown.
func (c *call) askHost(ctx context.Context, h *host, probe bool, ask func(*attempt) error) (broke bool, err error) {
	defer c.p.release(h)
	for range 1 + maxAdapted {
		if broke, err = c.once(ctx, h, probe, ask); broke || !errors.Is(err, provider.ErrAdapted) || ctx.Err() != nil {
			break
		}
		probe = false
	}
	return broke, err
}

// once is one call of a host.
func (c *call) once(ctx context.Context, h *host, probe bool, ask func(*attempt) error) (broke bool, err error) {
	a := c.begin(ctx, h, probe)
	defer a.stop(nil) // else it would be kept until the caller's context ends
	defer func() { c.finish(a, err) }()
	if err = ask(a); err != nil {
		err = a.why(err)
	}
	return err != nil && a.state.Load() == shown, err
}

// elsewhere reports whether another host may do what one could not: whether it is about
// the host and not the request.
func elsewhere(e *provider.Error) bool {
	switch e.Kind {
	case provider.Unavailable, provider.Timeout, provider.RateLimited, provider.QuotaExhausted, provider.Denied,
		provider.OutOfMemory, provider.ModelNotFound, provider.Truncated, provider.BadAnswer:
		return true
	}
	return false
}

// unhealthy reports whether a failure speaks of the host's health, as the router has it.
func unhealthy(e *provider.Error) bool {
	switch e.Kind {
	case provider.Unavailable:
		return !errors.Is(e, provider.ErrLoading)
	case provider.Timeout, provider.OutOfMemory:
		return true
	}
	return false
}

// end is the error with which a call ends that a host has failed for good.
func (c *call) end(last *provider.Error) error {
	out := *last
	out.Err = &lastOf{failure.Hosts{Attempts: c.failed.Attempts, Errs: c.failed.Errs}, last.Err}
	return &out
}

// lastOf reads like the cause of the last failure, with its host, and carries all.
type lastOf struct {
	hosts failure.Hosts
	cause error
}

func (l *lastOf) Error() string {
	name := l.hosts.Attempts[len(l.hosts.Attempts)-1].Host
	if l.cause == nil {
		return name
	}
	return name + ": " + l.cause.Error()
}

func (l *lastOf) Unwrap() []error {
	if l.cause == nil {
		return []error{&l.hosts}
	}
	return []error{l.cause, &l.hosts}
}

// failure is the error of a call that no host can take: of those that were asked, and of
// those that cannot be.
func (c *call) failure(skips []skip) error {
	f := &failure.Hosts{}
	out := &provider.Error{Kind: provider.Unavailable, Provider: c.p.cfg.Name, Model: c.model, Err: f}
	for _, s := range skips {
		f.Attempts = append(f.Attempts, provider.Attempt{
			Provider: c.p.cfg.Name, Host: s.host.Name, Model: c.model, Outcome: provider.OutcomeSkipped, Kind: s.err.Kind, Reason: s.err.Err.Error(),
		})
		f.Errs = append(f.Errs, s.err)
	}
	f.Attempts, f.Errs = append(f.Attempts, c.failed.Attempts...), append(f.Errs, c.failed.Errs...)
	if n := len(c.failed.Errs); n > 0 {
		if last := (*provider.Error)(nil); errors.As(c.failed.Errs[n-1], &last) {
			out.Kind, out.Status, out.RetryAfter, out.RequestID, out.Final = last.Kind, last.Status, last.RetryAfter, last.RequestID, last.Final
		}
	}
	missing := 0
	for _, a := range f.Attempts {
		out.Sent = out.Sent || a.SentTo != ""
		if a.Kind == provider.ModelNotFound {
			missing++
		}
	}
	if missing == len(c.p.hosts) {
		out.Kind, out.Err = provider.ModelNotFound, fmt.Errorf("none of its hosts has the model: %s", c.p.names())
	}
	return out
}

// finish notes how a call of a host has ended.
func (c *call) finish(a *attempt, err error) {
	h, now := a.host, time.Now()
	var e *provider.Error
	failed := errors.As(err, &e) && a.caller.Err() == nil && !errors.Is(err, provider.ErrAdapted)
	switch {
	case failed && unhealthy(e):
		h.breaker.RecordFailure(now, a.probe, text(e))
	case failed && e.Status > 0 && a.state.Load() != shown:
		h.breaker.RecordSuccess(now, a.probe) // it answers, if not as wished
	default:
		h.breaker.AbandonProbe(a.probe)
	}
	if failed {
		c.fail(a, e)
	}
	var warnings []string
	var noted *Standing
	defer func() {
		c.p.warn(warnings)
		if noted != nil && c.p.cfg.Noted != nil {
			c.p.cfg.Noted(h.Name, *noted)
		}
	}()
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	delete(h.attempts, a)
	switch {
	case err == nil || a.state.Load() == shown:
		h.serves(c.model)
	case failed && refuses(e):
		h.refused(c.model, e, now)
		warnings = c.p.warnRefusal(h, c.model)
	default:
		h.untested(c.model, now)
	}
	switch {
	case failed:
		c.tried[h] = true
		h.failed++
		h.last = &Failure{At: now, Model: c.model, Kind: e.Kind, Reason: text(e)}
		h.learn(e)
	case a.whole:
		h.answered++
	}
	noted = h.note(failed, now)
}

// learn notes what a failure says of a host. The caller holds the pool's mu.
func (h *host) learn(e *provider.Error) {
	switch {
	case e.Kind == provider.ModelNotFound:
		h.list.at = time.Time{} // its models have changed
	case e.Kind == provider.Unavailable && !errors.Is(e, provider.ErrStale) && !errors.Is(e, provider.ErrLoading), e.Kind == provider.Truncated:
		h.suspect = true
	default:
		return
	}
	h.ask()
}

// fail notes a failed attempt for the route, and tells of it.
func (c *call) fail(a *attempt, e *provider.Error) {
	at := provider.Attempt{
		Provider: c.p.cfg.Name, Host: a.host.Name, Model: c.model, Outcome: provider.OutcomeFailed, Kind: e.Kind,
		Reason: text(e), Took: time.Since(a.began), Tries: 1,
	}
	if e.Sent || a.state.Load() == shown {
		l, ok := provider.As[provider.Localer](a.host.Provider)
		at.SentTo, at.Local = cmp.Or(a.host.endpoint(), provider.UnknownAddress), ok && l.Local(a.caller) && !failure.RunsElsewhere(a.host.Provider, c.model)
	}
	at.MayBeCharged = c.p.cfg.Paid && (a.state.Load() == shown || e.MayBeCharged())
	n := len(c.failed.Attempts)
	c.failed.Attempts, c.failed.Errs = append(c.failed.Attempts[:n:n], at), append(c.failed.Errs[:n:n], error(e)) // a route may have the others
	if c.p.cfg.Observe != nil {
		c.p.cfg.Observe(Event{Host: a.host.Name, Model: c.model, Err: e, Took: at.Took})
	}
}

// text is what happened, without to whom.
func text(e *provider.Error) string {
	if e.Err == nil {
		return e.Kind.Error()
	}
	if e.Status >= 400 {
		return fmt.Sprintf("%s (%d): %s", e.Kind.Error(), e.Status, e.Err)
	}
	return e.Err.Error()
}

// route is a host's route, with the host and those that failed before it.
func (c *call) route(a *attempt, of *provider.Route) *provider.Route {
	rt := provider.Route{Provider: c.p.cfg.Name, Model: c.model, Endpoint: a.host.endpoint()}
	if of != nil {
		rt = *of
	}
	rt.Host, rt.Attempts = a.host.Name, c.failed.Attempts
	before := a.began.Sub(c.began)
	rt.FirstToken, rt.Total = rt.FirstToken+before, rt.Total+before
	return &rt
}
