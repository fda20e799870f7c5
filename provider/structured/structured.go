// Package structured enforces the schema of a request. It holds an answer back,
// strips thinking tags and code fences, and checks it. If the answer does not
// match the schema, the same provider is asked to repair it: it gets its answer
// and the problems, a bounded number of times. Then the request fails. Nothing
// of a wrong answer is shown, so a router can fall back to the next target.
//
// A provider may be wrapped twice: the outer one checks again what the inner
// one lets through, and passes it on.
package structured

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/tandem-llm/tandem/internal/schema"
	"github.com/tandem-llm/tandem/provider"
)

// DefaultRepairs is how often a model may repair its answer.
const DefaultRepairs = 2

// Config says how often an answer is repaired. The zero value is usable.
type Config struct {
	Repairs *int // most repairs of one answer; nil: [DefaultRepairs]; 0: none
}

// maxAnswer is the most that is held back of one answer, in bytes.
const maxAnswer = 64 << 20

// Provider answers requests that have a [provider.Schema] with JSON that the
// schema accepts, or with an error. Make one with [New].
//
// Such an answer is one chunk, and its Finish is stop: JSON that is whole was
// not cut, although a limit was reached as it ended. Tool calls pass as they come. Usage and cost
// are those of all that was asked, and [provider.Route.Repairs] says how often
// it was asked again. Requests without a schema go through untouched.
//
// Errors, besides the inner provider's: Invalid, for an invalid schema,
// before any call; BadAnswer with an [*Error], where no answer was what the
// schema asks for. Where a repair itself is refused, the error has its Kind,
// and the [*Error] is in its chain, too.
type Provider struct {
	provider.Provider
	repairs int
	schemas schema.Cache
}

var _ provider.Wrapper = (*Provider)(nil)

// New returns p with the schemas of its requests enforced. A p that enforces
// them already is returned as it is, with its own Config.
func New(p provider.Provider, cfg Config) *Provider {
	if s, ok := p.(*Provider); ok {
		return s
	}
	out := &Provider{Provider: p, repairs: DefaultRepairs}
	if cfg.Repairs != nil {
		out.repairs = *cfg.Repairs
	}
	return out
}

// Unwrap returns the provider whose schemas are enforced.
func (p *Provider) Unwrap() provider.Provider { return p.Provider }

// Chat asks the provider, and lets it repair an answer that does not match.
func (p *Provider) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	if req.Schema == nil {
		return p.Provider.Chat(ctx, req)
	}
	return p.chatWithSchema(ctx, req)
}

// chatWithSchema is apart from Chat so that a request without a schema costs nothing.
func (p *Provider) chatWithSchema(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		c, err := p.answerWithSchema(ctx, req)
		if err != nil {
			c = provider.Chunk{}
		}
		yield(c, err)
	}
}

// answerWithSchema is the whole answer as one chunk.
func (p *Provider) answerWithSchema(ctx context.Context, req provider.Request) (provider.Chunk, error) {
	s, err := p.schemas.Compile(req.Schema.JSON)
	if err != nil {
		return provider.Chunk{}, provider.Errorf(provider.Invalid, p.Name(), req.Model, "%w", err)
	}
	c := conversation{p: p, schema: s, req: req, began: time.Now()}
	for {
		chunk, err := c.askOnce(ctx)
		switch {
		case err == nil:
			return chunk, nil
		case !errors.Is(err, errRepair):
			return chunk, err
		case c.failure.Attempts > p.repairs:
			return chunk, c.failWithBest(provider.BadAnswer, nil)
		}
		c.prepareRepair()
	}
}

// collect is a whole answer of bounded size.
func collect(stream iter.Seq2[provider.Chunk, error]) (provider.Response, error) {
	n, tooMuch := 0, false
	r, err := provider.Collect(func(yield func(provider.Chunk, error) bool) {
		for c, err := range stream {
			if n += len(c.Text) + len(c.Thinking); n > maxAnswer {
				tooMuch = true
				return
			}
			if !yield(c, err) {
				return
			}
		}
	})
	if tooMuch {
		return r, errTooMuch
	}
	return r, err
}

var errTooMuch = errors.New("the answer is larger than 64 MiB")
