package collection

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/provider"
)

// embedder makes vectors at one provider, by the rules that its chats keep to. It
// has no fallback: another model's vectors are other vectors.
type embedder struct {
	catalog *Catalog
	source  Source
}

var _ provider.Embedder = (*embedder)(nil)

// Embedder makes vectors for examples that are chosen by their meaning: at the
// provider that the request's model names ("openai/text-embedding-3-small"), or
// at the first in use. It has no fallback, as collections have none.
func (s *Catalog) Embedder() provider.Embedder { return first{s} }

type first struct{ catalog *Catalog }

// Embed asks one provider. Errors, besides its own: Unsupported, in a replay.
func (f first) Embed(ctx context.Context, req provider.EmbedRequest) (provider.EmbedResponse, error) {
	if f.catalog.cfg.Replay {
		return provider.EmbedResponse{}, provider.Errorf(provider.Unsupported, "replay", req.Model, "a replay calls no provider, and vectors are not recorded")
	}
	name := f.catalog.cfg.Use[0]
	if p, model, ok := strings.Cut(req.Model, "/"); ok {
		if _, configured := f.catalog.cfg.Source(p); configured {
			name, req.Model = p, model
		}
	}
	t, ok := f.catalog.cfg.Source(name)
	if !ok {
		return provider.EmbedResponse{}, provider.Errorf(provider.Invalid, name, req.Model, "no such provider")
	}
	return (&embedder{f.catalog, t}).Embed(ctx, req)
}

// Embed asks the provider, through the context's [Gate].
func (e *embedder) Embed(ctx context.Context, req provider.EmbedRequest) (provider.EmbedResponse, error) {
	if gate := gateOf(ctx); gate != nil {
		return gate(ctx, e.source.Name, cmp.Or(req.Model, e.source.Model), func(ctx context.Context) (provider.EmbedResponse, error) {
			return e.embed(ctx, req)
		})
	}
	return e.embed(ctx, req)
}

func (e *embedder) embed(ctx context.Context, req provider.EmbedRequest) (provider.EmbedResponse, error) {
	inner, err := e.source.Embedder(ctx)
	if err != nil {
		return provider.EmbedResponse{}, err
	}
	if e.catalog.cfg.Private {
		req.Privacy = provider.PrivacyLocal
	}
	if e.source.MayPassOn() { // of the others the adapter and the socket know
		if err := e.source.MustStay(ctx, cmp.Or(req.Model, e.source.Model), "the input", req.Privacy == provider.PrivacyLocal); err != nil {
			return provider.EmbedResponse{}, failure.InputNotSent(err, &req, "to "+e.source.Endpoint)
		}
	}
	return e.ask(ctx, inner, req)
}

// ask asks, and once more where the server refused what the caller did not ask for, or the
// connection was stale and a repetition is allowed: as the router does for chats.
func (e *embedder) ask(ctx context.Context, inner provider.Embedder, req provider.EmbedRequest) (provider.EmbedResponse, error) {
	r, err := inner.Embed(ctx, req)
	if !errors.Is(err, provider.ErrAdapted) && (!errors.Is(err, provider.ErrStale) || !e.source.RetryStale) {
		return r, err
	}
	return inner.Embed(ctx, req)
}

// digest is that of a model, "" where it is not told.
func (e *embedder) digest(ctx context.Context, model string) (string, error) {
	if !e.source.Ollama {
		return "", nil
	}
	all, err := e.source.Provider.Models(ctx)
	if err != nil {
		return "", err
	}
	for _, m := range all {
		if e.source.sameModel(m.Name, model) {
			return m.Digest, nil
		}
	}
	return "", provider.Errorf(provider.ModelNotFound, e.source.Name, model, "%w", failure.Mark(errors.New("the server does not have it"), failure.ErrNotPulled))
}

// noEmbedder says what is wrong with a model as a maker of vectors; "" if
// nothing is, or that is not known.
func (e *embedder) noEmbedder(ctx context.Context, model string) string {
	i, ok := provider.As[provider.Inspector](e.source.Provider)
	if !ok {
		return ""
	}
	info, err := i.Inspect(ctx, model)
	if err != nil {
		return ""
	}
	if can, known := info.Can(provider.CanEmbed); known && !can {
		var does []string
		for _, c := range info.Capabilities {
			does = append(does, string(c))
		}
		return model + " is not an embedding model (the server says: " + strings.Join(does, ", ") + "), so its results may be poor; get a small embedding model with `tandem models pull all-minilm`"
	}
	return ""
}
