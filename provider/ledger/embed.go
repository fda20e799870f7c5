package ledger

import (
	"context"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// Embedder returns the provider's embedder with its costs kept, if it has one.
// Besides the embedder's errors there is OverBudget, before any call. What a
// local one saved is not told: the baseline's price is for answers.
func (l *Ledger) Embedder() (provider.Embedder, bool) {
	e, ok := provider.As[provider.Embedder](l.Provider)
	if !ok {
		return nil, false
	}
	kept := *l
	kept.cfg.Baseline = nil
	return &embedder{&kept, e}, true
}

type embedder struct {
	l     *Ledger
	inner provider.Embedder
}

// Embed asks the embedder.
func (e *embedder) Embed(ctx context.Context, req provider.EmbedRequest) (provider.EmbedResponse, error) {
	c := account{l: e.l, book: e.l.bookFor(ctx), run: provider.RunOf(ctx).ID, caller: CallerOf(ctx).Name, requestedModel: req.Model, began: time.Now()}
	if e.l.hasBudget(ctx) {
		like := provider.Request{Model: req.Model, MaxTokens: provider.Ptr(0)} // it reads, and writes nothing
		for _, text := range req.Input {
			like.Messages = append(like.Messages, provider.User(text))
		}
		if err := c.reserve(ctx, &like); err != nil {
			return provider.EmbedResponse{}, err
		}
	}
	defer c.settle()
	r, err := e.inner.Embed(ctx, req)
	if r.Usage != nil && !r.Usage.Plausible(0) {
		r.Usage = nil
	}
	if c.failed = err; err == nil || r.Route != nil && !mayBeCharged(err) {
		r.Route = c.priceAnswer(r.Route, r.Usage) // with an error: of the inputs before it
	}
	return r, err
}
