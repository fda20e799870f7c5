package stack

import (
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/priority"
)

// newEngines are the engines that this process shares with the others of the user.
func newEngines(o *Options) *priority.Engines {
	if o.StateDir == "" || o.Answers.Replay != "" {
		return priority.New("")
	}
	return priority.New(filepath.Join(o.StateDir, "interactive"))
}

// Engine is a provider's engine, as interactive calls and batches share it; nil: it is
// a hosted API, it has several hosts, or there is no such provider.
func (s *Stack) Engine(name string) *priority.Engine {
	if a := s.adapters[name]; a != nil {
		return s.engine(a)
	}
	return nil
}

func (s *Stack) engine(a *adapter) *priority.Engine {
	if len(a.members) > 0 {
		return nil // each host has its own
	}
	u, err := url.Parse(a.Endpoint)
	if err != nil || u.Host == "" {
		return nil
	}
	host := strings.ToLower(u.Hostname())
	ip, err := netip.ParseAddr(host)
	here := host == "localhost" || err == nil && s.policy().Local(ip)
	hosted := host == "ollama.com" || strings.HasSuffix(host, ".ollama.com")
	if here || a.Config.Local || a.Config.Kind == config.KindOllama && !hosted {
		return s.engines.At(a.Endpoint)
	}
	return nil
}
