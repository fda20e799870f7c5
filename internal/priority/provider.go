package priority

import (
	"context"
	"iter"

	"github.com/tandem-llm/tandem/provider"
)

type optionsKey struct{}

// Options are what the calls of a batch have in common.
type Options struct {
	// Over, once it is closed, has none of them wait any more, so that what has begun
	// comes to its end. Nil: never.
	Over <-chan struct{}
	// Meter, if not nil, measures how long they wait.
	Meter *Meter
	// Queued says that a queue has the calls wait: a provider of [Around] does not.
	Queued bool
}

// Batch is ctx for the calls of a batch.
func Batch(ctx context.Context, o Options) context.Context {
	return context.WithValue(ctx, optionsKey{}, o)
}

// IsBatch reports whether ctx is of [Batch]. Any other call is interactive.
func IsBatch(ctx context.Context) bool {
	_, is := ctx.Value(optionsKey{}).(Options)
	return is
}

// Around returns p as the provider that calls e: its chats and embeddings show that
// they wait or run, and those of a [Batch] wait for them. A call with a deadline does
// not wait, since that would take its time away.
func Around(p provider.Provider, e *Engine) provider.Provider {
	if e == nil {
		return p
	}
	return &around{p, e}
}

type around struct {
	provider.Provider
	engine *Engine
}

var (
	_ provider.Wrapper  = (*around)(nil)
	_ provider.Embedder = (*embedder)(nil)
)

// Unwrap returns the provider, for what else it can do than answer.
func (a *around) Unwrap() provider.Provider {
	if inner, ok := provider.As[provider.Embedder](a.Provider); ok {
		return &embedder{a.Provider, inner, a.engine}
	}
	return a.Provider
}

// Chat asks when it may.
func (a *around) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	stream := a.Provider.Chat(ctx, req)
	return func(yield func(provider.Chunk, error) bool) {
		end, err := a.engine.enter(ctx)
		if err != nil {
			yield(provider.Chunk{}, err)
			return
		}
		defer end()
		stream(yield)
	}
}

// embedder is a provider that makes vectors.
type embedder struct {
	provider.Provider
	inner  provider.Embedder
	engine *Engine
}

// Unwrap returns the provider as it is.
func (e *embedder) Unwrap() provider.Provider { return e.Provider }

// Embed makes vectors when it may.
func (e *embedder) Embed(ctx context.Context, req provider.EmbedRequest) (provider.EmbedResponse, error) {
	end, err := e.engine.enter(ctx)
	if err != nil {
		return provider.EmbedResponse{}, err
	}
	defer end()
	return e.inner.Embed(ctx, req)
}

// enter waits if the call is a batch's, and else shows it.
func (e *Engine) enter(ctx context.Context) (end func(), err error) {
	o, batch := ctx.Value(optionsKey{}).(Options)
	if !batch {
		return e.Begin(), nil
	}
	if _, has := ctx.Deadline(); !has && !o.Queued {
		_, err = e.Wait(ctx)
	}
	return func() {}, err
}
