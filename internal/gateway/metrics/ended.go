package metrics

import (
	"cmp"
	"strconv"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/guard"
	"github.com/tandem-llm/tandem/provider"
)

// Ended counts a call that has ended.
func (m *Metrics) Ended(c exchange.Call) {
	code := c.Code
	if c.State == exchange.Cancelled {
		code = string(exchange.Cancelled)
	}
	m.calls.add(1, c.Dialect, string(c.State), code)
	api := ""
	if t, ok := m.cfg.Stack().Target(c.Provider); ok {
		api = t.Config.Kind
	}
	op := string(c.Operation)
	name, model := m.names.model(c.Provider, modelOf(&c))
	m.duration.observe(c.Took.Seconds(), op, api, model, name, code)
	m.spent(&c)
	if c.State != exchange.Answered {
		return
	}
	if c.Stream && c.First > 0 {
		m.first.observe(c.First.Seconds(), op, api, model, name)
		if u := c.Usage; u != nil && u.OutputTokens > 1 {
			m.perToken.observe((c.Took-c.First).Seconds()/float64(u.OutputTokens-1), op, api, model, name)
		}
	}
	if u := c.Usage; u != nil {
		m.tokens.observe(float64(u.InputTokens), op, api, model, name, "input")
		m.tokens.observe(float64(u.OutputTokens), op, api, model, name, "output")
		m.cached.add(float64(u.CachedTokens), name, model)
		if u.CachedTokens > 0 {
			m.hits.add(1, name, model)
		}
	}
	if c.Route != nil {
		m.routed(c.Route, name, model)
	}
}

// routed counts how an answer came about.
func (m *Metrics) routed(rt *provider.Route, name, model string) {
	for _, a := range rt.Attempts {
		if a.Outcome != provider.OutcomeAnswered && a.Provider != rt.Provider {
			m.fallbacks.add(1, m.names.provider(a.Provider), name, cmp.Or(string(a.Kind), string(a.Outcome)))
		}
	}
	if rt.Load > 0 {
		m.loading.observe(rt.Load.Seconds(), name, model)
	}
}

// spent counts what a call cost; of a chain, what each model's calls did, also where the
// chain failed.
func (m *Metrics) spent(c *exchange.Call) {
	for _, s := range c.Spending() {
		if c.Spent == nil {
			s.Provider, s.Model = c.Provider, modelOf(c)
		}
		name, model := m.names.model(s.Provider, s.Model)
		if s.USD > 0 || s.Unpriced == 0 {
			m.cost.add(s.USD, name, model)
		}
		if s.Saved != 0 {
			m.saved.add(s.Saved, name, model)
		}
	}
}

// modelOf is the model that was asked: a server may name it otherwise in its answer.
func modelOf(c *exchange.Call) string {
	if c.Route != nil {
		for _, a := range c.Route.Attempts {
			if a.Outcome == provider.OutcomeAnswered && a.Model != "" {
				return a.Model
			}
		}
	}
	return c.Model
}

// Served counts a request that the guard has seen end.
func (m *Metrics) Served(r guard.Served) {
	m.requests.add(1, r.Route, strconv.Itoa(r.Status))
	if r.Refused != "" {
		m.refused.add(1, r.Refused)
	}
}
