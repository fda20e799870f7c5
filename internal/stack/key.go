package stack

import (
	"context"
	"iter"
	"sync"

	"github.com/tandem-llm/tandem/provider"
)

// keyed is a provider whose key is looked up when it is first needed: a
// keyring may ask the user, and a fallback may never be called.
type keyed struct {
	name string

	mu    sync.Mutex
	build func() (provider.Provider, error)
	built bool
	p     provider.Provider
	err   error
}

var _ provider.Provider = (*keyed)(nil)

func (k *keyed) get() (provider.Provider, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.built {
		k.p, k.err = k.build()
		k.built = true
	}
	return k.p, k.err
}

// renew has the key looked up again, by build, when it is next needed.
func (k *keyed) renew(build func() (provider.Provider, error)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.build, k.built = build, false
}

// Name is the provider's name.
func (k *keyed) Name() string { return k.name }

// Models lists the provider's models.
func (k *keyed) Models(ctx context.Context) ([]provider.Model, error) {
	p, err := k.get()
	if err != nil {
		return nil, err
	}
	return p.Models(ctx)
}

// Chat asks the provider.
func (k *keyed) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	p, err := k.get()
	if err != nil {
		return func(yield func(provider.Chunk, error) bool) { yield(provider.Chunk{}, err) }
	}
	return p.Chat(ctx, req)
}

// Unwrap returns the provider, or nil when its key is missing.
func (k *keyed) Unwrap() provider.Provider {
	p, _ := k.get() // the error comes again with any call
	return p
}
