// Package preload has a local model in memory before it is asked: it loads the
// model apart from the request, chooses its context window, checks that it fits
// ([Provider]), starts an Ollama that is not running ([Managed]), and waits for a
// load if no other provider answers ([WaitForLoad]).
package preload

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/vram"
	"github.com/tandem-llm/tandem/provider"
)

// Server is an Ollama, as a preloader asks it.
type Server interface {
	provider.Provider
	provider.Inspector
	provider.Runner
	provider.Unloader
	// Model is the model that is asked for by that name, "" being the default.
	Model(name string) string
	// Check returns why the server cannot do what a request asks, or nil.
	Check(req *provider.Request) error
	// Window is how many tokens a request's model is loaded with; 0: as the server likes.
	Window(ctx context.Context, req *provider.Request) (int, error)
	// LoadWindow loads a model with a window, 0 being Window's. It stays in
	// memory for keep_alive, and at least for least.
	LoadWindow(ctx context.Context, model string, window int, least time.Duration) error
}

// Config says how one server's models are loaded.
type Config struct {
	Provider config.Provider // as configured
	// Host is which of the provider's hosts the server is. Empty: it has one.
	Host string
	// Server is the same server without the timeouts of an answer. Nil: the one
	// that chats.
	Server Server
	// Here says that the server is on this machine, by its very address.
	Here bool
	// Ours reports whether Tandem started the server. Nil: it did not.
	Ours func(context.Context) bool
	// CacheType is how a server of ours stores keys and values. Empty: f16.
	CacheType string
	// StateDir is where windows that were chosen are remembered.
	StateDir string
	// Prober looks at this machine's memory.
	Prober vram.Prober
	// Loads are all loads under way. Servers share them.
	Loads *Loads
	// Warn, if not nil, is told about a model that has spilled to the CPU. It must
	// be safe for concurrent use.
	Warn func(string)
}

// Provider is an Ollama whose model is loaded before it is asked: with the window
// that the request needs, apart from the request, so that no timeout of an answer
// runs meanwhile and a caller who leaves aborts no load, and only if it fits into
// memory as the configuration demands. What is in memory costs one round trip: it
// is asked at a model's first request, and again after keep_alive without use.
type Provider struct {
	provider.Provider // chats
	adapter           Server
	server            Server
	settings          config.Provider
	cfg               Config
	loads             *Loads

	mu     sync.Mutex
	models map[string]modelState
	seenAt time.Time // when seen was
	seen   vram.Machine
}

var (
	_ provider.Wrapper  = (*Provider)(nil)
	_ provider.Loader   = (*Provider)(nil)
	_ provider.Unloader = (*Provider)(nil)
)

// New returns adapter with its models loaded before they are asked. It makes no
// call.
func New(adapter Server, cfg Config) *Provider {
	p := &Provider{Provider: adapter, adapter: adapter, server: cfg.Server, settings: cfg.Provider, cfg: cfg, loads: cfg.Loads}
	if p.server == nil {
		p.server = adapter
	}
	return p
}

// Unwrap returns the adapter.
func (p *Provider) Unwrap() provider.Provider { return p.Provider }

// Chat has the model loaded if need be, and asks.
func (p *Provider) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		waited, err := p.ready(ctx, &req)
		if err != nil {
			yield(provider.Chunk{}, err)
			return
		}
		for c, err := range p.Provider.Chat(ctx, req) {
			if c.Finish != "" {
				p.recordAnswer(ctx, &req)
			}
			if c.Route != nil && waited > 0 {
				rt := *c.Route
				rt.FirstToken, rt.Total, rt.Load = rt.FirstToken+waited, rt.Total+waited, rt.Load+waited
				c.Route = &rt
			}
			if !yield(c, err) {
				return
			}
		}
	}
}

// recordAnswer notes that a model was there, whatever the server tells of it.
func (p *Provider) recordAnswer(ctx context.Context, req *provider.Request) {
	model := p.adapter.Model(req.Model)
	window := p.state(model).window
	if p.settings.NumCtx != config.WindowAuto {
		window, _ = p.adapter.Window(ctx, req) // the request was answered: it is well
	}
	p.update(model, func(k *modelState) { k.used, k.window = time.Now(), window })
}

// ready returns nil when the model is in memory, or the chat itself should
// find out what is the matter; waited is how long a load was waited for.
func (p *Provider) ready(ctx context.Context, req *provider.Request) (waited time.Duration, err error) {
	if err := p.adapter.Check(req); err != nil {
		return 0, err
	}
	model := p.adapter.Model(req.Model)
	if l := p.loads.find(p.keyOf(model)); l != nil {
		return p.await(ctx, l)
	}
	before := p.state(model)
	stale := time.Since(before.used) >= p.keepAlive()
	var running []provider.RunningModel
	if stale {
		if running, err = p.running(ctx); err != nil {
			return 0, ctx.Err()
		}
		if m, ok := loaded(running, model); ok && before.window == 0 && p.settings.NumCtx == config.WindowAuto {
			p.update(model, func(k *modelState) { k.window = m.Context })
		}
	}
	window, err := p.adapter.Window(ctx, req)
	if err != nil || before.remote || !stale && window == before.window {
		return 0, err
	}
	if !stale {
		if running, err = p.running(ctx); err != nil {
			return 0, ctx.Err()
		}
	}
	if m, ok := loaded(running, model); ok && (window == 0 || m.Context == 0 || m.Context == window) {
		p.update(model, func(k *modelState) { k.used, k.window = time.Now(), window })
		return 0, p.checkMeasured(ctx, model, m, false)
	}
	return p.load(ctx, model, window, running)
}

