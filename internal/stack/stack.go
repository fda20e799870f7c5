// Package stack assembles the program from its configuration. It is the one
// place that sees config and adapters both. The order of the layers is in
// [Stack.assemble].
package stack

import (
	"context"
	"sync/atomic"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/collection"
	"github.com/tandem-llm/tandem/internal/engine"
	"github.com/tandem-llm/tandem/internal/pace"
	"github.com/tandem-llm/tandem/internal/preload"
	"github.com/tandem-llm/tandem/internal/priority"
	"github.com/tandem-llm/tandem/internal/redact"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/internal/telemetry"
	"github.com/tandem-llm/tandem/internal/toolset"
	"github.com/tandem-llm/tandem/internal/vram"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
	"github.com/tandem-llm/tandem/provider/limit"
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
	// Queued, if not nil, is told that a call waits because as many run as
	// max_concurrent of its provider allows. It must be safe for concurrent use.
	Queued func(provider string)
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
	// Pace, if not nil, finds out how many calls each provider serves at a time. The
	// limits of the configuration hold besides.
	Pace *pace.Set
}

// Stack is the assembled program: ask it as the provider it is.
type Stack struct {
	provider.Provider // the router, and what is around it

	Targets     []Configured
	Collections *collection.Catalog

	cfg       *config.Loaded
	adapters  map[string]*adapter
	router    *router.Router
	before    *Stack // while a reload assembles its successor
	replaced  atomic.Bool
	options   Options
	loads     *preload.Loads
	engines   *priority.Engines
	writer    *store.Writer // nil: there is no directory for what is written down
	book      *store.Book
	warn      func(string)
	telemetry *telemetry.Telemetry // nil: none
	cache     *Cache               // nil: none is used
	vectors   *store.Store         // nil: there is no directory for it
	secrets   *redact.Redactor
	tools     *toolset.Set
}

// Configured is one configured provider.
type Configured struct {
	Config   config.Provider
	Provider provider.Provider
	Engine   *engine.Engine // nil: not managed
	Endpoint string         // scheme://host:port; of one with several hosts all of theirs, with ", " between them
	Host     string         // which host of the provider it is; empty: all of it
	// Keyless is Provider as somebody without its key would see it; nil when it
	// has no key.
	Keyless provider.Provider
	// Untrusted is why the provider is not asked, and its program not run: the
	// project's file wants for it what the user has not granted. Nil: it may be.
	Untrusted error
	// through is who a server that the user says to be local has answered
	// through, or "". Nil: nobody, ever.
	through  func() string
	notLocal func(context.Context) (why, remedy string)
}

// Open assembles the stack. It makes no call, reads no key and starts nothing:
// that waits until a target's turn comes.
func Open(cfg *config.Loaded, o Options) (*Stack, error) {
	if o.Answers.Replay != "" {
		return replaying(cfg, o)
	}
	s := newStack(cfg, o)
	if err := s.openLog(); err != nil {
		return nil, err
	}
	s.telemetry = s.newTelemetry()
	if err := s.assemble(); err != nil {
		return nil, err
	}
	s.boundLog()
	return s, nil
}

func newStack(cfg *config.Loaded, o Options) *Stack {
	s := &Stack{cfg: cfg, warn: o.Warn, options: o, secrets: o.Secrets, adapters: map[string]*adapter{}}
	if s.secrets == nil {
		s.secrets = &redact.Redactor{}
	}
	s.loads = preload.NewLoads(preload.LoadsConfig{Progress: o.Progress, Command: o.LoadCommand, Environ: o.Environ, Warn: o.Warn})
	s.tools = toolset.New(s.toolsetConfig())
	s.engines = newEngines(&o)
	if o.StateDir != "" && o.Answers.Replay == "" {
		s.vectors = store.New(o.StateDir)
	}
	s.Collections = collection.NewCatalog(s.collectionConfig())
	return s
}

