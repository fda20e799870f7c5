package exchange

import (
	"context"
	"slices"
	"time"

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
				s.Provider, s.Model = e.Provider, e.Model
				u.call.Provider, u.call.Model, u.call.Waiting = e.Provider, e.Model, ""
			})
		}
	})
}

func (s *StepCall) over() bool { return s.State == Answered || s.State == Failed }

// stepEnds notes the end of a call, and what it cost.
func (u *Run) stepEnds(s *StepCall, route *provider.Route, err error) {
	u.stepIs(func() {
		s.State, s.Position, s.Took = Answered, 0, time.Since(s.Began)
		if err != nil {
			s.State, s.Error = Failed, u.x.failureOf(err).Message
		}
		if route == nil {
			return
		}
		s.Provider, s.Model, s.Local, s.Cost = route.Provider, route.Model, &route.Local, route.Cost
		u.steps.local = (u.steps.ended == 0 || u.steps.local) && route.Local
		u.steps.cost = add(u.steps.cost, route.Cost, u.steps.ended)
		u.steps.ended++
		local, cost := u.steps.local, u.steps.cost
		u.call.Local, u.call.Cost = &local, &cost
	})
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
