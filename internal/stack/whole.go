package stack

import (
	"cmp"
	"context"
	"iter"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/ollamahost"
	"github.com/tandem-llm/tandem/provider"
)

type wholeKey struct{}

// WithWhole returns a context for calls of whose answer nobody uses a piece before its
// end: an engine on this machine is then asked for one document, which costs it and
// Tandem much less than a stream. Others are asked for a stream all the same: what is
// between them and Tandem may close a connection on which nothing comes, and some of
// their models only stream.
func WithWhole(ctx context.Context) context.Context {
	return context.WithValue(ctx, wholeKey{}, true)
}

// WithWaits returns a context for a call whose pieces are gathered: waits is called when all
// that has come of the answer was passed on, and more is waited for. It must be safe for
// concurrent use. An answer that no server gives, such as one of the cache, does not say so.
func WithWaits(ctx context.Context, waits func()) context.Context {
	return httpx.WithWaits(ctx, waits)
}

// streamless is an engine that is asked for whole answers where a context says that
// these do.
type streamless struct {
	provider.Provider
	model string // that is asked where a request names none
}

var _ provider.Wrapper = (*streamless)(nil)

// wholeAnswers is p, asked for whole answers where these do and the engine is on this
// machine. One whose first_token or idle is limited goes on streaming: both are about
// the pieces of an answer.
func wholeAnswers(p provider.Provider, a *adapter) provider.Provider {
	pc := a.Config
	_, here := loopbackHost(a.Endpoint)
	own := pc.Kind == config.KindOllama || pc.Local
	if !here || !own || pc.Timeouts.FirstToken > 0 || pc.Timeouts.Idle > 0 {
		return p
	}
	return &streamless{p, pc.Model}
}

// Unwrap returns the engine.
func (s *streamless) Unwrap() provider.Provider { return s.Provider }

// Chat asks the engine.
func (s *streamless) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	if whole, _ := ctx.Value(wholeKey{}).(bool); whole && !ollamahost.CloudModel(cmp.Or(req.Model, s.model)) {
		req.NoStream = true
	}
	return s.Provider.Chat(ctx, req)
}
