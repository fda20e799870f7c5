package cache

import "context"

// Use is what a cache may do for a request.
type Use int

// The uses. The zero value forbids nothing.
const (
	Full    Use = iota // answer it, and keep its answer
	Refresh            // keep its answer, but ask anew
	Off                // neither
)

type useKey struct{}

// WithUse returns a context in whose requests caches do no more than use allows.
func WithUse(ctx context.Context, use Use) context.Context {
	return context.WithValue(ctx, useKey{}, max(use, useOf(ctx)))
}

func useOf(ctx context.Context) Use {
	use, _ := ctx.Value(useKey{}).(Use)
	return use
}
