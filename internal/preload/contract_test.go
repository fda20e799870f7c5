package preload_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/preload"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
	"github.com/tandem-llm/tandem/provider/providertest"
)

// What wraps the adapter keeps the adapter's contract. What is in memory it
// asks another server here, since the suite counts what it is asked itself.
func TestProviderKeepsTheContract(t *testing.T) {
	providertest.Run(t, providertest.Factory{Dialect: providertest.Ollama, New: func(t *testing.T, baseURL string) provider.Provider {
		t.Helper()
		tr := httpx.NewTransport(httpx.Options{})
		t.Cleanup(tr.CloseIdleConnections)
		side := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"models":[{"name":"m:latest","context_length":4096}]}`)
		}))
		t.Cleanup(side.Close)
		p, err1 := ollama.New(ollama.Config{Host: baseURL, Model: "m", NumCtx: 4096, RoundTripper: tr})
		server, err2 := ollama.New(ollama.Config{Host: side.URL, Model: "m", NumCtx: 4096, RoundTripper: tr})
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		l := preload.NewLoads(preload.LoadsConfig{})
		t.Cleanup(l.Close)
		return preload.New(p, preload.Config{Provider: config.Provider{NumCtx: 4096, Spill: config.SpillWarn}, Server: server, Loads: l})
	}})
}
