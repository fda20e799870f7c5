package stack

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
	"github.com/tandem-llm/tandem/provider/ollama"
)

// embedder makes vectors at one target, by the rules that its chats keep to: a
// managed engine is started, privacy holds, costs are kept. There is no stand-in:
// another model's vectors are other vectors.
type embedder struct {
	stack  *Stack
	target Configured
}

var _ provider.Embedder = (*embedder)(nil)

// Embedder makes vectors for examples that are chosen by their meaning: at the
// provider that the request's model names ("openai/text-embedding-3-small"), or
// at the first in use. There is no stand-in, as for collections.
func (s *Stack) Embedder() provider.Embedder { return first{s} }

type first struct{ stack *Stack }

// Embed asks one provider. Errors, besides its own: Unsupported, in a replay.
func (f first) Embed(ctx context.Context, req provider.EmbedRequest) (provider.EmbedResponse, error) {
	if f.stack.options.Answers.Replay != "" {
		return provider.EmbedResponse{}, provider.Errorf(provider.Unsupported, "replay", req.Model, "a replay asks nobody, and vectors are not recorded")
	}
	name := f.stack.cfg.Use[0]
	if p, model, ok := strings.Cut(req.Model, "/"); ok && f.stack.Has(p) {
		name, req.Model = p, model
	}
	t, ok := f.stack.Target(name)
	if !ok {
		return provider.EmbedResponse{}, provider.Errorf(provider.Invalid, name, req.Model, "no such provider")
	}
	return (&embedder{f.stack, t}).Embed(ctx, req)
}

// Embed asks the target.
func (e *embedder) Embed(ctx context.Context, req provider.EmbedRequest) (provider.EmbedResponse, error) {
	inner, err := e.inner()
	if err != nil {
		return provider.EmbedResponse{}, err
	}
	if e.stack.cfg.Privacy == string(provider.PrivacyLocal) {
		req.Privacy = provider.PrivacyLocal
	}
	if e.target.mayPassOn() { // of the others the adapter and the socket know
		if err := e.stack.mustStay(ctx, &e.target, cmp.Or(req.Model, e.target.Config.Model), "the input", req.Privacy == provider.PrivacyLocal); err != nil {
			return provider.EmbedResponse{}, provider.Refused(err, req.Size(), "to "+e.target.Endpoint)
		}
	}
	return e.ask(ctx, inner, req)
}

// ask asks, and once more where the connection was stale and a repetition is
// allowed: as the router does for chats.
func (e *embedder) ask(ctx context.Context, inner provider.Embedder, req provider.EmbedRequest) (provider.EmbedResponse, error) {
	r, err := inner.Embed(ctx, req)
	cfg := e.stack.cfg
	if !errors.Is(err, provider.ErrStale) || cfg.Retries != nil && *cfg.Retries == 0 || paid(&e.target) && !cfg.RetryPaid {
		return r, err
	}
	return inner.Embed(ctx, req)
}

// inner is the target's embedder, with its key.
func (e *embedder) inner() (provider.Embedder, error) {
	name := e.target.Config.Name
	if k, ok := provider.As[*keyed](e.target.Provider); ok {
		if _, err := k.get(); err != nil {
			return nil, err
		}
	}
	if l, ok := provider.As[*ledger.Ledger](e.target.Provider); ok {
		if inner, ok := l.Embedder(); ok {
			return inner, nil
		}
	}
	return nil, provider.Errorf(provider.Unsupported, name, "", "it makes no embeddings")
}

// digest is that of a target's model, "" where it is not told.
func (e *embedder) digest(ctx context.Context, model string) (string, error) {
	if _, ok := provider.As[*ollama.Provider](e.target.Provider); !ok {
		return "", nil
	}
	all, err := e.target.Provider.Models(ctx)
	if err != nil {
		return "", err
	}
	for _, m := range all {
		if ollama.SameModel(m.Name, model) {
			return m.Digest, nil
		}
	}
	return "", provider.Errorf(provider.ModelNotFound, e.target.Config.Name, model, "it is not there; get it with `tandem models pull %s`", model)
}

// noEmbedder says what is wrong with a model as a maker of vectors; "" if
// nothing is, or that is not known.
func (e *embedder) noEmbedder(ctx context.Context, model string) string {
	i, ok := provider.As[provider.Inspector](e.target.Provider)
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
		return model + " was not made for embeddings (it says: " + strings.Join(does, ", ") + "), so what it calls near may not be; an embedding model is small: tandem models pull all-minilm"
	}
	return ""
}
