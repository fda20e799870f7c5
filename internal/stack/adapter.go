package stack

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/engine"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/preload"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
	"github.com/tandem-llm/tandem/provider/openai"
	"github.com/tandem-llm/tandem/provider/pool"
)

// adapter is a configured provider as its server is reached. A reload that does not
// change it keeps it.
type adapter struct {
	Configured                             // whose Provider is the adapter itself
	ready      func(context.Context) error // looks its key and headers up; nil: it needs none
	renew      func(*config.Loaded)        // has them looked up anew; nil: it needs none
	ollama     *ollama.Provider            // nil: it is of another kind
	server     *ollama.Provider            // ollama without the timeouts of an answer
	here       bool                        // the server is on this machine, by its very address
	managed    *preload.ManagedConfig      // nil: Tandem does not start its engine
	preload    *preload.Provider           // around ollama
	limited    provider.Provider           // the adapter and the layers that know what calls are under way
	members    []*adapter                  // of a provider with several hosts, one for each
	pool       *pool.Pool                  // that shares calls out to them; nil: it has one
	transports []*httpx.Transport
	headers    *headers
	listed     atomic.Pointer[[]provider.Model] // the models that it listed last; nil: it was not asked
	tls        *tls.Config
}

// adapter is the provider's adapter: that of the stack before a reload, if neither
// its configuration nor what all adapters share has changed.
func (s *Stack) adapter(pc config.Provider) (a *adapter, err error) {
	if a = s.before.unchanged(pc, s.cfg); a != nil {
		return a, nil
	}
	a = &adapter{Configured: Configured{Config: pc}, headers: &headers{provider: pc, secrets: s.secrets, cfg: s.cfg}}
	if why := s.cfg.Untrusted(pc.Name); why != nil {
		a.refuse(why)
		return a, nil
	}
	a.tls, a.headers.invalid = clientTLS(pc.TLS)
	if a.headers.needed() {
		a.ready = func(context.Context) error { _, err := a.headers.get(); return err }
		a.renew = a.headers.renew
	}
	if len(pc.Hosts) > 0 {
		return a, s.pooled(a)
	}
	return a, s.reach(a)
}

// reach reaches one server, by the kind of its provider.
func (s *Stack) reach(a *adapter) error {
	switch pc := a.Config; pc.Kind {
	case config.KindOllama:
		return s.ollama(a)
	case config.KindOpenAI:
		return s.openai(a)
	default:
		return fmt.Errorf("provider %s: kind %q is neither %s nor %s", pc.Name, pc.Kind, config.KindOllama, config.KindOpenAI)
	}
}

// transport is a new way to a provider's server, with the timeouts of an answer.
func (s *Stack) transport(a *adapter) *httpx.Transport {
	pc := a.Config
	var observe func(http.Header)
	if s.options.Pace != nil {
		observe = func(h http.Header) { s.pace(a).Observe(h) } // when the engine is known
	}
	return a.keep(httpx.Options{
		Observe: observe, Policy: s.policy(), Secrets: s.secrets, MaxAnswer: int64(s.cfg.MaxAnswer),
		Connect: time.Duration(pc.Timeouts.Connect), FirstToken: time.Duration(pc.Timeouts.FirstToken), Idle: time.Duration(pc.Timeouts.Idle),
	})
}

// withoutTimeouts is a new way to a provider's server for loads, and for questions
// about them.
func (s *Stack) withoutTimeouts(a *adapter) *httpx.Transport {
	return a.keep(httpx.Options{Policy: s.policy(), Secrets: s.secrets, Connect: time.Duration(a.Config.Timeouts.Connect)})
}

func (a *adapter) keep(o httpx.Options) *httpx.Transport {
	if o.TLS = a.tls; a.headers.needed() {
		o.Header = a.headers.get
	}
	t := httpx.NewTransport(o)
	a.transports = append(a.transports, t)
	return t
}

func (a *adapter) closeIdle() {
	for _, t := range a.transports {
		t.CloseIdleConnections()
	}
	for _, m := range a.members {
		m.closeIdle()
	}
}

