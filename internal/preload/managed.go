package preload

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/tandem-llm/tandem/internal/engine"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
)

// ManagedConfig says which engine a provider has.
type ManagedConfig struct {
	Engine *engine.Engine
	// Private is the same engine as it is started for a prompt that may not leave
	// this machine.
	Private *engine.Engine
	// Progress, if not nil, is told that the engine starts.
	Progress func(string)
}

// Managed is a provider whose engine is started when a call finds that nothing
// listens. Nothing was sent then, so that asking again is not a retry.
//
// A server that answered and was not started by Tandem is somebody else's. When it is
// gone, this process does not take its place: the engine that it would start may have
// other models, and would hold the port when the server comes back.
type Managed struct {
	provider.Provider
	cfg     ManagedConfig
	foreign atomic.Bool // the server that answered last is somebody else's
}

var (
	_ provider.Wrapper  = (*Managed)(nil)
	_ provider.Embedder = (*Managed)(nil)
)

// NewManaged returns p, whose engine is started when it is needed.
func NewManaged(p provider.Provider, cfg ManagedConfig) *Managed {
	return &Managed{Provider: p, cfg: cfg}
}

// Unwrap returns the provider whose engine is managed.
func (m *Managed) Unwrap() provider.Provider { return m.Provider }

// Chat asks, starts the engine if need be, and asks again.
func (m *Managed) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		refused, more := error(errStopping), true
		if !m.cfg.Engine.KeepAlive() {
			refused, more = m.ask(ctx, req, yield, true)
		}
		if !more {
			return
		}
		if err := m.start(ctx, req.Privacy, refused); err != nil {
			yield(provider.Chunk{}, err)
			return
		}
		_, _ = m.ask(ctx, req, yield, false) // it has told the caller everything
	}
}

// errStopping: the engine is being stopped because it was not used.
var errStopping = &provider.Error{Kind: provider.Unavailable}

// errGone: a server answered that Tandem did not start, and no longer does.
var errGone = errors.New("the Ollama that answered before has stopped, and Tandem did not start it; start it again")

// useEvery is how often an answer under way counts as a use of the engine.
const useEvery = time.Second

// ask makes the call. With mayStart it keeps back the error that nothing
// listens, and reports that there is more to do.
func (m *Managed) ask(ctx context.Context, req provider.Request, yield func(provider.Chunk, error) bool, mayStart bool) (refused error, more bool) {
	counted := time.Now()
	for c, err := range m.Provider.Chat(ctx, req) {
		if err != nil && mayStart && httpx.Refused(err) {
			return err, true
		}
		if mayStart {
			m.answered(err)
		}
		if now := time.Now(); now.Sub(counted) > useEvery {
			m.cfg.Engine.KeepAlive() // what it says is for callers who have no answer yet
			counted = now
		}
		if !yield(c, err) {
			return nil, false
		}
		mayStart = false
	}
	return nil, false
}

// Models starts the engine if need be.
func (m *Managed) Models(ctx context.Context) ([]provider.Model, error) {
	refused := error(errStopping)
	if !m.cfg.Engine.KeepAlive() {
		models, err := m.Provider.Models(ctx)
		if err == nil || !httpx.Refused(err) {
			m.answered(err)
			return models, err
		}
		refused = err
	}
	if err := m.start(ctx, provider.PrivacyAny, refused); err != nil {
		return nil, err
	}
	return m.Provider.Models(ctx)
}

// Embed starts the engine if need be. Errors, besides the provider's:
// Unsupported, when it does not make embeddings.
func (m *Managed) Embed(ctx context.Context, req provider.EmbedRequest) (provider.EmbedResponse, error) {
	inner, ok := provider.As[provider.Embedder](m.Provider)
	if !ok {
		return provider.EmbedResponse{}, provider.Errorf(provider.Unsupported, m.Name(), req.Model, "it does not make embeddings")
	}
	refused := error(errStopping)
	if !m.cfg.Engine.KeepAlive() {
		r, err := inner.Embed(ctx, req)
		if err == nil || !httpx.Refused(err) {
			m.answered(err)
			return r, err
		}
		refused = err
	}
	if err := m.start(ctx, req.Privacy, refused); err != nil {
		return provider.EmbedResponse{}, err
	}
	return inner.Embed(ctx, req)
}

// answered notes whose server it is that a call reached; err is how the call ended.
func (m *Managed) answered(err error) {
	if err == nil {
		m.foreign.Store(!m.cfg.Engine.Started())
	}
}

// start starts the engine, for a prompt of that privacy; a failure to do so says
// why it was needed. An engine that runs already stays as it was started.
func (m *Managed) start(ctx context.Context, privacy provider.Privacy, refused error) error {
	if refused != errStopping && m.foreign.Load() { //nolint:errorlint // it is this very one, or what a server said
		return &provider.Error{Kind: provider.Unavailable, Provider: m.Name(), Err: fmt.Errorf("%w: %w", errGone, refused)}
	}
	e := m.cfg.Engine
	if privacy == provider.PrivacyLocal {
		e = m.cfg.Private
	}
	err := e.Ensure(ctx, progressOf(ctx, m.cfg.Progress))
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &provider.Error{Kind: provider.KindOf(refused), Provider: m.Name(), Err: err, Final: true}
}
