package gateway_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/gateway"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
	"github.com/tandem-llm/tandem/internal/gateway/guard"
	"github.com/tandem-llm/tandem/internal/stack"
)

// keys are callers by their key.
type keys map[string]guard.Caller

func (k keys) Entries() (out []guard.Entry, err error) {
	for key, c := range k {
		out = append(out, guard.Entry{Hash: sha256.Sum256([]byte(key)), Caller: c})
	}
	return out, nil
}

// guarded is the URL of a gateway behind its guard, as `tandem serve` runs it; folder has
// its chains, if there is one.
func guarded(t *testing.T, s *stack.Stack, callers keys, log io.Writer, folder ...string) (string, *gateway.Server) {
	t.Helper()
	g := gateway.New(gateway.Config{Stack: s, Chains: strings.Join(folder, "")})
	t.Cleanup(func() { _ = g.Close() })
	stands, err := guard.New(guard.Config{Keys: callers, Public: gateway.Public, Served: g.Served, Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = stands.Server(g.Handler())
	srv.Start()
	t.Cleanup(srv.Close)
	return srv.URL, g
}

// chainFolder has the chain one, of one step that asks the model ok.
func chainFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	text := "name: one\ndescription: about a topic\nsteps:\n  - {name: one, prompt: 'What of {topic}?', model: ok, max_tokens: 10}\n"
	if err := os.WriteFile(filepath.Join(dir, "one.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A model is downloaded only for a key that may.
func TestPull(t *testing.T) {
	pulls := 0
	engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/api/pull":
			pulls++
			fmt.Fprintln(w, `{"status":"pulling manifest"}`)
			fmt.Fprintln(w, `{"status":"success"}`)
		case "/api/tags", "/api/ps":
			fmt.Fprintln(w, `{"models":[]}`)
		default:
			fmt.Fprintln(w, `{"version":"0.17.4"}`)
		}
	}))
	t.Cleanup(engine.Close)
	s := gatewaytest.Open(t, fmt.Sprintf("use: [gpu]\nproviders:\n- {name: gpu, kind: ollama, managed: false, host: '%s', model: m}\n", strings.TrimPrefix(engine.URL, "http://")))
	for _, c := range []struct {
		name    string
		callers keys
		key     string
		status  int
		pulls   int
	}{
		{"no key is needed", nil, "ollama", http.StatusForbidden, 0},
		{"a key that may not", keys{"sk-a": {Name: "a"}}, "sk-a", http.StatusForbidden, 0},
		{"a key that may", keys{"sk-a": {Name: "a", Pull: true}}, "sk-a", http.StatusOK, 1},
		{"a key that may, for another provider", keys{"sk-a": {Name: "a", Pull: true, Use: []string{"other"}}}, "sk-a", http.StatusForbidden, 0},
	} {
		pulls = 0
		url, _ := guarded(t, s, c.callers, io.Discard)
		r := gatewaytest.Post(t, url+"/api/pull", `{"model":"small"}`, "Authorization: Bearer "+c.key)
		if r.Status != c.status || pulls != c.pulls || c.status == http.StatusOK && !strings.Contains(r.Body, `"success"`) {
			t.Errorf("%s: %d, %d downloads: %s", c.name, r.Status, pulls, r.Body)
		}
	}
}
