package tool

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/provider"
)

// sum adds up what the rounds of an answer took. What one of them does not
// tell is not known of the whole.
type sum struct {
	start   time.Time
	first   time.Duration // to the first content of any round
	rounds  int
	usage   *provider.Usage
	routes  []*provider.Route
	unknown bool // some round's usage
}

// began notes content.
func (s *sum) began() {
	if s.first == 0 {
		s.first = max(time.Since(s.start), 1)
	}
}

// add takes in the last chunk of a round.
func (s *sum) add(c *provider.Chunk) {
	s.rounds++
	if c.Route != nil {
		s.routes = append(s.routes, c.Route)
	}
	if c.Usage == nil {
		s.unknown = true
		return
	}
	all := *c.Usage
	if s.usage != nil {
		all = s.usage.Add(all)
	}
	s.usage = &all
}

// finish makes the last chunk of the last round that of the whole answer.
func (s *sum) finish(c *provider.Chunk) {
	if s.rounds == 1 {
		return
	}
	c.Usage = s.usage
	if s.unknown {
		c.Usage = nil
	}
	if c.Route == nil {
		return
	}
	r := *c.Route
	r.Reason += fmt.Sprintf(", after %s of tool calls", textx.Count(s.rounds-1, "round"))
	r.Total = max(time.Since(s.start), 1)
	r.FirstToken = r.Total
	if s.first > 0 {
		r.FirstToken = s.first
	}
	r.Load, r.Working, r.Attempts, r.Warnings, r.Cost = 0, 0, nil, nil, s.cost()
	for _, round := range s.routes {
		r.Load += round.Load
		r.Working += round.Working
		r.Local = r.Local && round.Local // the prompt went to all of them
		r.Gateway = cmp.Or(r.Gateway, round.Gateway)
		r.Attempts = append(r.Attempts, round.Attempts...)
		for _, w := range round.Warnings {
			if !slices.Contains(r.Warnings, w) {
				r.Warnings = append(r.Warnings, w)
			}
		}
	}
	c.Route = &r
}

// cost is what all rounds cost; nil if the cost of a round is unknown.
func (s *sum) cost() *provider.Cost {
	if len(s.routes) < s.rounds || slices.ContainsFunc(s.routes, func(r *provider.Route) bool { return r.Cost == nil }) {
		return nil
	}
	all := *s.routes[len(s.routes)-1].Cost
	usd, saved := provider.Ptr(0.0), provider.Ptr(0.0)
	for _, r := range s.routes {
		usd, saved = plus(usd, r.Cost.USD), plus(saved, r.Cost.Saved)
		if r.Cost.Basis != all.Basis {
			all.Basis = "several"
		}
	}
	all.USD, all.Saved = usd, saved
	return &all
}

func plus(a, b *float64) *float64 {
	if a == nil || b == nil {
		return nil
	}
	return provider.Ptr(*a + *b)
}
