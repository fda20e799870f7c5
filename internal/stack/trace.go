package stack

import (
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/telemetry"
)

func (s *Stack) telemetryOptions() telemetry.Options {
	o := &s.options
	return telemetry.Options{
		Getenv: getenv(o.Environ), Warn: o.Warn, Version: o.Version, Secrets: s.secrets,
		Policy: httpx.Policy{Offline: s.cfg.Offline},
		System: func(name string) telemetry.System {
			if name == "" && len(s.cfg.Use) > 0 {
				name = s.cfg.Use[0]
			}
			t, _ := s.Target(name)
			return telemetry.System{Name: name, ProviderName: t.Config.Kind, Model: t.Config.Model}
		},
	}
}
