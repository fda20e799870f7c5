package stack

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/internal/engine"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
)

// managed starts the engine when a call finds that nothing listens. Nothing
// was sent then, so that asking again is no retry.
type managed struct {
	provider.Provider
	engine   *engine.Engine
	private  *engine.Engine // the same, as it is started for a prompt that may not leave this machine
	progress func(string)
}

var _ provider.Wrapper = (*managed)(nil)

// Unwrap returns the provider whose engine is managed.
func (m *managed) Unwrap() provider.Provider { return m.Provider }

// Chat asks, starts the engine if need be, and asks again.
func (m *managed) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		refused, more := error(errStopping), true
		if !m.engine.Keep() {
			refused, more = m.once(ctx, req, yield, true)
		}
		if !more {
			return
		}
		if err := m.start(ctx, req.Privacy, refused); err != nil {
			yield(provider.Chunk{}, err)
			return
		}
		_, _ = m.once(ctx, req, yield, false) // it has told the caller everything
	}
}

// errStopping: the engine is being stopped for want of use, and so is not asked.
var errStopping = &provider.Error{Kind: provider.Unavailable}

// noteEvery is how often an answer under way counts as a use of the engine.
const noteEvery = time.Second

// once makes the call. With mayStart it holds back the error that nothing
// listens, and reports that there is more to do.
func (m *managed) once(ctx context.Context, req provider.Request, yield func(provider.Chunk, error) bool, mayStart bool) (refused error, more bool) {
	noted := time.Now()
	for c, err := range m.Provider.Chat(ctx, req) {
		if err != nil && mayStart && httpx.Refused(err) {
			return err, true
		}
		if now := time.Now(); now.Sub(noted) > noteEvery {
			m.engine.Keep() // what it says is for callers who have no answer yet
			noted = now
		}
		if !yield(c, err) {
			return nil, false
		}
		mayStart = false
	}
	return nil, false
}

// Models starts the engine if need be.
func (m *managed) Models(ctx context.Context) ([]provider.Model, error) {
	if !m.engine.Keep() {
		models, err := m.Provider.Models(ctx)
		if err == nil || !httpx.Refused(err) {
			return models, err
		}
	}
	if err := m.start(ctx, provider.PrivacyAny, errStopping); err != nil {
		return nil, err
	}
	return m.Provider.Models(ctx)
}

// start starts the engine, for a prompt of that privacy; a failure to do so says
// why it was needed. An engine that runs already stays as it was started.
func (m *managed) start(ctx context.Context, privacy provider.Privacy, refused error) error {
	e := m.engine
	if privacy == provider.PrivacyLocal {
		e = m.private
	}
	err := e.Ensure(ctx, m.progress)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &provider.Error{Kind: provider.KindOf(refused), Provider: m.Name(), Err: err, Final: true}
}

// keyed is a provider whose key is looked up when it is first needed: a
// keyring may ask the user, and a stand-in may never be called.
type keyed struct {
	name  string
	build func() (provider.Provider, error)
	once  sync.Once
	p     provider.Provider
	err   error
}

var _ provider.Provider = (*keyed)(nil)

func (k *keyed) get() (provider.Provider, error) {
	k.once.Do(func() { k.p, k.err = k.build() })
	return k.p, k.err
}

// Name is the provider's name.
func (k *keyed) Name() string { return k.name }

// Models lists the provider's models.
func (k *keyed) Models(ctx context.Context) ([]provider.Model, error) {
	p, err := k.get()
	if err != nil {
		return nil, err
	}
	return p.Models(ctx)
}

// Chat asks the provider.
func (k *keyed) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	p, err := k.get()
	if err != nil {
		return func(yield func(provider.Chunk, error) bool) { yield(provider.Chunk{}, err) }
	}
	return p.Chat(ctx, req)
}

// Unwrap returns the provider, or nil when its key is missing.
func (k *keyed) Unwrap() provider.Provider {
	p, _ := k.get() // the error comes again with any call
	return p
}
