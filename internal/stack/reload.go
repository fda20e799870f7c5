package stack

import (
	"reflect"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/collection"
	"github.com/tandem-llm/tandem/provider"
)

// Reload returns a stack of another configuration, with the same options, that
// takes the place of s: ask it from now on, and close it. Calls under way at s end
// as they began. Both share what outlives a configuration: loads, MCP servers, log,
// cache, collections and telemetry; and of each provider that is configured as
// before its connections, its limit of calls and its circuit breaker. Keys and
// headers are looked up anew, and certificates read anew. Once offline mode is on,
// telemetry that was not sent yet leaves this machine no more.
//
// A server that many ask keeps the newest in an atomic.Pointer. One reload runs at
// a time. On an error s stays as it is.
func (s *Stack) Reload(cfg *config.Loaded) (*Stack, error) {
	if s.options.Answers.Replay != "" {
		return nil, provider.Errorf(provider.Unsupported, "replay", "", "a replay calls no provider, so there is nothing to reload")
	}
	next := &Stack{
		cfg: cfg, options: s.options, warn: s.warn, secrets: s.secrets, adapters: map[string]*adapter{}, before: s,
		loads: s.loads, engines: s.engines, tools: s.tools, writer: s.writer, cache: s.cache, vectors: s.vectors, telemetry: s.telemetry,
	}
	next.Collections = collection.NewCatalog(next.collectionConfig())
	if err := next.openLog(); err != nil {
		return nil, err
	}
	if err := next.assemble(); err != nil {
		return nil, err
	}
	next.boundLog()
	next.telemetry.SetOffline(cfg.Offline)
	var kept []string
	for name, a := range s.adapters {
		if next.adapters[name] != a {
			a.closeIdle() // those in use are closed when their calls end
			continue
		}
		if kept = append(kept, name); a.renew != nil {
			a.renew(cfg)
		}
	}
	next.router.KeepHealth(s.router, kept)
	next.tools.Reload(next.toolsetConfig())
	next.before = nil
	s.replaced.Store(true)
	return next, nil
}

// unchanged is the adapter of a provider that cfg configures as s has it, or nil.
func (s *Stack) unchanged(pc config.Provider, cfg *config.Loaded) *adapter {
	if s == nil {
		return nil
	}
	a := s.adapters[pc.Name]
	switch old := s.cfg; {
	case a == nil, a.Untrusted != nil, cfg.Untrusted(pc.Name) != nil, pc.TLS != config.TLS{}, !reflect.DeepEqual(a.Config, pc):
		return nil
	case old.Offline != cfg.Offline, old.Privacy != cfg.Privacy, old.MaxAnswer != cfg.MaxAnswer, !reflect.DeepEqual(old.LocalNetworks, cfg.LocalNetworks):
		return nil
	}
	return a
}
