package stack

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/preload"
	"github.com/tandem-llm/tandem/internal/priority"
	"github.com/tandem-llm/tandem/internal/vram"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/pool"
	"github.com/tandem-llm/tandem/provider/router"
)

// pooled reaches the hosts of a provider that has several, each as a provider of its own
// is reached: with its connections, its loads, its limit and its lock for interactive
// calls.
func (s *Stack) pooled(a *adapter) error {
	names := a.Config.HostNames()
	var endpoints []string
	for i, pc := range a.Config.Members() {
		m := &adapter{Configured: Configured{Config: pc, Host: names[i]}, headers: a.headers, tls: a.tls}
		if err := s.reach(m); err != nil {
			return err
		}
		a.members = append(a.members, m)
		endpoints = append(endpoints, m.Endpoint)
	}
	a.Endpoint = strings.Join(endpoints, ", ")
	a.through = func() string {
		for _, m := range a.members {
			if m.through == nil {
				continue
			}
			if through := m.through(); through != "" {
				return through
			}
		}
		return ""
	}
	first := a.members[0] // all have the same key and headers
	if first.ready != nil {
		a.ready = first.ready
	}
	a.renew = func(cfg *config.Loaded) {
		for _, m := range a.members {
			if m.renew != nil {
				m.renew(cfg)
			}
		}
		a.headers.renew(cfg)
	}
	c := pool.Config{
		Name: a.Config.Name, Model: a.Config.Model, Paid: a.Config.Kind == config.KindOpenAI && paid(&a.Configured),
		Whole: priority.IsBatch, Redact: s.secrets.Text, Warn: s.warn, Progress: s.options.Progress, Observe: s.observeHosts(a.Config.Name),
	}
	if dir := s.options.StateDir; dir != "" && s.cfg.Log != config.LogOff {
		c.Noted = (&reporter{dir: dir, name: a.Config.Name, last: map[string]HostReport{}}).note
	}
	for i, m := range a.members {
		c.Hosts = append(c.Hosts, s.host(m, a.Config.Hosts[i]))
	}
	p, err := pool.New(c)
	a.Provider, a.pool, a.limited = p, p, p
	return err
}

// host is a member as the pool shares calls out to it.
func (s *Stack) host(m *adapter, h config.Host) pool.Host {
	engine := s.engine(m)
	out := pool.Host{
		Name: m.Host, Provider: &clean{s.layers(m), s.secrets}, Weight: h.Weight,
		Slots:  s.slotsOf(m),
		Yields: func(ctx context.Context) bool { return priority.IsBatch(ctx) && !engine.Free() },
	}
	if dir := s.options.StateDir; dir != "" {
		out.Drained = func() bool { return drained(dir, m.Config.Name, m.Host) }
	}
	if h.Wake != "" {
		policy := s.policy()
		out.Wake = func(ctx context.Context) error { return policy.Wake(ctx, h.Wake) }
	}
	if m.preload != nil && m.here {
		out.Room = (&rooms{m: m}).fits
	}
	return out
}

// slotsOf is how many calls a member may have at a time.
func (s *Stack) slotsOf(m *adapter) func() int {
	most := m.Config.MaxConcurrent
	if s.options.Pace == nil {
		return func() int { return most }
	}
	limiter := s.pace(m)
	return func() int {
		if n := limiter.Limit(); most == 0 || n < most {
			return n
		}
		return most
	}
}

// observeHosts tells of hosts that gave a call back, as the router tells of targets.
func (s *Stack) observeHosts(name string) func(pool.Event) {
	if s.options.Observe == nil {
		return nil
	}
	return func(e pool.Event) {
		s.options.Observe(router.Event{Type: router.Failed, Provider: name + "/" + e.Host, Model: e.Model, Err: e.Err, Took: e.Took, Try: 1})
	}
}

// rooms forecasts whether models fit into the memory of a host that is this machine.
type rooms struct {
	m     *adapter
	mu    sync.Mutex
	known map[string]room
}

type room struct {
	fits, known bool
	at          time.Time
}

// roomFresh is how long a forecast counts.
const roomFresh = 10 * time.Second

func (r *rooms) fits(ctx context.Context, model string) (fits, known bool) {
	r.mu.Lock()
	now := r.known[model]
	r.mu.Unlock()
	if time.Since(now.at) < roomFresh {
		return now.fits, now.known
	}
	now = room{at: time.Now()}
	if info, err := r.m.ollama.Inspect(ctx, model); err == nil {
		if memory, _, err := preload.MemoryOf(ctx, r.m.preload, info); err == nil && memory.Fit != "" {
			now.fits, now.known = memory.Fit == vram.Fits, true
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil {
		r.known = map[string]room{}
	}
	r.known[model] = now
	return now.fits, now.known
}

// Pool is how the hosts of a provider fare, as far as is known without asking them; ok
// is false where it has no hosts.
func (s *Stack) Pool(name string) (p *pool.Pool, ok bool) {
	a := s.adapters[name]
	if a == nil || a.pool == nil {
		return nil, false
	}
	return a.pool, true
}

// Hosts are the hosts of a provider, each as a provider on its own; nil: it has none.
func (s *Stack) Hosts(name string) []Configured {
	a := s.adapters[name]
	if a == nil {
		return nil
	}
	var out []Configured
	for _, m := range a.members {
		out = append(out, *s.configured(m, m.limited))
	}
	return out
}

// servers are the adapters of what a provider's calls go to: its hosts, or itself.
func (a *adapter) servers() []*adapter {
	if len(a.members) > 0 {
		return a.members
	}
	return []*adapter{a}
}

// askable are the servers that are not known to be down.
func (a *adapter) askable() []*adapter {
	if a.pool == nil {
		return a.servers()
	}
	states := a.pool.Status()
	var out []*adapter
	for i, m := range a.members {
		if states[i].State == pool.StateUp || states[i].State == pool.StateUnknown {
			out = append(out, m)
		}
	}
	return out
}

// isOllama reports whether calls go to an Ollama, or several.
func (a *adapter) isOllama() bool { return a.servers()[0].ollama != nil }

// askTimeout is how long a host may take to describe a model.
const askTimeout = 2 * time.Second

// can is what a model can do, as the first host says that tells.
func (a *adapter) can(ctx context.Context, model string) (can []provider.Capability, known bool) {
	for _, m := range a.askable() {
		ctx, cancel := context.WithTimeout(ctx, askTimeout)
		can, known = m.ollama.Can(ctx, model)
		cancel()
		if known {
			return can, true
		}
	}
	return nil, false
}

// present reports whether any host has a model.
func (a *adapter) present(ctx context.Context, model string) (present, known bool) {
	for _, m := range a.askable() {
		ctx, cancel := context.WithTimeout(ctx, askTimeout)
		p, k := m.ollama.Present(ctx, model)
		cancel()
		if known = known || k; p {
			return true, true
		}
	}
	return false, known
}

// runsRemotely reports whether any host is known to have a model run elsewhere.
func (a *adapter) runsRemotely(ctx context.Context, model string) bool {
	return slices.ContainsFunc(a.askable(), func(m *adapter) bool {
		ctx, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		return m.ollama.RunsRemotely(ctx, model)
	})
}
