package router

import (
	"context"
	"net/http"

	"github.com/tandem-llm/tandem/provider"
)

// Bounds limit what is done for one request, for a caller whose own client asks again.
type Bounds struct {
	// Generations is how many calls may fail after a model may have been at work: then
	// there is no retry and no fallback. 0: any number.
	Generations int
	// NoRetries leaves retries of the same target to the client.
	NoRetries bool
}

type boundsKey struct{}

// WithBounds returns a context in which a router keeps to b.
func WithBounds(ctx context.Context, b Bounds) context.Context {
	return context.WithValue(ctx, boundsKey{}, b)
}

func boundsOf(ctx context.Context) Bounds {
	b, _ := ctx.Value(boundsKey{}).(Bounds)
	return b
}

// Generated reports whether a model may have been at work for a call that failed with
// err, before any content: the server took the prompt, and did not refuse it.
func Generated(err error) bool {
	e := asError(err)
	switch e.Kind {
	case "", provider.Invalid, provider.Unsupported, provider.ContextOverflow:
		return false
	}
	return e.MayBeCharged() || e.Sent && e.Status == http.StatusInternalServerError
}

// countGeneration counts a failed call of the request.
func (c *call) countGeneration(err error) {
	if c.shown || Generated(err) {
		c.generations++
	}
}

// exhausted reports whether nobody may be asked any more.
func (c *call) exhausted() bool {
	return c.bounds.Generations > 0 && c.generations >= c.bounds.Generations
}
