package openai

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"sync"

	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
)

// Embed asks /embeddings: once, or in parts where the server takes fewer texts in
// a request, which it says with a 400, 413 or 422 in words of its own. So whatever
// it refuses so is asked for in smaller parts, down to one text, and an error that
// remains is that text's. What size it took is remembered, for other calls too. With
// a [httpx.Carrier] it asks once, and remembers nothing: there is one answer, and it
// says nothing of what the server takes of other calls.
func (p *Provider) Embed(ctx context.Context, req provider.EmbedRequest) (provider.EmbedResponse, error) {
	model := p.model(req.Model)
	if err := req.Validate(); err != nil {
		return provider.EmbedResponse{}, failure.Named(err, p.cfg.Name, model)
	}
	sizes := &p.batches
	if httpx.Carried(ctx) {
		sizes = nil
	}
	var out provider.EmbedResponse
	before := sizes.most(model)
	for done := 0; done < len(req.Input); {
		part := req
		part.Input = req.Input[done:]
		part.Input = part.Input[:min(len(part.Input), sizes.most(model))]
		r, err := p.embed(ctx, model, part)
		switch n := len(part.Input); {
		case err == nil:
			out.Usage = sumUsage(out.Usage, r.Usage, done == 0)
			out.Vectors, out.Route = append(out.Vectors, r.Vectors...), r.Route
			done += n
		case !isRefused(err):
			return answered(out), err
		case n > 1 && sizes != nil:
			sizes.lower(model, n)
		case len(req.Input) > 1 && sizes != nil:
			sizes.set(model, before) // it was the text, and not how many there were
			return answered(out), ofText(err, done+1, len(req.Input))
		default:
			return answered(out), err
		}
	}
	if err := out.Check(&req); err != nil {
		return answered(out), provider.Errorf(provider.BadAnswer, p.cfg.Name, model, "%w", err)
	}
	return out, nil
}

// answered is what an error comes with: what the requests before it used.
func answered(so provider.EmbedResponse) provider.EmbedResponse {
	return provider.EmbedResponse{Usage: so.Usage, Route: so.Route}
}

// isRefused reports whether the server itself refused what it was sent. A text that
// is too long is not meant: whoever cuts the texts knows what to do about it.
func isRefused(err error) bool {
	var e *provider.Error
	return errors.As(err, &e) && e.Kind == provider.Invalid && !errors.Is(err, provider.ErrAdapted) &&
		slices.Contains([]int{http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity}, e.Status)
}

// ofText is err, which is about one text of several.
func ofText(err error, n, of int) error {
	var e *provider.Error
	if !errors.As(err, &e) {
		return err
	}
	about := *e
	about.Err = fmt.Errorf("text %d of %d: %w", n, of, e.Err)
	return &about
}

// sumUsage is what two calls used; nil: one of them did not tell.
func sumUsage(a, b *provider.Usage, first bool) *provider.Usage {
	switch {
	case first:
		return b
	case a == nil || b == nil:
		return nil
	}
	return provider.Ptr(a.Add(*b))
}

// batches remembers how many texts a server takes in a request, by model.
type batches struct {
	mu  sync.Mutex
	max map[string]int
}

// most is how many texts a request may have; nil: any number.
func (b *batches) most(model string) int {
	if b == nil {
		return math.MaxInt32
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := b.max[model]; n > 0 {
		return n
	}
	return math.MaxInt32
}

func (b *batches) set(model string, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.max == nil {
		b.max = map[string]int{}
	}
	b.max[model] = n
}

// lower notes that a request of n texts was refused: the next has the greatest power
// of two of them that is less.
func (b *batches) lower(model string, n int) {
	less := 1
	for less*2 < n {
		less *= 2
	}
	if less < b.most(model) {
		b.set(model, less)
	}
}
