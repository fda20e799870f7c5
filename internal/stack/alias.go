package stack

import (
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/provider"
)

// Resolve replaces an alias as the request's model by the model that it stands for,
// and the providers by the one that the alias names. Where the request may not ask
// that one, that is an Invalid error.
func (s *Stack) Resolve(req *provider.Request) error {
	if _, ok := s.cfg.Aliases[req.Model]; !ok {
		return nil
	}
	use, model := s.SplitModel(req.Model)
	for _, name := range use {
		if len(req.Use) > 0 && !slices.Contains(req.Use, name) {
			return provider.Errorf(provider.Invalid, "", "", "the alias %s stands for %s/%s, but only %s may answer", req.Model, name, model, strings.Join(req.Use, ", "))
		}
		req.Use = use
	}
	req.Model = model
	return nil
}

// SplitModel takes "provider/model" apart when the first part names a provider, and a
// provider's name alone; model names may hold slashes themselves. An alias is what it
// stands for.
func (s *Stack) SplitModel(name string) (use []string, model string) {
	name = s.cfg.ResolveModel(name)
	if s.Has(name) {
		return []string{name}, ""
	}
	if p, m, ok := strings.Cut(name, "/"); ok && s.Has(p) {
		return []string{p}, m
	}
	return nil, name
}

// named is the stack under the names that the user gave its models.
type named struct {
	provider.Provider
	stack *Stack
}

var _ provider.Provider = (*named)(nil)

// Unwrap returns the stack without them.
func (n *named) Unwrap() provider.Provider { return n.Provider }

// Chat asks the model that the request's stands for.
func (n *named) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	if err := n.stack.Resolve(&req); err != nil {
		return func(yield func(provider.Chunk, error) bool) { yield(provider.Chunk{}, err) }
	}
	return n.Provider.Chat(ctx, req)
}
