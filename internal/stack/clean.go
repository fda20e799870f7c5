package stack

import (
	"context"
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

var _ provider.Wrapper = (*clean)(nil)

// Unwrap returns the provider as it answers.
func (p *clean) Unwrap() provider.Provider { return p.Provider }

// Chat asks the provider.
func (p *clean) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		p.Provider.Chat(ctx, req)(func(c provider.Chunk, err error) bool {
			if c.Route != nil {
				c.Route = p.route(c.Route)
			}
			return yield(c, p.failure(err))
		})
	}
}

func (p *clean) route(rt *provider.Route) *provider.Route {
	out := redact.Strings(*rt, p.secrets.Text)
	return &out
}

// failure is err without secrets. It leaves err as it is: all who wait for one
// load are told the same error.
func (p *clean) failure(err error) error {
	e, ok := err.(*provider.Error) //nolint:errorlint // providers return no other that has secrets of a server
	if !ok {
		return p.secrets.Error(err)
	}
	own := *e
	own.Err, own.RequestID, own.Model = p.secrets.Error(e.Err), p.secrets.Text(e.RequestID), p.secrets.Text(e.Model)
	return p.secrets.Error(&own)
}
