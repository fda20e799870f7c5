package stack

import "github.com/tandem-llm/tandem/internal/telemetry"

// newTelemetry is that of the process: nil without a collector.
func (s *Stack) newTelemetry() *telemetry.Telemetry {
	o := &s.options
	return telemetry.New(telemetry.Options{
		Getenv: getenv(o.Environ), Offline: s.cfg.Offline, Warn: o.Warn, Version: o.Version, Secrets: s.secrets,
	})
}

// system describes a configured provider for telemetry; "" is the one that is
// asked first.
func (s *Stack) system(name string) telemetry.System {
	if name == "" && len(s.cfg.Use) > 0 {
		name = s.cfg.Use[0]
	}
	t, _ := s.Target(name)
	return telemetry.System{Name: name, ProviderName: t.Config.Kind, Model: t.Config.Model}
}
