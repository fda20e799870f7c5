package gateway_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tandem-llm/tandem/internal/gateway"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
)

// Lists tell the window that a model has as it is used: no more than it was made for,
// though Ollama's own list does not say that. A chain has the
// window of the default model.
func TestListsTellTheWindowInUse(t *testing.T) {
	engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/api/show":
			fmt.Fprint(w, `{"capabilities":["embedding"],"details":{"family":"bert"},"model_info":{"general.architecture":"bert","bert.context_length":512}}`)
		case "/api/tags":
			fmt.Fprint(w, `{"models":[{"name":"mini:latest","digest":"aa"}]}`)
		default:
			fmt.Fprint(w, `{"version":"0.33.3"}`)
		}
	}))
	defer engine.Close()
	s := gatewaytest.Open(t, fmt.Sprintf("use: [gpu]\nproviders:\n- {name: gpu, kind: ollama, managed: false, host: '%s', model: mini, num_ctx: 4096}\n", strings.TrimPrefix(engine.URL, "http://")))
	g := gateway.New(gateway.Config{Stack: s, Chains: chainFolder(t)})
	srv := httptest.NewServer(g.Handler())
	defer srv.Close()
	for path, want := range map[string][]string{
		"/v1/models":           {`"id":"mini:latest","object":"model"`, `"context_length":512`},
		"/v1/models/mini":      {`"context_length":512`},
		"/api/tags":            {`"context_length":512`},
		"/v1/models/chain:one": {`"context_length":512`},
	} {
		r := gatewaytest.Do(t, http.MethodGet, srv.URL+path, "")
		for _, w := range want {
			if !strings.Contains(r.Body, w) || strings.Contains(r.Body, "4096") {
				t.Errorf("%s: no %s: %s", path, w, r.Body)
			}
		}
	}
	if r := gatewaytest.Post(t, srv.URL+"/api/show", `{"model":"chain:one"}`); !strings.Contains(r.Body, `"chain.context_length":512`) {
		t.Errorf("the chain: %s", r.Body)
	}
}

// The windows of many models take one list and a question each, a few at a time.
func TestManyModelsAreListedAtOnce(t *testing.T) {
	const models = 60
	var tags, shows, now, most atomic.Int32
	engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/api/show":
			shows.Add(1)
			for n := now.Add(1); ; {
				if m := most.Load(); n <= m || most.CompareAndSwap(m, n) {
					break
				}
			}
			now.Add(-1)
			fmt.Fprint(w, `{"capabilities":["completion"],"model_info":{"general.architecture":"llama","llama.context_length":8192}}`)
		case "/api/tags":
			tags.Add(1)
			var list []string
			for i := range models {
				list = append(list, fmt.Sprintf(`{"name":"m%d:latest","digest":"d%d"}`, i, i))
			}
			fmt.Fprintf(w, `{"models":[%s]}`, strings.Join(list, ","))
		default:
			fmt.Fprint(w, `{"version":"0.17.4"}`)
		}
	}))
	defer engine.Close()
	s := gatewaytest.Open(t, fmt.Sprintf("use: [gpu]\nproviders:\n- {name: gpu, kind: ollama, managed: false, host: '%s', model: m1, num_ctx: 16384}\n", strings.TrimPrefix(engine.URL, "http://")))
	g := gateway.New(gateway.Config{Stack: s})
	srv := httptest.NewServer(g.Handler())
	defer srv.Close()
	r := gatewaytest.Do(t, http.MethodGet, srv.URL+"/v1/models", "")
	if n := strings.Count(r.Body, `"context_length":8192`); n < models {
		t.Errorf("%d of %d windows are told: %s", n, models, r.Body)
	}
	if tags.Load() > 2 || shows.Load() != models || most.Load() > 8 {
		t.Errorf("%d lists, %d questions about a model, %d at a time", tags.Load(), shows.Load(), most.Load())
	}
}