// assemble puts the layers around each other, from the socket to the caller. A
// request goes through them from the last line to the first.
func (s *Stack) assemble() error {
	var targets []router.Target
	for _, pc := range s.cfg.Providers {
		a, err := s.adapter(pc) // its key is looked up at the first call
		if err != nil {
			return err
		}
		if a.limited == nil { // new, or changed by a reload
			a.limited = s.layers(a)
		}
		p := &clean{&listing{a.limited, a}, s.secrets} // the layers around it write down and tell what it says
		l := ledger.New(p, s.ledgerConfig(a))
		s.adapters[pc.Name] = a
		t := s.configured(a, l)
		s.Targets = append(s.Targets, *t)
		targets = append(targets, s.target(a, t, l))
	}
	r, err := router.New(s.routerConfig(targets)) // holds each target to the request's schema, too
	if err != nil {
		return err
	}
	s.router = r
	p := provider.Provider(r)
	if s.mayAnswerLoading() {
		p = preload.WaitForLoad(p, s.loads)
	}
	if p, err = s.recordOrCache(p); err != nil {
		return err
	}
	if s.writer != nil && s.cfg.Log != config.LogOff {
		p = store.NewLog(p, s.logConfig())
	}
	s.Provider = &named{s.telemetry.Wrap(p, s.system), s} // the models by the names that the user gave them
	return nil
}

// layers puts the layers around the adapter of one server that know what calls are under
// way there.
func (s *Stack) layers(a *adapter) provider.Provider {
	p, pc := a.Provider, a.Config
	if a.ollama != nil {
		a.preload = preload.New(a.ollama, s.preloadConfig(a)) // the model is in memory first
		p = a.preload
	}
	if a.managed != nil {
		p = preload.NewManaged(p, *a.managed) // the engine runs
	}
	if n := pc.MaxConcurrent; n > 0 {
		p = limit.New(p, limit.Config{MaxConcurrent: n, Waiting: s.queued(pc.Name)})
	}
	if s.options.Pace != nil {
		p = pace.Around(p, s.pace(a))
	}
	p = priority.Around(p, s.engine(a)) // interactive calls before those of batches
	a.limited = wholeAnswers(p, a)
	return a.limited
}

// configured is a provider with its layers.
func (s *Stack) configured(a *adapter, p provider.Provider) *Configured {
	t := a.Configured
	t.Provider = p
	t.notLocal = s.notLocal(&t)
	return &t
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

// Paused is why no call is made to a provider now, because its last ones failed; empty:
// calls are made.
func (s *Stack) Paused(name string) string {
	if s.router == nil {
		return ""
	}
	return s.router.Paused(name)
}

// Breaker is the state of a provider's circuit breaker; empty: it has none.
func (s *Stack) Breaker(name string) router.BreakerState {
	if s.router == nil {
		return ""
	}
	return s.router.Breaker(name)
}

// Loads are the models that were loaded before they were asked, with how often.
func (s *Stack) Loads() []preload.Count { return s.loads.Counts() }

// Defaults writes the configuration's defaults into a request.
func (s *Stack) Defaults(req *provider.Request) {
	c := s.cfg
	req.Temperature, req.TopP, req.Seed, req.MaxTokens = c.Temperature, c.TopP, c.Seed, c.MaxTokens
	req.Stop, req.Think = c.Stop, provider.Thinking(c.Think)
	if c.Privacy == string(provider.PrivacyLocal) {
		req.Privacy = provider.PrivacyLocal
	}
}

// StateDir is where the log, conversations and collections are kept; "": nowhere.
func (s *Stack) StateDir() string { return s.options.StateDir }

// Config is what the stack was made from.
func (s *Stack) Config() *config.Loaded { return s.cfg }

// Close hands loads under way to LoadCommand, waits until everything is written
// down, sends what telemetry is left, in about a second at most, and frees the
// connections. The managed engines stay. A stack that was replaced by
// [Stack.Reload] has nothing to close.
func (s *Stack) Close() {
	if s.replaced.Load() {
		return
	}
	s.loads.Close()
	s.tools.Close()
	s.engines.Close()
	s.flushLog()
	s.telemetry.Close()
	if s.cache != nil {
		_ = s.cache.Close() // every answer was committed when it was put
	}
	if s.vectors != nil {
		_ = s.vectors.Close() // every passage was committed when it was put
	}
	for _, a := range s.adapters {
		a.closeIdle()
	}
}

// queued tells that a call of that provider waits; nil: nobody wants to know.
func (s *Stack) queued(name string) func() {
	if s.options.Queued == nil {
		return nil
	}
	return func() { s.options.Queued(name) }
}
