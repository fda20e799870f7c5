package exchange

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/router"
)

// step notes a call that begins. The context has who is asked noted, too.
func (u *Run) step(ctx context.Context) (*StepCall, context.Context) {
	s := &StepCall{Step: provider.RunOf(ctx).Step, Began: time.Now(), State: Asking}
	u.stepIs(func() {
		if u.steps.calls = append(u.steps.calls, s); len(u.steps.calls) > mostSteps {
			i := max(slices.IndexFunc(u.steps.calls, func(s *StepCall) bool { return s.over() }), 0)
			u.steps.calls = slices.Delete(u.steps.calls, i, i+1)
		}
	})
	return s, router.WithObserver(ctx, func(e router.Event) {
		u.observe(e)
		if e.Type == router.Asking {
			u.stepIs(func() {
				s.asked = append(s.asked, e.Provider)
				s.Provider, s.Model = e.Provider, e.Model
				u.call.Provider, u.call.Model, u.call.Waiting = e.Provider, e.Model, ""
			})
		}
	})
}

func (s *StepCall) over() bool { return s.State == Answered || s.State == Failed }

// stepEnds notes the end of a call, and what it cost. Route is nil where nobody answered.
func (u *Run) stepEnds(s *StepCall, route *provider.Route, usage *provider.Usage, err error) {
	var (
		lost lostCall
		text string
	)
	if err != nil {
		text = u.x.failureOf(err).Message
	}
	if route == nil {
		lost = u.lostCall(s, err)
	}
	u.stepIs(func() {
		s.State, s.Position, s.Took = Answered, 0, time.Since(s.Began)
		if err != nil {
			s.State, s.Error = Failed, text
		}
		t := &u.steps
		switch {
		case route != nil:
			stayed := route.Stayed()
			s.Provider, s.Model, s.Local, s.Cost = route.Provider, route.Model, &stayed, costOf(route)
			t.spent = spend(t.spent, route, usage)
		case !lost.sent:
			return
		default:
			if s.Local = &lost.stayed; lost.charged {
				s.Cost = unknownCost()
			}
		}
		t.left = t.left || !*s.Local
		if route != nil || lost.charged {
			t.cost = add(t.cost, s.Cost, t.ended)
			t.ended++
		}
		local, cost := !t.left, t.cost
		u.call.Local, u.call.Cost, u.call.Spent = &local, &cost, t.spent
	})
}

// lostCall is what is known of a call that nobody answered.
type lostCall struct {
	sent    bool // a prompt may have reached a server
	stayed  bool // and every such server is this machine
	charged bool // and it may be charged
}

// lostCall is what became of a step's call that ended with err. Where err does not say who
// got the prompt, such as that of a step's timeout, all who were asked may have.
func (u *Run) lostCall(s *StepCall, err error) lostCall {
	var (
		e *provider.Error
		r *router.Failure
	)
	if errors.As(err, &r) {
		sent := func(a provider.Attempt) bool { return a.SentTo != "" }
		return lostCall{slices.ContainsFunc(r.Attempts, sent), len(provider.SentElsewhere(r.Attempts)) == 0, slices.ContainsFunc(r.Attempts, mayBeCharged)}
	}
	if errors.As(err, &e) && !e.Sent {
		return lostCall{}
	}
	out := lostCall{sent: len(s.asked) > 0, stayed: true}
	for _, name := range s.asked {
		t, ok := u.stack.Target(name)
		if ok && u.stack.Here(context.WithoutCancel(u.ctx), t) && !failure.RunsElsewhere(t.Provider, cmp.Or(s.Model, t.Config.Model)) {
			continue
		}
		out.stayed, out.charged = false, e == nil || e.MayBeCharged()
	}
	return out
}

// add is a sum of costs with one more; sum is of n. It is known where each is.
func add(sum provider.Cost, c *provider.Cost, n int) provider.Cost {
	if c == nil {
		c = &provider.Cost{}
	}
	if n == 0 {
		return *c
	}
	plus := func(a, b *float64) *float64 {
		if a == nil || b == nil {
			return nil
		}
		both := *a + *b
		return &both
	}
	out := provider.Cost{USD: plus(sum.USD, c.USD), Saved: plus(sum.Saved, c.Saved), Basis: sum.Basis}
	if c.Basis != sum.Basis {
		out.Basis = "several calls"
	}
	return out
}

// stepIs changes a step, and what the call shows of its steps: it is queued as long as
// none of them is asked and some wait.
func (u *Run) stepIs(change func()) {
	u.update(func(c *Call) {
		change()
		asked, first := false, 0
		c.Steps = make([]StepCall, len(u.steps.calls)) // another one: whoever has the call has the old one
		for i, s := range u.steps.calls {
			c.Steps[i] = *s
			switch {
			case s.State == Asking || s.State == Answering:
				asked = true
			case s.State == Queued && (first == 0 || s.Position < first):
				first = s.Position
			}
		}
		switch {
		case c.State == Answering:
		case first > 0 && !asked:
			c.State, c.Position = Queued, first
		default:
			c.State, c.Position = Asking, 0
		}
	})
}
