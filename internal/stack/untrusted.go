package stack

import (
	"context"
	"iter"

	"github.com/tandem-llm/tandem/provider"
)

// untrusted takes the place of a provider's adapter while what a project's file wants
// for it is not granted. It has no connection, no key and no engine; all it does is
// say why.
type untrusted struct {
	name string
	why  error // a *provider.Error
}

var (
	_ provider.Provider = (*untrusted)(nil)
	_ provider.Embedder = (*untrusted)(nil)
)

// refuse makes a the adapter of a provider that is not asked, because of why.
func (a *adapter) refuse(why error) {
	err := &provider.Error{Kind: provider.Denied, Provider: a.Config.Name, Final: true, Err: why}
	a.Untrusted, a.Provider, a.Endpoint = err, &untrusted{a.Config.Name, err}, a.Config.Endpoint()
	a.through = func() string { return "" }
	a.ready = func(context.Context) error { return err }
}

// Name is the provider's name.
func (u *untrusted) Name() string { return u.name }

// Models fails.
func (u *untrusted) Models(context.Context) ([]provider.Model, error) { return nil, u.why }

// Chat fails.
func (u *untrusted) Chat(context.Context, provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) { yield(provider.Chunk{}, u.why) }
}

// Embed fails.
func (u *untrusted) Embed(context.Context, provider.EmbedRequest) (provider.EmbedResponse, error) {
	return provider.EmbedResponse{}, u.why
}
