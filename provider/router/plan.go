package router

import (
	"context"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// Planner tells who would be asked. Find it with [provider.As].
type Planner interface {
	// Plan says who may answer req, in order, and who may not and why. It
	// calls no model, loads none and reserves nothing; it may look up keys and
	// ask a server which models it has. Errors: those of [provider.Request.Validate],
	// for a request that no provider takes; Invalid, for one that names a target
	// that does not exist; ctx's own.
	Plan(ctx context.Context, req provider.Request) (Plan, error)
}

// Plan is what would become of a request.
type Plan struct {
	Candidates []Candidate `json:"candidates"` // in order; the first that is kept is asked
	err        error       // see Err
}

// Candidate is one target of a plan.
type Candidate struct {
	Provider string        `json:"provider"`
	Model    string        `json:"model,omitempty"`
	Endpoint string        `json:"endpoint,omitempty"` // where the prompt would go, scheme://host[:port]
	Keep     bool          `json:"keep"`               // it may be asked
	Reason   string        `json:"reason,omitempty"`   // why it is skipped
	Kind     provider.Kind `json:"kind,omitempty"`     // of that reason
	// PromptTokens is the prompt's size; Estimated says that no tokenizer has
	// counted it.
	PromptTokens int  `json:"prompt_tokens"`
	Estimated    bool `json:"estimated,omitempty"`
	Window       int  `json:"context_length,omitempty"` // in tokens; 0: not known
	// PromptUSD is what the prompt would cost, without the answer, in US
	// dollars; nil: not known.
	PromptUSD *float64 `json:"prompt_usd,omitempty"`
}

// Err is nil if somebody may answer, and else the error that the request would
// end with.
func (p *Plan) Err() error { return p.err }

// countPrompt has the prompt counted by the target's own tokenizer, if that is on
// this machine: a plan sends no prompt away. What cannot be counted in time
// stays an estimate.
func (c *Candidate) countPrompt(ctx context.Context, t *target, req *provider.Request) {
	counter, ok := provider.As[provider.Counter](t.Provider)
	if !ok || t.Local == nil || !t.Local(ctx) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, countTimeout)
	defer cancel()
	if n, exact, err := counter.CountTokens(ctx, *req); err == nil && exact {
		c.PromptTokens, c.Estimated = n, false
	}
}

// countTimeout is how long a plan waits for a count.
const countTimeout = 2 * time.Second

// Plan implements [Planner].
func (r *Router) Plan(ctx context.Context, req provider.Request) (Plan, error) {
	var p Plan
	use, err := r.candidates(&req)
	if err != nil {
		return p, err
	}
	if err := req.Validate(); err != nil {
		return p, err
	}
	ctx = context.WithValue(ctx, planningKey{}, true)
	s := measurePrompt(&req)
	asked, f := req, &Failure{}
	for _, name := range use {
		t := r.targets[name]
		req := asked
		err := r.preflight(ctx, t, &req, &s, planning)
		model, err := t.alternative(ctx, &req, err)
		if model != "" {
			req.Model = model
			err = r.preflight(ctx, t, &req, &s, planning)
		}
		c := Candidate{Provider: name, Model: t.model(&req), PromptTokens: s.estimate, Estimated: true}
		if ctx.Err() != nil {
			return p, ctx.Err()
		}
		if t.Window != nil {
			if n, known := t.Window(ctx, &req); known {
				c.Window = n
			}
		}
		if t.Quote != nil {
			if usd, known := t.Quote(ctx, &req, s.estimate); known {
				c.PromptUSD = &usd
			}
		}
		if err == nil {
			c.Keep, c.Endpoint = true, t.endpoint()
			c.countPrompt(ctx, t, &req)
		} else {
			f.addAttempt(provider.Attempt{Provider: name, Model: c.Model, Outcome: provider.OutcomeSkipped}, err)
			c.Kind, c.Reason = provider.KindOf(err), reason(err)
		}
		p.Candidates = append(p.Candidates, c)
	}
	if len(f.Attempts) == len(use) {
		p.err = r.explain(ctx, f.providerError(), &asked)
	}
	return p, nil
}
