package record_test

import (
	"testing"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/openai"
	"github.com/tandem-llm/tandem/provider/providertest"
	"github.com/tandem-llm/tandem/provider/record"
)

// A recorded adapter keeps the contract before every server that misbehaves.
func TestContract(t *testing.T) {
	providertest.Run(t, providertest.Factory{Dialect: providertest.OpenAI, New: func(t *testing.T, baseURL string) provider.Provider {
		tr := httpx.NewTransport(httpx.Options{})
		t.Cleanup(tr.CloseIdleConnections)
		p, err := openai.New(openai.Config{BaseURL: baseURL + "/v1", Model: "m", RoundTripper: tr, Local: true})
		if err != nil {
			t.Fatal(err)
		}
		return recorder(t, p, record.Config{Dir: t.TempDir()})
	}})
}

func TestARecorderChangesNothingOfAnAnswer(t *testing.T) {
	providertest.RunWrapper(t, func(t *testing.T, inner provider.Provider) provider.Provider {
		return recorder(t, inner, record.Config{Dir: t.TempDir()})
	})
}
