package cli

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/gateway"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
	"github.com/tandem-llm/tandem/internal/gateway/keystore"
)

// A client that is refused for a while is told when to ask again, and one that is refused
// for good that it need not, as the libraries of OpenAI and Anthropic read it.
func TestARefusalSaysWhetherToAskAgain(t *testing.T) {
	g := gateway.New(gateway.Config{Stack: gatewaytest.Stack(t, gatewaytest.NewEngine(t), "ok")})
	t.Cleanup(func() { _ = g.Close() })
	store := keystore.New(t.TempDir())
	key, err := store.Add(t.Context(), keystore.Key{Name: "a", Rate: 1})
	if err != nil {
		t.Fatal(err)
	}
	_, server, err := guarded(g, config.Gateway{}, store, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(server.Handler)
	defer srv.Close()
	if r := gatewaytest.Do(t, http.MethodGet, srv.URL+"/v1/models", "", "Authorization: Bearer "+key); r.Status != http.StatusOK {
		t.Fatal(r)
	}
	for _, path := range []string{"/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1/embeddings", "/api/chat", "/chains/c/invoke"} {
		r := gatewaytest.Post(t, srv.URL+path, `{}`, "Authorization: Bearer "+key)
		if r.Status != http.StatusTooManyRequests || r.Header.Get("Retry-After") == "" || r.Header.Get("X-Should-Retry") != "true" {
			t.Errorf("%s, too often: %d %v", path, r.Status, r.Header)
		}
		r = gatewaytest.Post(t, srv.URL+path, `{}`, "Authorization: Bearer wrong")
		if r.Status != http.StatusUnauthorized || r.Header.Get("Retry-After") != "" || r.Header.Get("X-Should-Retry") != "false" {
			t.Errorf("%s, a wrong key: %d %v", path, r.Status, r.Header)
		}
	}
}
