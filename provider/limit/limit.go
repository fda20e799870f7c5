// Package limit bounds how many calls of a provider run at a time.
package limit

import (
	"context"
	"iter"

	"github.com/tandem-llm/tandem/provider"
)

// New returns p with at most n chats at a time; 0 or less: as many as come, and
// p itself is returned. Further ones wait, first come first served, until one ends or their context does: its
// error goes back unchanged. A chat holds its place until it is read to the
// end or left. Other abilities of p are not bounded.
func New(p provider.Provider, n int) provider.Provider {
	if n <= 0 {
		return p
	}
	return &limited{Provider: p, places: make(chan struct{}, n)}
}

type limited struct {
	provider.Provider
	places chan struct{}
}

var _ provider.Wrapper = (*limited)(nil)

// Unwrap returns the bounded provider.
func (l *limited) Unwrap() provider.Provider { return l.Provider }

// Chat asks when there is a place.
func (l *limited) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		select {
		case <-ctx.Done():
			yield(provider.Chunk{}, ctx.Err())
			return
		case l.places <- struct{}{}:
		}
		defer func() { <-l.places }()
		for c, err := range l.Provider.Chat(ctx, req) {
			if !yield(c, err) {
				return
			}
		}
	}
}
