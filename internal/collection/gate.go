package collection

import (
	"context"

	"github.com/tandem-llm/tandem/provider"
)

// Gate stands before a provider that is about to embed texts. It calls embed when they
// may be sent, or returns why they may not. It must be safe for concurrent use.
type Gate func(ctx context.Context, provider, model string, embed func(context.Context) (provider.EmbedResponse, error)) (provider.EmbedResponse, error)

type gateKey struct{}

// WithGate returns a context in which all texts are embedded through a gate: those of
// prompts, and the questions to collections.
func WithGate(ctx context.Context, g Gate) context.Context {
	return context.WithValue(ctx, gateKey{}, g)
}

func gateOf(ctx context.Context) Gate {
	g, _ := ctx.Value(gateKey{}).(Gate)
	return g
}
