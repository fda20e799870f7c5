package ollama_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
	"github.com/tandem-llm/tandem/provider/providertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newProvider(t *testing.T, baseURL string) provider.Provider {
	t.Helper()
	tr := httpx.NewTransport(httpx.Options{})
	t.Cleanup(tr.CloseIdleConnections)
	p, err := ollama.New(ollama.Config{Host: baseURL, Model: "m", NumCtx: 4096, RoundTripper: tr})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestContract(t *testing.T) {
	providertest.Run(t, providertest.Factory{Dialect: providertest.Ollama, New: newProvider})
}

func FuzzNDJSON(f *testing.F) {
	providertest.Fuzz(f, providertest.Factory{Dialect: providertest.Ollama, New: newProvider})
}
