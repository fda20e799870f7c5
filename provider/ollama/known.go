package ollama

import (
	"context"

	"github.com/tandem-llm/tandem/internal/ollamahost"
	"github.com/tandem-llm/tandem/provider"
)

// Can tells what a model can do, as far as the server says. It asks at most
// once a minute, and starts nothing. Of a model that ollama.com runs by its name
// nothing is known: the server would ask there.
func (p *Provider) Can(ctx context.Context, model string) (can []provider.Capability, known bool) {
	model = p.model(model)
	if ollamahost.CloudModel(model) {
		return nil, false
	}
	a, err := p.showModel(ctx, model, provider.PrivacyAny)
	return a.can, err == nil && a.can != nil
}

// Present reports whether the server has a model, as far as it says; see Can.
func (p *Provider) Present(ctx context.Context, model string) (present, known bool) {
	model = p.model(model)
	if ollamahost.CloudModel(model) {
		return false, false
	}
	_, err := p.showModel(ctx, model, provider.PrivacyAny)
	return err == nil, err == nil || provider.KindOf(err) == provider.ModelNotFound
}
