package stack

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/internal/ollamahost"
	"github.com/tandem-llm/tandem/internal/preload"
	"github.com/tandem-llm/tandem/internal/vram"
	"github.com/tandem-llm/tandem/provider"
)

// installed is a model that an Ollama has, runs itself, and that can do what req
// needs: of those that fit its memory the one that was changed last, or else the
// first of those that are not known to exceed it. It loads and starts nothing.
func installed(ctx context.Context, a *adapter, req *provider.Request) (string, error) {
	models, err := a.ollama.Models(ctx)
	if err != nil {
		return "", err
	}
	slices.SortFunc(models, func(x, y provider.Model) int {
		return cmp.Or(y.Modified.Compare(x.Modified), cmp.Compare(x.Name, y.Name))
	})
	second := ""
	for _, m := range models {
		if m.Remote != "" || ollamahost.CloudModel(m.Name) {
			continue
		}
		info, err := a.ollama.Inspect(ctx, m.Name)
		if err != nil || info.Remote != "" || !canAnswer(info.Capabilities, req) {
			continue
		}
		memory, _, err := preload.MemoryOf(ctx, a.preload, info)
		switch {
		case err == nil && memory.Fit == vram.Exceeds:
		case err == nil && memory.Fit == vram.Spills:
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
