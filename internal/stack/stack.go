// Package stack assembles the program from its configuration. It is the one
// place that sees config and adapters both: reading [Open] from top to bottom
// is reading how a prompt travels.
package stack

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/engine"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/redact"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/internal/toolset"
	"github.com/tandem-llm/tandem/internal/vram"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
	"github.com/tandem-llm/tandem/provider/openai"
	"github.com/tandem-llm/tandem/provider/router"
)

// Options are what the configuration does not say.
type Options struct {
	// StateDir is where the managed engines keep their state and logs.
	StateDir string
	// Progress, if not nil, is told what is waited for, such as an engine
	// that starts.
	Progress func(string)
	// Prober looks at the machine's memory. The zero Prober looks at this one.
	Prober vram.Prober
	// LoadCommand is a command line, such as tandem's `models load`, that goes
	// on with a load under way when the stack is closed: it gets --provider,
	// --num-ctx and the model. Empty: such a load ends with the stack.
	LoadCommand []string
	// Supervisor overrides the command that supervises a managed engine.
	Supervisor []string
	// Observe, if not nil, is told what the router does as it does it.
	Observe func(router.Event)
	// EngineEnv is added to a managed engine's environment, KEY=value.
	EngineEnv []string
	// Version is the program's own, for the log.
	Version string
	// Warn, if not nil, is told what went wrong beside an answer, such as a
	// model that has spilled to the CPU. It and Progress must be safe for
	// concurrent use where the stack is used so.
	Warn func(string)
	// Environ is the environment, KEY=value: for telemetry, and for the programs
	// that are started.
	Environ []string
	// Secrets knows the keys that are to be shown and written nowhere, and is told
	// those that the stack comes to know. Nil: it knows those only.
	Secrets *redact.Redactor
	// Answers are recorded, replayed or kept for the next time.
	Answers Answers
}

// Stack is the assembled program: ask it as the provider it is.
type Stack struct {
	provider.Provider // the router, and what is around it
	Targets           []Configured
	cfg               *config.Loaded
	transports        []*httpx.Transport
	options           Options
	loads             loads
	writer            *store.Writer // nil: nothing is written down
	book              *store.Book
	warn              func(string)
	flush             func()            // sends what telemetry is left; nil: there is none
	cache             *Cache            // nil: none is used
	collections       *store.Store      // nil: there is no directory for it
	lookups           provider.Provider // records or replays what is found; nil: neither
	secrets           *redact.Redactor
	tools             *toolset.Set
}

// Configured is one configured provider.
type Configured struct {
	Config   config.Provider
	Provider provider.Provider
	Engine   *engine.Engine // nil: not managed
	Endpoint string         // scheme://host:port
	// Keyless is Provider as somebody without its key would see it; nil when it
	// has no key.
	Keyless provider.Provider
	// through is who a server that the user says to be local has answered
	// through, or "". Nil: nobody, ever.
	through  func() string
	notLocal func(context.Context) (why, remedy string)
}

// Open assembles the stack. It makes no call, reads no key and starts nothing:
// that waits until a target's turn comes.
func Open(cfg *config.Loaded, o Options) (*Stack, error) {
	if o.Answers.Replay != "" {
		return replaying(cfg, o.Answers)
	}
	s := &Stack{cfg: cfg, warn: o.Warn, options: o, secrets: o.Secrets}
	if s.secrets == nil {
		s.secrets = &redact.Redactor{}
	}
	if err := s.keep(o); err != nil {
		return nil, err
	}
	if o.StateDir != "" {
		s.collections = store.New(o.StateDir)
	}
	s.tools = toolset.New(s.toolsetConfig())
	var targets []router.Target
	for _, pc := range cfg.Providers {
		t := Configured{Config: pc}
		transport := httpx.NewTransport(httpx.Options{
			Policy:  s.policy(),
			Secrets: s.secrets,
			Connect: time.Duration(pc.Timeouts.Connect), FirstToken: time.Duration(pc.Timeouts.FirstToken), Idle: time.Duration(pc.Timeouts.Idle),
			MaxAnswer: int64(cfg.MaxAnswer),
		})
		s.transports = append(s.transports, transport)
		var rt router.Target
		var err error
		switch pc.Kind {
		case config.KindOllama:
			err = s.ollama(&t, transport, o)
		case config.KindOpenAI:
			rt.Ready, err = s.openai(&t, transport)
		default:
			err = fmt.Errorf("provider %s: kind %q is neither %s nor %s", pc.Name, pc.Kind, config.KindOllama, config.KindOpenAI)
		}
		if err != nil {
			return nil, err
		}
		s.route(&t, &rt)
		t.notLocal = s.notLocal(&t)
		s.Targets = append(s.Targets, t)
		rt.Local, rt.NotLocal = s.local(&t), t.notLocal
		targets = append(targets, rt)
	}
	r, err := router.NewWith(router.Config{Use: cfg.Use, Targets: targets, Policy: policy(cfg), Offline: cfg.Offline, Observe: o.Observe, Explain: s.refused})
	if err != nil {
		return nil, err
	}
	p, err := s.kept(s.patient(r), o)
	if err != nil {
		return nil, err
	}
	s.Provider = s.logged(p, o)
	s.trace(o)
	return s, nil
}

