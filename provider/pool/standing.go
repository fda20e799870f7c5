package pool

import (
	"maps"
	"slices"
	"time"

	"github.com/tandem-llm/tandem/internal/breaker"
	"github.com/tandem-llm/tandem/provider"
)

// Standing is what a process has found out about a host by its calls.
type Standing struct {
	LastFailure *Failure  `json:"last_failure,omitempty"`
	Refusals    []Refusal `json:"refusals,omitempty"`
	// BreakerUntil is until when the circuit breaker is open; zero: it is not.
	BreakerUntil time.Time `json:"circuit_breaker_open_until,omitzero"`
}

// Refusal is a model that a host refuses, so that it is set aside for it until then.
type Refusal struct {
	Model string        `json:"model"`
	Kind  provider.Kind `json:"kind"`
	Until time.Time     `json:"until"`
}

// Good reports whether nothing is against asking the host at a time.
func (s *Standing) Good(now time.Time) bool {
	return !now.Before(s.BreakerUntil) && !slices.ContainsFunc(s.Refusals, func(r Refusal) bool { return now.Before(r.Until) })
}

// standing is the host's. The caller holds the pool's mu.
func (h *host) standing(now time.Time) Standing {
	s := Standing{LastFailure: h.last}
	for _, model := range slices.Sorted(maps.Keys(h.refusals)) {
		if r := h.refusals[model]; now.Before(r.until) {
			s.Refusals = append(s.Refusals, Refusal{Model: model, Kind: r.kind, Until: r.until})
		}
	}
	if h.breaker.Phase(now) == breaker.Open {
		_, wait := h.breaker.State(now)
		s.BreakerUntil = now.Add(wait)
	}
	return s
}

// note returns the host's standing where others are to be told: it has failed a call, or
// is asked again after something was against it. The caller holds the pool's mu.
func (h *host) note(failed bool, now time.Time) *Standing {
	s := h.standing(now)
	if bad := !s.Good(now); failed || bad != h.bad {
		h.bad = bad
		return &s
	}
	return nil
}
