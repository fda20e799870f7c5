package exchange

import (
	"context"
	"errors"
	"iter"
	"net/http"

	"github.com/tandem-llm/tandem/provider"
)

// Prepare completes a question that the exchange does not answer itself, such as one of
// a batch, as if it had come over HTTP with these headers from the caller of ctx. What
// answers it instead of the model has its run then.
func (x *Exchange) Prepare(ctx context.Context, h http.Header, q *Question) error {
	if err := x.prepare((&http.Request{Header: h}).WithContext(ctx), q); err != nil || q.Ask == nil {
		return err
	}
	ask, run := q.Ask, &Run{
		x: x, stack: x.cfg.Stack(), q: q, ctx: ctx, unseen: true,
		call: &liveCall{Call: Call{Caller: x.caller(ctx).Name, Session: sessionOf(h, q), State: Asking}},
	}
	q.run = run
	q.Ask = func(ctx context.Context, _ *Run) iter.Seq2[provider.Chunk, error] { return ask(ctx, run) }
	return nil
}

// Background is the current stack for prepared questions that nobody waits for. They come
// last in the queue, those of batches after all others.
func (x *Exchange) Background() provider.Provider { return background{x} }

type background struct{ x *Exchange }

var _ provider.Wrapper = background{}

// Name is the stack's.
func (b background) Name() string { return b.x.Stack().Name() }

// Models are the stack's.
func (b background) Models(ctx context.Context) ([]provider.Model, error) {
	return b.x.Stack().Models(ctx)
}

// Unwrap returns the stack.
func (b background) Unwrap() provider.Provider { return b.x.Stack() }

// Chat asks when its turn comes.
func (b background) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		if queue := b.x.cfg.Queue; queue != nil && len(req.Use) > 0 {
			release, err := queue.Enter(ctx, Ticket{Model: req.Model, Provider: req.Use[0], Caller: b.x.caller(ctx).Name, Session: provider.RunOf(ctx).ID, Background: true})
			if err != nil {
				yield(provider.Chunk{}, waits(err, &req))
				return
			}
			defer release()
		}
		for c, err := range b.x.Stack().Chat(ctx, req) {
			if !yield(c, err) {
				return
			}
		}
	}
}

// waits is the error of a queue as a provider's own would be: whoever asks in the
// background asks again later.
func waits(err error, req *provider.Request) error {
	if f := (*Failure)(nil); errors.As(err, &f) && f.Retry {
		return &provider.Error{Kind: provider.RateLimited, Provider: req.Use[0], Model: req.Model, RetryAfter: f.RetryAfter, Err: f}
	}
	return err
}
