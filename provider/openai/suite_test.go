package openai_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/openai"
	"github.com/tandem-llm/tandem/provider/providertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const canary = "sk-canary-DO-NOT-LEAK-7f3a"

func newProvider(t *testing.T, baseURL string) provider.Provider {
	t.Helper()
	tr := httpx.NewTransport(httpx.Options{})
	t.Cleanup(tr.CloseIdleConnections)
	p, err := openai.New(openai.Config{BaseURL: baseURL + "/v1", Key: canary, Model: "m", RoundTripper: tr, Local: true})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestContract(t *testing.T) {
	providertest.Run(t, providertest.Factory{Dialect: providertest.OpenAI, New: newProvider})
}

func FuzzSSE(f *testing.F) {
	providertest.Fuzz(f, providertest.Factory{Dialect: providertest.OpenAI, New: newProvider})
}
