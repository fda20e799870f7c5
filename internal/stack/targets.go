package stack

import (
	"context"
	"slices"
	"time"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
	"github.com/tandem-llm/tandem/provider/router"
)

func (s *Stack) routerConfig(targets []router.Target) router.Config {
	return router.Config{
		Use: s.cfg.Use, Targets: targets, Offline: s.cfg.Offline, Observe: s.options.Observe, Explain: s.explainFailure,
		Policy: router.Policy{Retries: s.cfg.Retries, RetryPaid: s.cfg.RetryPaid, Restart: s.cfg.OnCut == config.OnCutRestart},
	}
}

// target is what the router is told about a provider: what it is asked for, and what
// is known of it without a call.
func (s *Stack) target(a *adapter, c *Configured, l *ledger.Ledger) router.Target {
	pc := a.Config
	t := router.Target{
		Provider: l, Model: pc.Model, Total: time.Duration(pc.Timeouts.Total), Ready: a.ready,
		Local: s.local(c), NotLocal: c.notLocal, Quote: l.Quote,
	}
	fits := func(ctx context.Context, req *provider.Request) error {
		if !router.Planning(ctx) {
			return nil // the ledger itself reserves, which is the only question that counts
		}
		return l.Fits(ctx, req)
	}
	if a.pool != nil && a.isOllama() {
		t.Window, t.Can, t.Present, t.Preflight = pinned(pc), a.can, a.present, []router.Check{fits}
		return t
	}
	if p := a.ollama; p != nil {
		t.Window, t.Can, t.Present, t.Preflight = pinned(pc), p.Can, p.Present, []router.Check{p.CheckPrivacy, fits}
		if s.cfg.DefaultModel(pc.Name) {
			t.Alternative = func(ctx context.Context, req *provider.Request) (string, error) { return installed(ctx, a, req) }
		}
		return t
	}
	t.Paid, t.Preflight = paid(c), []router.Check{fits}
	return t
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
	case float64: // of a request that comes from JSON, such as the log's
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
	here := !slices.ContainsFunc(t.endpoints(), func(e string) bool { _, here := loopbackHost(e); return !here })
	return !here || !t.Config.Local
}

func costs(usd *float64) bool { return usd != nil && *usd != 0 }
