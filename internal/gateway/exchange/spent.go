package exchange

import (
	"slices"

	"github.com/tandem-llm/tandem/provider"
)

// Spent is what the calls of one model came to, as far as it is known.
type Spent struct {
	Provider, Model string
	USD, Saved      float64
	Unpriced        int // calls that were answered, and whose cost is not known
	InputTokens     int
	OutputTokens    int
}

// Spending is what all calls came to that were made for c, by model.
func (c *Call) Spending() []Spent {
	if c.Spent != nil || c.Route == nil {
		return c.Spent
	}
	return spend(nil, c.Route, c.Usage)
}

// spend is all with one more answered call. It changes nothing of all.
func spend(all []Spent, rt *provider.Route, u *provider.Usage) []Spent {
	i := slices.IndexFunc(all, func(s Spent) bool { return s.Provider == rt.Provider && s.Model == rt.Model })
	if all = slices.Clone(all); i < 0 {
		i, all = len(all), append(all, Spent{Provider: rt.Provider, Model: rt.Model})
	}
	s := &all[i]
	if u != nil {
		s.InputTokens += u.InputTokens
		s.OutputTokens += u.OutputTokens
	}
	switch c := rt.Cost; {
	case c == nil:
	case c.USD == nil:
		s.Unpriced++
	default:
		s.USD += *c.USD
		if c.Saved != nil {
			s.Saved += *c.Saved
		}
	}
	return all
}

// total is whether all of a call's prompts stayed on this machine, and what it cost; ok
// is false where nobody has answered.
func (c *Call) total() (local bool, cost *provider.Cost, ok bool) {
	switch {
	case c.Local != nil:
		return *c.Local, c.Cost, true
	case c.Route != nil:
		return c.Route.Stayed(), costOf(c.Route), true
	}
	return false, nil, false
}

// costOf is what a call cost. It is not known where a call that failed before the answer
// may be charged, too.
func costOf(rt *provider.Route) *provider.Cost {
	if rt.Cost != nil && slices.ContainsFunc(rt.Attempts, mayBeCharged) {
		return unknownCost()
	}
	return rt.Cost
}

func mayBeCharged(a provider.Attempt) bool { return a.MayBeCharged }

func unknownCost() *provider.Cost {
	return &provider.Cost{Basis: "a call that failed may be charged, too"}
}
