package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
	"github.com/tandem-llm/tandem/provider"
)

// inMemory is an Ollama that has the model m in memory with a window; 0: it has not.
func inMemory(t *testing.T, window int) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		var out any
		switch r.URL.Path {
		case "/api/ps":
			models := []any{}
			if window > 0 {
				models = append(models, map[string]any{"name": "m:latest", "model": "m:latest", "size": 10, "size_vram": 10, "context_length": window, "expires_at": "2099-01-01T00:00:00Z"})
			}
			out = map[string]any{"models": models}
		case "/api/show":
			out = map[string]any{"capabilities": []string{"completion"}, "model_info": map[string]any{"general.architecture": "llama", "llama.context_length": 40000}}
		case "/api/tags":
			out = map[string]any{"models": []any{map[string]any{"name": "m:latest", "model": "m:latest"}}}
		case "/api/version":
			out = map[string]any{"version": "0.17.4"}
		default:
			w.WriteHeader(http.StatusNotFound)
			out = map[string]any{"error": "none"}
		}
		_ = json.NewEncoder(w).Encode(out)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// What becomes of the window that a client asks for.
func TestWindow(t *testing.T) {
	for _, c := range []struct {
		name, policy      string
		configured, inMem int
		asked, words      int
		limit             int
		want              any // the request's num_ctx; nil: as configured
		note              string
	}{
		{"nothing asked", "grow", 4096, 0, 0, 10, 0, nil, ""},
		{"fits the configured one", "grow", 4096, 0, 16384, 10, 0, nil, "num_ctx 16384 is not used"},
		{"fits the loaded one", "grow", 4096, 8192, 2048, 10, 0, 8192, "num_ctx 2048 is not used: the prompt fits the window of 8192"},
		{"needs more", "grow", 4096, 4096, 0, 4500, 0, 16384, "the context window grows from 4096 to 16384 tokens"},
		{"needs more than the model has", "grow", 4096, 4096, 0, 20000, 0, 40000, "grows from 4096 to 40000"},
		{"a limit that no window holds", "grow", 4096, 4096, 0, 10, 32000, 8192, "grows from 4096 to 8192"},
		{"kept", "keep", 4096, 4096, 0, 9000, 0, nil, ""},
		{"kept whatever is asked", "keep", 4096, 8192, 32768, 9000, 0, 8192, "num_ctx 32768 is not used"},
		{"exactly", "exact", 4096, 8192, 32768, 10, 0, 32768, ""},
		{"auto", "grow", -1, 0, 2048, 10, 0, nil, "the configuration says auto"},
	} {
		window := fmt.Sprint(c.configured)
		if c.configured < 0 {
			window = "auto"
		}
		st := gatewaytest.Open(t, fmt.Sprintf("use: [gpu]\ngateway: {window_policy: %s}\nproviders:\n- {name: gpu, kind: ollama, managed: false, host: '%s', model: m, num_ctx: %s}\n", c.policy, strings.TrimPrefix(inMemory(t, c.inMem), "http://"), window))
		s := New(Config{Stack: st})
		q := &exchange.Question{Request: provider.Request{Messages: []provider.Message{provider.User(strings.Repeat("word ", c.words))}}}
		if c.asked > 0 {
			q.Request.Options = provider.Options{"num_ctx": float64(c.asked)}
		}
		if c.limit > 0 {
			q.Request.MaxTokens = &c.limit
		}
		if err := s.window(t.Context(), st, q); err != nil {
			t.Fatal(err)
		}
		got := q.Request.Options["num_ctx"]
		if fmt.Sprint(got) != fmt.Sprint(c.want) || !strings.Contains(strings.Join(q.Notes, "; "), c.note) || c.note == "" && len(q.Notes) > 0 {
			t.Errorf("%s: num_ctx %v, want %v; notes %q", c.name, got, c.want, q.Notes)
		}
	}
}
