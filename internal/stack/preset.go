package stack

import (
	"context"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/openai"
)

// ModelsOf asks an OpenAI-compatible server, which need not be configured, for its
// models, with a key if there is one. gateway says what it answers through, if it
// answers as a gateway does. For a provider with Local, nothing but this machine is
// dialled.
func ModelsOf(ctx context.Context, p config.Provider, key string) (models []provider.Model, gateway string, err error) {
	transport := httpx.NewTransport(httpx.Options{Policy: httpx.Policy{Offline: p.Local}})
	defer transport.CloseIdleConnections()
	server, err := openai.New(openai.Config{Name: p.Name, BaseURL: p.BaseURL, Key: key, KeyHeader: p.APIKeyHeader, RoundTripper: transport, Local: p.Local})
	if err != nil {
		return nil, "", err
	}
	models, err = server.Models(ctx)
	return models, server.Through(), err
}
