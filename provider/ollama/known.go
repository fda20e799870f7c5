package ollama

import (
	"context"

	"github.com/tandem-llm/tandem/provider"
)

// Can tells what a model can do, as far as the server says. It asks at most
// once a minute, and starts nothing.
func (p *Provider) Can(ctx context.Context, model string) (can []provider.Capability, known bool) {
	a, err := p.about(ctx, p.model(model), provider.PrivacyAny)
	return a.can, err == nil && a.can != nil
}

// Present reports whether the server has a model, as far as it says.
func (p *Provider) Present(ctx context.Context, model string) (present, known bool) {
	_, err := p.about(ctx, p.model(model), provider.PrivacyAny)
	return err == nil, err == nil || provider.KindOf(err) == provider.ModelNotFound
}
