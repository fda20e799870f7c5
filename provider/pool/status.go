package pool

import (
	"context"
	"time"

	"github.com/tandem-llm/tandem/internal/breaker"
	"github.com/tandem-llm/tandem/provider"
)

// State is what a host does.
type State string

// The states of a host.
const (
	StateUp      State = "up"
	StateDown    State = "down"
	StateDrained State = "drained"
	StateAside   State = "set aside" // it has another model by the name of the pool's, or refuses that
	StateUnknown State = "unknown"   // it was not asked yet, or not lately
)

// Status is how a host fares.
type Status struct {
	Host     string `json:"host"`
	Endpoint string `json:"endpoint"`
	State    State  `json:"state"`
	Reason   string `json:"reason,omitempty"` // why it is not up
	// Loaded are the models in its memory, where it tells; Models is how many it has,
	// and Digest that of the pool's own model.
	Loaded []provider.RunningModel `json:"loaded,omitempty"`
	Models int                     `json:"models"`
	Digest string                  `json:"digest,omitempty"`
	// InFlight, Answered and Failed are calls of this process, and LastFailure is how the
	// latest of those that failed did.
	InFlight    int      `json:"in_flight"`
	Answered    int      `json:"answered"`
	Failed      int      `json:"failed"`
	LastFailure *Failure `json:"last_failure,omitempty"`
	Rate        float64  `json:"tokens_per_second"` // as measured by this process; 0: not yet
	Breaker     string   `json:"circuit_breaker"`   // "closed", "open" or "half_open"
}

// Failure is a call that a host failed.
type Failure struct {
	At     time.Time     `json:"at"`
	Model  string        `json:"model,omitempty"`
	Kind   provider.Kind `json:"kind"`
	Reason string        `json:"reason,omitempty"` // in the server's words, which may quote a prompt
}

// Status is what is known of each host. It asks none.
func (p *Pool) Status() []Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	v := p.view(p.cfg.Model)
	out := make([]Status, len(p.hosts))
	for i, h := range p.hosts {
		s := Status{
			Host: h.Name, Endpoint: h.endpoint(), State: StateUp, Loaded: h.running, Models: len(h.list.models), Digest: v.digest[h],
			InFlight: h.inFlight, Answered: h.answered, Failed: h.failed, LastFailure: h.last, Rate: h.speed.rate(), Breaker: h.breaker.Phase(now),
		}
		aside, refuses := p.setAside(v, h, p.cfg.Model), h.refusalsNow(now)
		switch {
		case h.Drained != nil && h.Drained():
			s.State, s.Reason = StateDrained, "it takes no new calls"
		case h.down != "":
			s.State, s.Reason = StateDown, h.down
		case h.list.why != "":
			s.State, s.Reason = StateDown, h.list.why
		case h.probed.IsZero(), h.unlisted():
			s.State = StateUnknown
		case aside != "":
			s.State, s.Reason = StateAside, aside
		case h.refusing(p.cfg.Model, now):
			s.State, s.Reason = StateAside, refuses
		case s.Breaker == breaker.Open:
			s.State = StateDown
			s.Reason, _ = h.breaker.State(now)
		case s.Breaker == breaker.HalfOpen:
			s.Reason = "its circuit breaker is half-open: the next call finds out whether it answers again"
		case h.list.models != nil && !v.has[h] && p.cfg.Model != "":
			s.Reason = "it does not have " + p.cfg.Model
		default:
			s.Reason = refuses
		}
		out[i] = s
	}
	return out
}

// Look asks every host how it is, and returns the statuses.
func (p *Pool) Look(ctx context.Context) []Status {
	_, _ = each(ctx, p, func(ctx context.Context, h *host) (struct{}, error) {
		for range 2 { // what answers too late once is asked again
			if f, failed := p.probe(ctx, h); ctx.Err() != nil || p.record(h, &f, failed) {
				break
			}
		}
		if p.mayList(h) {
			p.listModels(ctx, h)
		}
		return struct{}{}, nil //nolint:nilerr // how it failed is recorded
	})
	return p.Status()
}
