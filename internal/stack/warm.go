package stack

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/engine"
	"github.com/tandem-llm/tandem/internal/vram"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
)

// warm sees to it that Ollama's model is in memory before it is asked: with
// the window that the request needs, apart from the request, so that neither
// its clocks nor its caller's patience run meanwhile, and only if it fits as
// the configuration demands. It asks what is loaded when a model's turn comes
// first, and after keep_alive without use: one round trip.
type warm struct {
	provider.Provider                  // chats
	adapter           *ollama.Provider // the same
	server            *ollama.Provider // the same server, without the clocks of an answer
	cfg               config.Provider
	here              bool           // the server is on this machine, by its very address
	engine            *engine.Engine // nil: not managed
	loads             *loads
	o                 *Options

	mu      sync.Mutex
	known   map[string]known
	looked  time.Time // when machine was looked at
	machine vram.Machine
}

var (
	_ provider.Wrapper  = (*warm)(nil)
	_ provider.Loader   = (*warm)(nil)
	_ provider.Unloader = (*warm)(nil)
)

// Unwrap returns the adapter.
func (w *warm) Unwrap() provider.Provider { return w.Provider }

// Chat has the model loaded if need be, and asks.
func (w *warm) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		waited, err := w.ready(ctx, &req)
		if err != nil {
			yield(provider.Chunk{}, err)
			return
		}
		for c, err := range w.Provider.Chat(ctx, req) {
			if c.Finish != "" {
				w.answered(ctx, &req)
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

// answered notes that a model was there, whatever the server tells of it.
func (w *warm) answered(ctx context.Context, req *provider.Request) {
	model := w.adapter.Model(req.Model)
	window := w.of(model).window
	if w.cfg.NumCtx != config.WindowAuto {
		window, _ = w.adapter.Window(ctx, req) // the request was answered: it is well
	}
	w.note(model, func(k *known) { k.used, k.window = time.Now(), window })
}

// ready returns nil when the model is in memory, or the chat itself should
// find out what is the matter; waited is how long a load was waited for.
func (w *warm) ready(ctx context.Context, req *provider.Request) (waited time.Duration, err error) {
	if err := w.adapter.Check(req); err != nil {
		return 0, err
	}
	model := w.adapter.Model(req.Model)
	if l := w.loads.find(w.key(model)); l != nil {
		return w.await(ctx, l)
	}
	before := w.of(model)
	stale := time.Since(before.used) >= w.keepAlive()
	var running []provider.RunningModel
	if stale {
		if running, err = w.running(ctx); err != nil {
			return 0, ctx.Err()
		}
		if m, ok := loaded(running, model); ok && before.window == 0 && w.cfg.NumCtx == config.WindowAuto {
			w.note(model, func(k *known) { k.window = m.Context })
		}
	}
	window, err := w.adapter.Window(ctx, req)
	if err != nil || before.elsewhere || !stale && window == before.window {
		return 0, err
	}
	if !stale {
		if running, err = w.running(ctx); err != nil {
			return 0, ctx.Err()
		}
	}
	if m, ok := loaded(running, model); ok && (window == 0 || m.Context == 0 || m.Context == window) {
		w.note(model, func(k *known) { k.used, k.window = time.Now(), window })
		return 0, w.measured(ctx, model, m, false)
	}
	return w.cold(ctx, model, window, running)
}

// cold loads a model that is not in memory, or not with that window.
func (w *warm) cold(ctx context.Context, model string, window int, running []provider.RunningModel) (waited time.Duration, err error) {
	info, err := w.server.Inspect(ctx, model)
	if err != nil {
		return 0, ctx.Err() // the chat tells it better
	}
	if info.Remote != "" {
		w.note(model, func(k *known) { k.used, k.window, k.elsewhere = time.Now(), window, true })
		return 0, nil
	}
	if m, ok := loaded(running, model); ok && info.Context > 0 && window > info.Context && m.Context == info.Context {
		w.note(model, func(k *known) { k.used, k.window = time.Now(), window }) // the server gives it no more
		return 0, w.measured(ctx, model, m, false)
	}
	if err := w.fits(ctx, model, info, window, running); err != nil {
		return 0, err
	}
	if err := w.loads.failed(w.key(model)); err != nil && w.cfg.WhileLoading == config.LoadingFallback {
		return 0, err
	}
	l := w.loads.start(w.key(model), window, w.patience(), func(ctx context.Context) error {
		if err := w.server.LoadWindow(ctx, model, window, briefly); err != nil {
			return err
		}
		w.note(model, func(k *known) { k.used, k.window = time.Now(), window })
		return nil
	})
	waited, err = w.await(ctx, l)
	if err != nil {
		k := provider.KindOf(err)
		if ctx.Err() != nil || errors.Is(err, provider.ErrLoading) || k == provider.OutOfMemory || k == provider.Timeout {
			return waited, err
		}
		return waited, nil // the chat tells it better
	}
	if running, err = w.running(ctx); err != nil {
		return waited, ctx.Err()
	}
	if m, ok := loaded(running, model); ok {
		return waited, w.measured(ctx, model, m, true)
	}
	return waited, nil
}

// briefly is how long a model that was loaded for a request waits for it, where
// keep_alive is less.
const briefly = time.Minute

// await waits for a load, or says that it is under way.
func (w *warm) await(ctx context.Context, l *loading) (time.Duration, error) {
	if w.cfg.WhileLoading == config.LoadingFallback {
		return 0, &provider.Error{Kind: provider.Unavailable, Provider: w.Name(), Model: l.key.model, Err: provider.ErrLoading}
	}
	start := time.Now()
	err := l.wait(ctx, w.o.Progress)
	if err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		err = provider.Errorf(provider.Timeout, w.Name(), l.key.model, "it was not in memory within %s; raise timeouts.load, or take a smaller model", w.patience())
	}
	return time.Since(start), err
}

// Load brings a model into memory and waits for it, as long as ctx lasts: who
// asks for no more than that may also give it up.
func (w *warm) Load(ctx context.Context, model string) error { return w.LoadWindow(ctx, model, 0) }

// LoadWindow is Load with a window of so many tokens; 0: the one that chats
// use.
func (w *warm) LoadWindow(ctx context.Context, model string, window int) error {
	ctx, cancel := context.WithTimeout(ctx, w.patience())
	defer cancel()
	model = w.adapter.Model(model)
	info, err := w.server.Inspect(ctx, model)
	if err != nil {
		return err
	}
	if info.Remote != "" {
		return provider.Errorf(provider.Unsupported, w.Name(), model, "%s runs it: there is nothing to load here", info.Remote)
	}
	if window == 0 {
		if window, err = w.adapter.Window(ctx, &provider.Request{Model: model}); err != nil {
			return err
		}
	}
	running, err := w.running(ctx)
	if err != nil {
		return err
	}
	if err := w.fits(ctx, model, info, window, running); err != nil {
		return err
	}
	if err := w.server.LoadWindow(ctx, model, window, 0); err != nil {
		return err
	}
	if running, err = w.running(ctx); err != nil {
		return err
	}
	m, ok := loaded(running, model)
	if !ok {
		return nil // keep_alive: 0
	}
	return w.measured(ctx, model, m, true)
}

// Unload takes a model out of memory, and returns when it is out: the server
// says so a little earlier.
func (w *warm) Unload(ctx context.Context, model string) error {
	model = w.adapter.Model(model)
	w.note(model, func(k *known) { k.used = time.Time{} })
	if err := w.server.Unload(ctx, model); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, unloadPatience, errStays)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		running, err := w.server.Running(ctx)
		if _, ok := loaded(running, model); err == nil && !ok {
			return nil
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if errors.Is(context.Cause(ctx), errStays) {
				return provider.Errorf(provider.Unavailable, w.Name(), model, "it is still in memory after %s: it is being used", unloadPatience)
			}
			return ctx.Err()
		}
	}
}

const unloadPatience = 10 * time.Second

var errStays = errors.New("the model stays in memory")

const lookFresh = 3 * time.Second
