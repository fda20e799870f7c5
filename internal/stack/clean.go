package stack

import (
	"context"
	"errors"
	"iter"

	"github.com/tandem-llm/tandem/internal/redact"
	"github.com/tandem-llm/tandem/provider"
)

// clean is a provider whose routes and errors have no secrets: a server may echo
// one in the name of its model or the id of a call. What the model says is the
// user's own, and stays as it is.
type clean struct {
	provider.Provider
	secrets *redact.Redactor
}

var (
	_ provider.Wrapper  = (*clean)(nil)
	_ provider.Embedder = (*cleanEmbedder)(nil)
)

// Unwrap returns the provider, for what else it can do than answer. Its vectors
// come without secrets, too.
func (p *clean) Unwrap() provider.Provider {
	if inner, ok := provider.As[provider.Embedder](p.Provider); ok {
		return &cleanEmbedder{p.Provider, inner, p}
	}
	return p.Provider
}

// Chat asks the provider.
func (p *clean) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	stream := p.Provider.Chat(ctx, req)
	return func(yield func(provider.Chunk, error) bool) {
		stream(func(c provider.Chunk, err error) bool {
			if c.Route != nil {
				c.Route = p.route(c.Route)
			}
			return yield(c, p.failure(err))
		})
	}
}

// Models lists the provider's models.
func (p *clean) Models(ctx context.Context) ([]provider.Model, error) {
	all, err := p.Provider.Models(ctx)
	return all, p.failure(err)
}

// cleanEmbedder is a provider that makes vectors.
type cleanEmbedder struct {
	provider.Provider
	inner provider.Embedder
	clean *clean
}

// Unwrap returns the provider as it is.
func (e *cleanEmbedder) Unwrap() provider.Provider { return e.Provider }

// Embed makes vectors.
func (e *cleanEmbedder) Embed(ctx context.Context, req provider.EmbedRequest) (provider.EmbedResponse, error) {
	r, err := e.inner.Embed(ctx, req)
	if r.Route != nil {
		r.Route = e.clean.route(r.Route)
	}
	return r, e.clean.failure(err)
}

func (p *clean) route(rt *provider.Route) *provider.Route {
	return redact.Pointed(rt, p.secrets.Text)
}

// failure is err without secrets. The provider's own error is copied: it may
// yield the same one to others.
func (p *clean) failure(err error) error {
	if err == nil {
		return nil
	}
	var e *provider.Error
	if !errors.As(err, &e) {
		return p.secrets.Error(err)
	}
	out := *e
	out.Err, out.RequestID, out.Model = p.secrets.Error(e.Err), p.secrets.Text(e.RequestID), p.secrets.Text(e.Model)
	if err == error(e) { //nolint:errorlint // wrapped, it keeps what is around it
		return p.secrets.Error(&out)
	}
	return &wrapped{text: p.secrets.Text(err.Error()), clean: &out, err: err}
}

// wrapped is a provider's error within others, of which the clean one is found first.
type wrapped struct {
	text  string
	clean *provider.Error
	err   error
}

func (w *wrapped) Error() string   { return w.text }
func (w *wrapped) Unwrap() []error { return []error{w.clean, w.err} }
