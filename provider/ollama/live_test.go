package ollama_test

import (
	"context"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/testengine"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
	"github.com/tandem-llm/tandem/provider/providertest"
)

const liveWindow = 4096

func live(t *testing.T, url, model string) *ollama.Provider {
	t.Helper()
	return liveWith(t, url, model, liveWindow)
}

func liveWith(t *testing.T, url, model string, window int) *ollama.Provider {
	t.Helper()
	tr := httpx.NewTransport(httpx.Options{})
	t.Cleanup(tr.CloseIdleConnections)
	keep := 5 * time.Minute
	p, err := ollama.New(ollama.Config{Host: url, Model: model, NumCtx: window, KeepAlive: &keep, RoundTripper: tr})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestLiveServer(t *testing.T) {
	e := testengine.Ollama(t)
	providertest.TestLive(t, providertest.Live{
		New:   func(t *testing.T) provider.Provider { return live(t, e.URL, e.Model) },
		Model: e.Model, Endpoint: e.URL,
		Seed: true, Schema: true, Window: liveWindow, Lists: true, EmbedModel: e.EmbedModel,
		Can:   []provider.Capability{provider.CanChat},
		Lacks: []provider.Capability{provider.CanTools, provider.CanThink, provider.CanVision},
	})
}

func TestLiveVersion(t *testing.T) {
	e := testengine.Ollama(t)
	if v, err := live(t, e.URL, e.Model).Version(context.Background()); err != nil || v == "" || v[0] < '0' || v[0] > '9' {
		t.Errorf("version %q, %v", v, err)
	}
}

func TestLiveInspect(t *testing.T) {
	e := testengine.Ollama(t)
	info, err := live(t, e.URL, e.Model).Inspect(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	if info.Name != e.Model || info.Size < 1<<20 || len(info.Digest) < 64 || info.Context < 1024 || info.Template == "" ||
		info.Remote != "" || info.Family == "" || info.Params == "" || info.Quant == "" {
		t.Errorf("%+v", info.Model)
	}
}
