package stack

import (
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/telemetry"
)

// trace puts telemetry around everything, where the environment asks for it.
func (s *Stack) trace(o Options) {
	s.Provider, s.flush = telemetry.Wrap(s.Provider, telemetry.Options{
		Getenv: o.Getenv, Warn: o.Warn, Version: o.Version, Secrets: s.secrets,
		Policy: httpx.Policy{Offline: s.cfg.Offline},
		Target: func(name string) telemetry.Target {
			if name == "" && len(s.cfg.Use) > 0 {
				name = s.cfg.Use[0]
			}
			t, _ := s.Target(name)
			return telemetry.Target{Name: name, System: t.Config.Kind, Model: t.Config.Model}
		},
	})
}
