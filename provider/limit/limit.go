// Package limit limits how many calls of a provider run at a time.
package limit

import (
	"context"
	"iter"

	"github.com/tandem-llm/tandem/provider"
)

// Config says how many calls run at a time. The zero value sets no limit.
type Config struct {
	MaxConcurrent int // most chats at a time; 0 or less: no limit
	// Waiting, if not nil, is told that a chat has to wait for another one to end. It
	// must be safe for concurrent use.
	Waiting func()
}

// New returns p with a limit; without one, p itself. Chats above the limit wait,
// first come first served, until another ends or their context does: its error
// is returned unchanged. A chat counts until its stream is read to the end or
// left. Other abilities of p are not limited.
func New(p provider.Provider, cfg Config) provider.Provider {
	if cfg.MaxConcurrent <= 0 {
		return p
	}
	return &limited{Provider: p, cfg: cfg, places: make(chan struct{}, cfg.MaxConcurrent)}
}

type limited struct {
	provider.Provider
	cfg    Config
	places chan struct{}
}

var _ provider.Wrapper = (*limited)(nil)

// Unwrap returns the provider that is limited.
func (l *limited) Unwrap() provider.Provider { return l.Provider }

// Chat asks when fewer than the most are running.
func (l *limited) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		if err := l.take(ctx); err != nil {
			yield(provider.Chunk{}, err)
			return
		}
		defer func() { <-l.places }()
		for c, err := range l.Provider.Chat(ctx, req) {
			if !yield(c, err) {
				return
			}
		}
	}
}

// take takes a place.
func (l *limited) take(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	select {
	case l.places <- struct{}{}:
		return nil
	default:
	}
	if l.cfg.Waiting != nil {
		l.cfg.Waiting()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case l.places <- struct{}{}:
		return nil
	}
}
