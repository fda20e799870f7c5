package router

import (
	"errors"
	"fmt"

	"github.com/tandem-llm/tandem/provider"
)

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
	done.Host = rt.Host
	if chunk.Usage != nil && chunk.Usage.InputTokens > 0 {
		done.PromptTokens, done.Estimated = chunk.Usage.InputTokens, false
	}
	done.Tries += rt.Repairs
	rt.MaxTokens = limitReached(&c.req, chunk, rt.Repairs)
	hosts := hostAttempts(rt.Attempts)
	done.Local = rt.Local
	var elsewhere []provider.Attempt
	if rt.Local && len(c.elsewhere) > 0 {
		elsewhere = c.unlisted(c.Attempts, hosts)
	}
	rt.Reason = provider.FirstChoice
	if len(c.Attempts) > 0 {
		rt.Reason = "fallback: " + c.Error()
	}
	for i := range hosts {
		rt.Reason += fmt.Sprintf("; %s failed: %s", hosts[i].Who(), hosts[i].Reason)
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
	if len(before)+len(elsewhere)+len(hosts) == 0 {
		before = out.only[:0]
	}
	rt.Attempts = append(append(append(before, elsewhere...), hosts...), done)
	return rt
}

// hostAttempts are the attempts of a target's own hosts, before one of them answered.
func hostAttempts(all []provider.Attempt) (hosts []provider.Attempt) {
	for _, a := range all {
		if a.Host != "" && a.Outcome != provider.OutcomeAnswered {
			hosts = append(hosts, a)
		}
	}
	return hosts
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
