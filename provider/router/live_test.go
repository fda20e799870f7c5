package router_test

import (
	"net"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/testengine"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
	"github.com/tandem-llm/tandem/provider/openai"
	"github.com/tandem-llm/tandem/provider/providertest"
	"github.com/tandem-llm/tandem/provider/router"
)

// local is the target of an Ollama, hosted that of llama.cpp's server.
func local(t *testing.T, host, model string) router.Target {
	t.Helper()
	tr := httpx.NewTransport(httpx.Options{})
	t.Cleanup(tr.CloseIdleConnections)
	p, err := ollama.New(ollama.Config{Name: "local", Host: host, Model: model, NumCtx: 4096, RoundTripper: tr})
	if err != nil {
		t.Fatal(err)
	}
	return router.Target{Provider: p, Local: yes}
}

func hosted(t *testing.T, e testengine.OpenAIEngine) router.Target {
	t.Helper()
	tr := httpx.NewTransport(httpx.Options{})
	t.Cleanup(tr.CloseIdleConnections)
	p, err := openai.New(openai.Config{Name: "hosted", BaseURL: e.BaseURL, Key: e.Key, Model: e.Model, RoundTripper: tr, Local: true})
	if err != nil {
		t.Fatal(err)
	}
	return router.Target{Provider: p}
}

// deadHost is an address where nothing listens.
func deadHost(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestLiveStandIn(t *testing.T) {
	o, e := testengine.Ollama(t), testengine.OpenAI(t)
	dead := deadHost(t)
	for what, tc := range map[string]struct {
		host, model string
		kind        provider.Kind
		reason      string
	}{
		"nothing listens":     {dead, o.Model, provider.Unavailable, "fallback: local: http://" + dead + ": nothing is listening there (connection refused)"},
		"the model is absent": {o.URL, "no-such-model", provider.ModelNotFound, "fallback: local: model not found (404): model 'no-such-model' not found"},
	} {
		t.Run(what, func(t *testing.T) {
			r := newRouter(t, "local hosted", local(t, tc.host, tc.model), hosted(t, e))
			got, err := ask(t.Context(), r, provider.Request{MaxTokens: provider.Ptr(3)})
			if err != nil || got.Text == "" {
				t.Fatalf("%+v, %v", got, err)
			}
			rt := got.Route
			if rt.Provider != "hosted" || rt.Endpoint != strings.TrimSuffix(e.BaseURL, "/v1") || rt.Reason != tc.reason {
				t.Errorf("route %+v, want the reason %q", rt, tc.reason)
			}
			if at := rt.Attempts; len(at) != 2 || at[0].Kind != tc.kind || at[0].Outcome != provider.OutcomeFailed || at[0].Model != tc.model || at[1].Outcome != provider.OutcomeAnswered {
				t.Errorf("attempts %+v", at)
			}
		})
	}
}

func TestLiveRouterIsWell(t *testing.T) {
	o, e := testengine.Ollama(t), testengine.OpenAI(t)
	t.Run("local", func(t *testing.T) {
		providertest.TestLive(t, providertest.Live{
			New:   func(t *testing.T) provider.Provider { return newRouter(t, "local", local(t, o.URL, o.Model)) },
			Model: o.Model, Endpoint: o.URL, Answers: "local", Lists: true, Window: 4096,
		})
	})
	t.Run("hosted stands in", func(t *testing.T) {
		dead := deadHost(t)
		providertest.TestLive(t, providertest.Live{
			New: func(t *testing.T) provider.Provider {
				return newRouter(t, "local hosted", local(t, dead, ""), hosted(t, e))
			},
			Model: e.Model, Endpoint: strings.TrimSuffix(e.BaseURL, "/v1"), Answers: "hosted", Secret: e.Key, Lists: true, OneModel: true,
		})
	})
}
