package stack

import (
	"context"
	"time"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/limit"
	"github.com/tandem-llm/tandem/provider/ollama"
	"github.com/tandem-llm/tandem/provider/router"
)

// policy is how failures are met.
func policy(cfg *config.Loaded) router.Policy {
	return router.Policy{Retries: cfg.Retries, RetryPaid: cfg.RetryPaid, Restart: cfg.OnCut == config.OnCutRestart}
}

// route completes the router's view of a target: what it is asked for, how
// many calls it bears, and what is known of it without a call.
func (s *Stack) route(t *Configured, rt *router.Target) {
	pc := t.Config
	if pc.MaxConcurrent > 0 {
		t.Provider = limit.New(t.Provider, pc.MaxConcurrent)
	}
	t.Provider = &clean{t.Provider, s.secrets} // within the ledger and the router, which write down and tell what it says
	kept := s.ledger(t)
	t.Provider = kept
	rt.Quote = kept.Quote
	rt.Preflight = append(rt.Preflight, func(ctx context.Context, req *provider.Request) error {
		if !router.Planning(ctx) {
			return nil // the ledger itself reserves, which is the only question that counts
		}
		return kept.Fits(ctx, req)
	})
	rt.Provider, rt.Model, rt.Total = t.Provider, pc.Model, time.Duration(pc.Timeouts.Total)
	switch pc.Kind {
	case config.KindOllama:
		rt.Window = pinned(pc)
		if p, ok := provider.As[*ollama.Provider](t.Provider); ok {
			rt.Can, rt.Present = p.Can, p.Present
			rt.Preflight = append([]router.Check{p.MayAsk}, rt.Preflight...)
		}
	case config.KindOpenAI:
		rt.Paid = paid(t)
	}
}

// pinned is the window that requests to an Ollama have, where one is pinned: by
// the request, or else the provider.
func pinned(pc config.Provider) func(context.Context, *provider.Request) (int, bool) {
	return func(_ context.Context, req *provider.Request) (int, bool) {
		if own, ok := req.Options["num_ctx"]; ok {
			return tokens(own)
		}
		if pc.NumCtx != 0 { // an auto window is not known before the model is loaded
			return max(pc.NumCtx, 0), pc.NumCtx > 0
		}
		return tokens(pc.Options["num_ctx"])
	}
}

// Window is how many tokens the first who may answer req holds, where that is
// pinned.
func (s *Stack) Window(ctx context.Context, req *provider.Request) (n int, known bool) {
	use := req.Use
	if len(use) == 0 {
		use = s.cfg.Use
	}
	if len(use) == 0 {
		return 0, false
	}
	t, ok := s.Target(use[0])
	if !ok || t.Config.Kind != config.KindOllama {
		return 0, false
	}
	return pinned(t.Config)(ctx, req)
}

func tokens(option any) (n int, known bool) {
	switch v := option.(type) {
	case int:
		n = v
	case int64:
		n = int(v)
	}
	return n, n > 0
}

// paid reports whether a call may be charged: where the configuration has a
// price, that says it; else whatever is not on this machine, or is not said to run
// its models itself, may be.
func paid(t *Configured) bool {
	p := t.Config.Price
	switch {
	case costs(p.Input), costs(p.CachedInput), costs(p.Output), p.NotFree:
		return true
	case p.Input != nil && p.Output != nil:
		return false
	}
	_, here := loopbackHost(t.Endpoint)
	return !here || !t.Config.Local
}

func costs(usd *float64) bool { return usd != nil && *usd != 0 }
