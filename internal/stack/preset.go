package stack

import (
	"context"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/openai"
)

// ModelsAt asks an OpenAI-compatible server on this machine, which need not be
// configured, for its models. gateway says what it answers through, if it
// answers as a gateway does. Nothing but this machine is dialled.
func ModelsAt(ctx context.Context, name, baseURL string) (models []provider.Model, gateway string, err error) {
	transport := httpx.NewTransport(httpx.Options{Policy: httpx.Policy{Offline: true}})
	defer transport.CloseIdleConnections()
	p, err := openai.New(openai.Config{Name: name, BaseURL: baseURL, RoundTripper: transport, Local: true})
	if err != nil {
		return nil, "", err
	}
	models, err = p.Models(ctx)
	return models, p.Through(), err
}
