package cache_test

import (
	"context"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/cache"
	"github.com/tandem-llm/tandem/provider/ollama"
	"github.com/tandem-llm/tandem/provider/providertest"
)

// forgetful keeps every answer and gives none: the suite asks one question
// twice, and counts the calls.
type forgetful struct{ cache.Memory }

func (*forgetful) Get(context.Context, string) ([]byte, time.Time, bool, error) {
	return nil, time.Time{}, false, nil
}

// A cached adapter keeps the contract before every server that misbehaves.
func TestContract(t *testing.T) {
	providertest.Run(t, providertest.Factory{Dialect: providertest.Ollama, New: func(t *testing.T, baseURL string) provider.Provider {
		tr := httpx.NewTransport(httpx.Options{})
		t.Cleanup(tr.CloseIdleConnections)
		p, err := ollama.New(ollama.Config{Name: "local", Host: baseURL, Model: "m", RoundTripper: tr})
		if err != nil {
			t.Fatal(err)
		}
		return cache.New(p, cache.Config{Store: &forgetful{}, Insist: true})
	}})
}

func TestACacheChangesNothingOfAnAnswer(t *testing.T) {
	providertest.RunWrapper(t, func(_ *testing.T, inner provider.Provider) provider.Provider {
		return cache.New(inner, cache.Config{Store: &cache.Memory{}, Insist: true})
	})
}
