package openai

import (
	"context"
	"net/http"

	"github.com/tandem-llm/tandem/provider"
)

// Slots is how many calls the server runs at a time; more wait there. Only llama.cpp's
// server tells it, at /props; 0: this one does not, or has no limit. Its only error is
// ctx's own.
func (p *Provider) Slots(ctx context.Context) (int, error) {
	var props struct {
		Slots int `json:"total_slots"`
	}
	if err := p.fetch(ctx, http.MethodGet, p.root()+"/props", provider.PrivacyAny, nil, nil, &props); err != nil {
		return 0, ctx.Err()
	}
	return max(0, props.Slots), nil
}
