package stack

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/internal/ollamahost"
	"github.com/tandem-llm/tandem/internal/preload"
	"github.com/tandem-llm/tandem/internal/vram"
	"github.com/tandem-llm/tandem/provider"
)

// Installed is a model that an Ollama has and runs itself, and that can answer.
type Installed struct {
	provider.ModelInfo
	Fit vram.Fit // with the window that requests have; empty: not known
}

// Installed lists the models of an Ollama that can chat, the one that was changed last
// first. It loads and starts nothing. Errors: those of asking for the list.
func (s *Stack) Installed(ctx context.Context, name string) ([]Installed, error) {
	a := s.adapters[name]
	if a == nil || a.ollama == nil {
		return nil, provider.Errorf(provider.Unsupported, name, "", "it has no models of its own")
	}
	var list []Installed
	for m, err := range candidates(ctx, a, &provider.Request{}) {
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, nil
}

// Listed are the models that a provider's server lists now. Unlike its provider's
// Models it starts no engine. Errors: those of the server.
func (s *Stack) Listed(ctx context.Context, name string) ([]provider.Model, error) {
	if a := s.adapters[name]; a != nil && a.ollama != nil {
		return a.ollama.Models(ctx)
	}
	t, ok := s.Target(name)
	if !ok {
		return nil, provider.Errorf(provider.Invalid, name, "", "there is no such provider")
	}
	return t.Provider.Models(ctx)
}

// candidates are the models that an Ollama has, runs itself, and that can do what req
// needs, the one that was changed last first.
func candidates(ctx context.Context, a *adapter, req *provider.Request) iter.Seq2[Installed, error] {
	return func(yield func(Installed, error) bool) {
		models, err := a.ollama.Models(ctx)
		if err != nil {
			yield(Installed{}, err)
			return
		}
		slices.SortFunc(models, func(x, y provider.Model) int {
			return cmp.Or(y.Modified.Compare(x.Modified), cmp.Compare(x.Name, y.Name))
		})
		for _, m := range models {
			if m.Remote != "" || ollamahost.CloudModel(m.Name) {
				continue
			}
			info, err := a.ollama.Inspect(ctx, m.Name)
			if err != nil || info.Remote != "" || !canAnswer(info.Capabilities, req) {
				continue
			}
			c := Installed{ModelInfo: info}
			if memory, _, err := preload.MemoryOf(ctx, a.preload, info); err == nil {
				c.Fit = memory.Fit
			}
			if !yield(c, nil) {
				return
			}
		}
	}
}

// installed is the one of the candidates to ask: of those that fit the memory the
// first, or else the first of those that are not known to exceed it.
func installed(ctx context.Context, a *adapter, req *provider.Request) (string, error) {
	second := ""
	for m, err := range candidates(ctx, a, req) {
		switch {
		case err != nil:
			return "", err
		case m.Fit == vram.Exceeds:
		case m.Fit == vram.Spills:
			second = cmp.Or(second, m.Name)
		default:
			return m.Name, nil
		}
	}
	if second == "" {
		return "", failure.Mark(errors.New("no other model there can answer"), failure.ErrNoModel)
	}
	return second, nil
}

// Model is the model that a provider is asked for where a request names none: the
// configured one, or [Stack.Alternative] while the default one is known to be missing.
// It may ask the server, and starts none.
func (s *Stack) Model(ctx context.Context, name string) string {
	t, _ := s.Target(name)
	if s.router == nil || !s.cfg.DefaultModel(name) {
		return t.Config.Model
	}
	target, ok := s.router.Target(name)
	if !ok || target.Present == nil {
		return t.Config.Model
	}
	if there, known := target.Present(ctx, t.Config.Model); there || !known {
		return t.Config.Model
	}
	if other, ok := s.Alternative(ctx, name); ok {
		return other
	}
	return t.Config.Model
}

// Alternative is the installed model that a provider is asked for while its default
// one is missing. ok is false where there is none, or the user has named a model.
func (s *Stack) Alternative(ctx context.Context, name string) (model string, ok bool) {
	if s.router == nil { // a replay asks nobody
		return "", false
	}
	t, ok := s.router.Target(name)
	if !ok || t.Alternative == nil {
		return "", false
	}
	model, err := t.Alternative(ctx, &provider.Request{})
	return model, err == nil
}

// canAnswer reports whether a model can do what a request needs. One of which
// nothing is known, as with an Ollama before 0.6.4, is not chosen: it may make
// embeddings only.
func canAnswer(can []provider.Capability, req *provider.Request) bool {
	lacks := func(c provider.Capability) bool { return !slices.Contains(can, c) }
	return !lacks(provider.CanChat) && !slices.ContainsFunc(req.Needs(), lacks)
}
