package preload

import "context"

type progressKey struct{}

// WithProgress returns a context in which progress, too, is told what the requests that
// are made in it wait for: an engine that starts, or a model that is loaded. It must be
// safe for concurrent use.
func WithProgress(ctx context.Context, progress func(string)) context.Context {
	return context.WithValue(ctx, progressKey{}, progress)
}

// progressOf is who is told what a request waits for: common, and the one that ctx
// names. Nil: nobody.
func progressOf(ctx context.Context, common func(string)) func(string) {
	own, _ := ctx.Value(progressKey{}).(func(string))
	switch {
	case own == nil:
		return common
	case common == nil:
		return own
	}
	return func(text string) { common(text); own(text) }
}