// load loads a model that is not in memory, or not with that window.
func (p *Provider) load(ctx context.Context, model string, window int, running []provider.RunningModel) (waited time.Duration, err error) {
	info, err := p.server.Inspect(ctx, model)
	if err != nil {
		return 0, ctx.Err() // the chat tells it better
	}
	if info.Remote != "" {
		p.update(model, func(k *modelState) { k.used, k.window, k.remote = time.Now(), window, true })
		return 0, nil
	}
	if m, ok := loaded(running, model); ok && info.Context > 0 && window > info.Context && m.Context == info.Context {
		p.update(model, func(k *modelState) { k.used, k.window = time.Now(), window }) // the server gives it no more
		return 0, p.checkMeasured(ctx, model, m, false)
	}
	if err := p.checkForecast(ctx, model, info, window, running); err != nil {
		return 0, err
	}
	if err := p.loads.failed(p.keyOf(model)); err != nil && p.settings.WhileLoading == config.LoadingFallback {
		return 0, err
	}
	l := p.loads.start(p.keyOf(model), info.Size, window, p.loadTimeout(), func(ctx context.Context) error {
		if err := p.server.LoadWindow(ctx, model, window, minKeepAlive); err != nil {
			return err
		}
		p.update(model, func(k *modelState) { k.used, k.window = time.Now(), window })
		return nil
	})
	waited, err = p.await(ctx, l)
	if err != nil {
		k := provider.KindOf(err)
		if ctx.Err() != nil || errors.Is(err, provider.ErrLoading) || k == provider.OutOfMemory || k == provider.Timeout {
			return waited, err
		}
		return waited, nil // the chat tells it better
	}
	if running, err = p.running(ctx); err != nil {
		return waited, ctx.Err()
	}
	if m, ok := loaded(running, model); ok {
		return waited, p.checkMeasured(ctx, model, m, true)
	}
	return waited, nil
}

// minKeepAlive is how long a model that was loaded for a request waits for it, where
// keep_alive is less.
const minKeepAlive = time.Minute

// await waits for a load, or says that it is under way.
func (p *Provider) await(ctx context.Context, l *load) (time.Duration, error) {
	if p.settings.WhileLoading == config.LoadingFallback {
		pendingOf(ctx).add(l)
		return 0, &provider.Error{Kind: provider.Unavailable, Provider: p.Name(), Model: l.key.model, Err: provider.ErrLoading}
	}
	start := time.Now()
	err := l.wait(ctx, p.loads.cfg.Progress)
	if err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		err = provider.Errorf(provider.Timeout, p.Name(), l.key.model, "it was not loaded within %s; raise timeouts.load, or use a smaller model", p.loadTimeout())
	}
	return time.Since(start), err
}

// Load brings a model into memory and waits for it, as long as ctx lasts: who
// asks for no more than that may also give it up.
func (p *Provider) Load(ctx context.Context, model string) error { return p.LoadWindow(ctx, model, 0) }

// LoadWindow is Load with a window of so many tokens; 0: the one that chats
// use.
func (p *Provider) LoadWindow(ctx context.Context, model string, window int) error {
	ctx, cancel := context.WithTimeout(ctx, p.loadTimeout())
	defer cancel()
	model = p.adapter.Model(model)
	info, err := p.server.Inspect(ctx, model)
	if err != nil {
		return err
	}
	if info.Remote != "" {
		return provider.Errorf(provider.Unsupported, p.Name(), model, "it runs on %s, so there is nothing to load here", info.Remote)
	}
	if window == 0 {
		if window, err = p.adapter.Window(ctx, &provider.Request{Model: model}); err != nil {
			return err
		}
	}
	running, err := p.running(ctx)
	if err != nil {
		return err
	}
	if err := p.checkForecast(ctx, model, info, window, running); err != nil {
		return err
	}
	if err := p.server.LoadWindow(ctx, model, window, 0); err != nil {
		return err
	}
	if running, err = p.running(ctx); err != nil {
		return err
	}
	m, ok := loaded(running, model)
	if !ok {
		return nil // keep_alive: 0
	}
	return p.checkMeasured(ctx, model, m, true)
}

// Unload takes a model out of memory, and returns when it is out: the server
// says so a little earlier.
func (p *Provider) Unload(ctx context.Context, model string) error {
	model = p.adapter.Model(model)
	p.update(model, func(k *modelState) { k.used = time.Time{} })
	if err := p.server.Unload(ctx, model); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, unloadTimeout, errStillLoaded)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		running, err := p.server.Running(ctx)
		if _, ok := loaded(running, model); err == nil && !ok {
			return nil
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if errors.Is(context.Cause(ctx), errStillLoaded) {
				return provider.Errorf(provider.Unavailable, p.Name(), model, "it is still in memory after %s, because it is in use", unloadTimeout)
			}
			return ctx.Err()
		}
	}
}

const unloadTimeout = 10 * time.Second

var errStillLoaded = errors.New("the model stays in memory")