// ollama reaches an Ollama.
func (s *Stack) ollama(a *adapter) error {
	pc := a.Config
	c := ollama.Config{
		Name: pc.Name, Host: pc.Host, Model: pc.Model, NumCtx: pc.NumCtx, Options: pc.Options,
		RoundTripper: s.transport(a), LocalOnly: s.cfg.Offline, Privacy: provider.Privacy(s.cfg.Privacy),
	}
	if pc.NumCtx == config.WindowAuto {
		c.NumCtx, c.Window = 0, func(ctx context.Context, model string, need int) (int, error) {
			return a.preload.Window(ctx, model, need)
		}
	}
	if pc.KeepAlive != nil {
		keep := time.Duration(*pc.KeepAlive)
		c.KeepAlive = &keep
	}
	p, err := ollama.New(c)
	if err != nil {
		return err
	}
	a.Provider, a.ollama, a.server, a.Endpoint = p, p, p, p.Endpoint()
	if pc.Timeouts.FirstToken > 0 || pc.Timeouts.Idle > 0 {
		c.RoundTripper = s.withoutTimeouts(a)
		if a.server, err = ollama.New(c); err != nil {
			return err
		}
	}
	host, here := loopbackHost(p.Endpoint())
	a.here = here
	if base, err := ollama.ParseHost(pc.Host); err != nil || strings.Trim(base.Path, "/") != "" {
		here = false // behind a path is a proxy, which tandem cannot start
	}
	if here && (pc.Managed == nil || *pc.Managed) {
		s.manage(a, host)
	}
	return nil
}

// manage has the Ollama at host started when it is needed.
func (s *Stack) manage(a *adapter, host string) {
	o := &s.options
	c := engine.Config{
		Host: host, Binary: a.Config.Binary, Idle: time.Duration(a.Config.Idle),
		Dir: engine.StateDir(o.StateDir, host), Supervisor: o.Supervisor,
		Env: o.EngineEnv,
	}
	private := c
	private.Env = append(slices.Clip(c.Env), "OLLAMA_NO_CLOUD=1") // it then has nothing run elsewhere
	if s.cfg.KeepsLocal() {
		c = private
	}
	a.Engine = engine.New(c)
	a.managed = &preload.ManagedConfig{Engine: a.Engine, Private: engine.New(private), Progress: o.Progress}
}

// preloadConfig says how an Ollama's models are loaded.
func (s *Stack) preloadConfig(a *adapter) preload.Config {
	o := &s.options
	c := preload.Config{
		Provider: a.Config, Host: a.Host, Server: a.server, Here: a.here, CacheType: getenv(o.Environ)("OLLAMA_KV_CACHE_TYPE"),
		StateDir: o.StateDir, Prober: o.Prober, Loads: s.loads, Warn: o.Warn,
	}
	if e := a.Engine; e != nil {
		c.Ours = func(ctx context.Context) bool { return e.Status(ctx).Ours }
	}
	return c
}

// mayAnswerLoading reports whether any provider may answer that its model is being
// loaded.
func (s *Stack) mayAnswerLoading() bool {
	return slices.ContainsFunc(s.cfg.Providers, func(pc config.Provider) bool { return pc.WhileLoading == config.LoadingFallback })
}

// openai reaches an OpenAI-compatible API.
func (s *Stack) openai(a *adapter) error {
	pc := a.Config
	c := openai.Config{
		Name: pc.Name, BaseURL: pc.BaseURL, Model: pc.Model, Organization: pc.Organization, Project: pc.Project,
		KeyHeader: pc.APIKeyHeader, MaxTokensField: pc.MaxTokensField, Compat: openai.Compat(pc.Compat), Options: pc.Options, RoundTripper: s.transport(a),
		Local: pc.Local, LocalOnly: s.cfg.Offline,
	}
	bare, err := openai.New(c) // finds the mistakes in the configuration now
	if err != nil {
		return err
	}
	a.Endpoint = bare.Endpoint()
	if pc.APIKey == "" {
		a.Provider, a.through = bare, bare.Through
		return nil
	}
	var built atomic.Pointer[openai.Provider]
	a.through = func() string {
		if p := built.Load(); p != nil {
			return p.Through()
		}
		return ""
	}
	withKey := func(cfg *config.Loaded) func() (provider.Provider, error) {
		return func() (provider.Provider, error) {
			key, err := cfg.Key(pc.Name)
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
		}
	}
	k := &keyed{name: pc.Name, build: withKey(s.cfg)}
	a.Provider, a.Keyless = k, bare
	a.renew = func(cfg *config.Loaded) {
		k.renew(withKey(cfg))
		a.headers.renew(cfg)
	}
	a.ready = func(context.Context) error {
		if _, err := k.get(); err != nil {
			return err
		}
		_, err := a.headers.get()
		return err
	}
	return nil
}