func (s *Stack) ollama(t *Configured, transport *httpx.Transport, o Options) error {
	pc := t.Config
	w := &warm{cfg: pc, loads: &s.loads, o: &s.options}
	c := ollama.Config{
		Name: pc.Name, Host: pc.Host, Model: pc.Model, NumCtx: pc.NumCtx, Options: pc.Options,
		Transport: transport, LocalOnly: s.cfg.Offline, Privacy: provider.Privacy(s.cfg.Privacy),
	}
	if pc.NumCtx == config.WindowAuto {
		c.NumCtx, c.Window = 0, w.window
	}
	if pc.KeepAlive != nil {
		keep := time.Duration(*pc.KeepAlive)
		c.KeepAlive = &keep
	}
	p, err := ollama.New(c)
	if err != nil {
		return err
	}
	t.Endpoint = p.Endpoint()
	host, ok := loopbackHost(p.Endpoint())
	if w.adapter, w.server, w.here = p, p, ok; pc.Timeouts.FirstToken > 0 || pc.Timeouts.Idle > 0 {
		if w.server, err = s.unhurried(pc, c); err != nil {
			return err
		}
	}
	w.Provider, t.Provider = p, w
	if base, err := ollama.ParseHost(pc.Host); err != nil || strings.Trim(base.Path, "/") != "" {
		ok = false // behind a path is a proxy, which tandem cannot start
	}
	if !ok || (pc.Managed != nil && !*pc.Managed) {
		return nil
	}
	ec := engine.Config{
		Host: host, Binary: pc.Binary, Idle: time.Duration(pc.Idle),
		Dir: engine.StateDir(o.StateDir, host), Supervisor: o.Supervisor,
		Env: o.EngineEnv,
	}
	private := ec
	private.Env = append(slices.Clip(ec.Env), "OLLAMA_NO_CLOUD=1") // it then has nothing run elsewhere
	if s.cfg.Offline || s.cfg.Privacy == config.PrivacyLocal {
		ec = private
	}
	t.Engine = engine.New(ec)
	w.engine = t.Engine
	t.Provider = &managed{Provider: w, engine: t.Engine, private: engine.New(private), progress: o.Progress}
	return nil
}

func (s *Stack) openai(t *Configured, transport *httpx.Transport) (ready func(context.Context) error, err error) {
	pc := t.Config
	c := openai.Config{
		Name: pc.Name, BaseURL: pc.BaseURL, Model: pc.Model, Organization: pc.Organization, Project: pc.Project,
		MaxTokensField: pc.MaxTokensField, Options: pc.Options, Transport: transport,
		Local: pc.Local, LocalOnly: s.cfg.Offline,
	}
	bare, err := openai.New(c) // finds the mistakes in the configuration now
	if err != nil {
		return nil, err
	}
	t.Endpoint = bare.Endpoint()
	if pc.APIKey == "" {
		t.Provider, t.through = bare, bare.Through
		return nil, nil
	}
	var built atomic.Pointer[openai.Provider]
	t.through = func() string {
		if p := built.Load(); p != nil {
			return p.Through()
		}
		return ""
	}
	k := &keyed{name: pc.Name, build: func() (provider.Provider, error) {
		key, err := s.cfg.Key(pc.Name)
		if err != nil {
			return nil, &provider.Error{Kind: provider.Denied, Provider: pc.Name, Err: err}
		}
		c := c
		c.Key = key.Reveal()
		s.secrets.Add(c.Key)
		p, err := openai.New(c)
		if err != nil {
			return nil, err
		}
		built.Store(p)
		return p, nil
	}}
	t.Provider, t.Keyless = k, bare
	return func(context.Context) error { _, err := k.get(); return err }, nil
}

// Target returns the configured provider of that name.
func (s *Stack) Target(name string) (Configured, bool) {
	for _, t := range s.Targets {
		if t.Config.Name == name {
			return t, true
		}
	}
	return Configured{}, false
}

// Has reports whether a provider of that name is configured.
func (s *Stack) Has(name string) bool {
	_, ok := s.Target(name)
	return ok
}

// Defaults writes the configuration's defaults into a request.
func (s *Stack) Defaults(req *provider.Request) {
	c := s.cfg
	req.Temperature, req.TopP, req.Seed, req.MaxTokens = c.Temperature, c.TopP, c.Seed, c.MaxTokens
	req.Stop, req.Think = c.Stop, provider.Thinking(c.Think)
	if c.Privacy == string(provider.PrivacyLocal) {
		req.Privacy = provider.PrivacyLocal
	}
}

// Config is what the stack was made from.
func (s *Stack) Config() *config.Loaded { return s.cfg }

// Close hands loads under way to LoadCommand, waits until everything is written
// down, sends what telemetry is left, in about a second at most, and frees the
// connections. The managed engines stay.
func (s *Stack) Close() {
	s.loads.close(s.handOver)
	s.tools.Close()
	s.written()
	if s.flush != nil {
		s.flush()
	}
	if s.cache != nil {
		_ = s.cache.Close() // every answer was committed when it was put
	}
	if s.collections != nil {
		_ = s.collections.Close() // every passage was committed when it was put
	}
	for _, t := range s.transports {
		t.CloseIdleConnections()
	}
}
