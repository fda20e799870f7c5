package stack

import (
	"context"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/collection"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
)

func (s *Stack) collectionConfig() collection.Config {
	return collection.Config{
		Store: s.vectors, Source: s.source, Use: s.cfg.Use,
		Private: s.cfg.Privacy == config.PrivacyLocal, Replay: s.options.Answers.Replay != "", Warn: s.warn,
	}
}

// Embedder makes vectors as that of Collections does, and the log has its calls.
func (s *Stack) Embedder() provider.Embedder {
	e := s.Collections.Embedder()
	if l, ok := provider.As[*store.Log](s.Provider); ok {
		return l.Embedder(e)
	}
	return e
}

// source is a configured provider as it makes vectors.
func (s *Stack) source(name string) (collection.Source, bool) {
	t, ok := s.Target(name)
	if !ok {
		return collection.Source{}, false
	}
	retries := s.cfg.Retries == nil || *s.cfg.Retries > 0
	return collection.Source{
		Name: name, Model: t.Config.Model, Endpoint: t.Endpoint, Ollama: t.Config.Kind == config.KindOllama, Provider: t.Provider,
		Embedder:   t.embedder,
		RetryStale: retries && (!paid(&t) || s.cfg.RetryPaid),
		MayPassOn:  t.mayPassOn, Local: s.local(&t), NotLocal: t.notLocal,
		MustStay: func(ctx context.Context, model, what string, private bool) error {
			return s.mustStay(ctx, &t, model, what, private)
		},
	}, true
}

// embedder is the provider's, with its key looked up and its costs kept.
func (t *Configured) embedder(context.Context) (provider.Embedder, error) {
	if k, ok := provider.As[*keyed](t.Provider); ok {
		if _, err := k.get(); err != nil {
			return nil, err
		}
	}
	if l, ok := provider.As[*ledger.Ledger](t.Provider); ok {
		if inner, ok := l.Embedder(); ok {
			return inner, nil
		}
	}
	return nil, provider.Errorf(provider.Unsupported, t.Config.Name, "", "it does not make embeddings")
}
