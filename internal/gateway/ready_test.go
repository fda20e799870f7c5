package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tandem-llm/tandem/internal/gateway"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/stacktest"
)

// What a load balancer is told.
func TestReady(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	e := gatewaytest.NewEngine(t)
	hosts := func(more string, list ...string) string {
		return fmt.Sprintf("- {name: canary, kind: openai, model: ok, local: true, hosts: ['%s']%s}\n", strings.Join(list, "', '"), more)
	}
	there, nobody := strings.TrimPrefix(e.URL, "http://"), strings.TrimPrefix(gone.URL, "http://")
	house := func(name, model, more string) string {
		return fmt.Sprintf("- {name: %s, kind: openai, base_url: '%s/v1', model: %s%s}\n", name, e.URL, model, more)
	}
	for _, c := range []struct {
		name   string
		config string
		before func(t *testing.T, url, state string, g *gateway.Server)
		status int
		reason string
	}{
		{"it can answer", "use: [canary]\nproviders:\n" + house("canary", "ok", ", local: true"), nil, http.StatusOK, ""},
		{"the engine is down", "use: [canary]\nproviders:\n" + fmt.Sprintf("- {name: canary, kind: openai, base_url: '%s/v1', model: ok, local: true}\n", gone.URL), nil, http.StatusServiceUnavailable, "no provider can answer: unavailable (1)"},
		{"an Ollama is down", "use: [canary]\nproviders:\n" + fmt.Sprintf("- {name: canary, kind: ollama, managed: false, host: '%s', model: ok}\n", gone.URL), nil, http.StatusServiceUnavailable, "no provider can answer: unavailable (1)"},
		{"the engine is down, and another one is not", "use: [down, canary]\nproviders:\n" + fmt.Sprintf("- {name: down, kind: ollama, managed: false, host: '%s', model: ok}\n", gone.URL) + house("canary", "ok", ", local: true"), nil, http.StatusOK, ""},
		{"nothing may leave, and all is elsewhere", "privacy: local\nuse: [canary]\nproviders:\n" + house("canary", "ok", ""), nil, http.StatusServiceUnavailable, "no provider can answer: private (1)"},
		{"offline", "offline: true\nuse: [canary]\nproviders:\n- {name: canary, kind: openai, base_url: 'https://192.0.2.1/v1', model: ok}\n", nil, http.StatusServiceUnavailable, "no provider can answer: offline (1)"},
		{"one of two hosts is down", "use: [canary]\nproviders:\n" + hosts("", nobody, there), nil, http.StatusOK, ""},
		{"no host is left", "use: [canary]\nproviders:\n" + hosts("", nobody, "127.0.0.1:1"), nil, http.StatusServiceUnavailable, "no provider can answer: unavailable (1), no host is left of 2"},
		{
			"no host is left, and another provider is", "use: [canary, other]\nproviders:\n" + hosts("", nobody, "127.0.0.1:1") + house("other", "ok", ", local: true"),
			nil, http.StatusOK, `"warnings":["a provider has no host left of 2"]`,
		},
		{
			"one host is down and one drained", "use: [canary]\nproviders:\n" + hosts("", nobody, there),
			func(t *testing.T, _, _ string, g *gateway.Server) {
				if _, err := g.Exchange().Stack().SetDrained("canary", there, true); err != nil {
					t.Fatal(err)
				}
			}, http.StatusServiceUnavailable, "no host is left of 2",
		},
		{"a machine that a call wakes", "use: [canary]\nproviders:\n- {name: canary, kind: ollama, model: ok, hosts: [{host: '" + nobody + "', wake: 'AA:BB:CC:DD:EE:FF'}]}\n", nil, http.StatusOK, ""},
		{
			"the circuit breaker is open", "use: [canary]\nretries: 0\nproviders:\n" + house("canary", "down", ", local: true"),
			func(t *testing.T, url, _ string, _ *gateway.Server) {
				for range 5 {
					if r := gatewaytest.Post(t, url+"/v1/chat/completions", `{"messages":[{"role":"user","content":"x"}]}`, "Authorization: Bearer sk-a"); r.Status != http.StatusServiceUnavailable {
						t.Errorf("%d %s", r.Status, r.Body)
					}
				}
			}, http.StatusServiceUnavailable, "no provider can answer: unavailable (1)",
		},
		{
			"it stops", "use: [canary]\nproviders:\n" + house("canary", "ok", ", local: true"),
			func(_ *testing.T, _, _ string, g *gateway.Server) { g.Exchange().Close() },
			http.StatusServiceUnavailable, "the server is shutting down",
		},
		{
			"the log is a directory", "use: [canary]\nproviders:\n" + house("canary", "ok", ", local: true"),
			func(t *testing.T, _, state string, _ *gateway.Server) {
				if err := os.MkdirAll(filepath.Join(state, "tandem.db", "x"), 0o700); err != nil {
					t.Fatal(err)
				}
			}, http.StatusServiceUnavailable, "the log cannot be written",
		},
		{
			"the log is no database", "use: [canary]\nproviders:\n" + house("canary", "ok", ", local: true"),
			func(t *testing.T, _, state string, _ *gateway.Server) {
				if err := os.WriteFile(filepath.Join(state, "tandem.db"), []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
					t.Fatal(err)
				}
			}, http.StatusServiceUnavailable, "the log cannot be written",
		},
		{
			"no log is kept", "log: off\nuse: [canary]\nproviders:\n" + house("canary", "ok", ", local: true"),
			func(t *testing.T, _, state string, _ *gateway.Server) {
				if err := os.MkdirAll(filepath.Join(state, "tandem.db", "x"), 0o700); err != nil {
					t.Fatal(err)
				}
			}, http.StatusOK, "",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			state := t.TempDir()
			s, err := stack.Open(stacktest.Load(t, c.config, nil, nil), stack.Options{StateDir: state})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Close)
			url, g := guarded(t, s, keys{"sk-a": {Name: "a", Operator: true}}, io.Discard)
			if c.before != nil {
				c.before(t, url, state, g)
			}
			r := gatewaytest.Do(t, http.MethodGet, url+"/readyz", "")
			if r.Status != c.status || !strings.Contains(r.Body, c.reason) || strings.Contains(r.Body, "canary") {
				t.Errorf("%d %s, want %d with %q and no name", r.Status, r.Body, c.status, c.reason)
			}
			want := 0.0
			if c.status == http.StatusOK {
				want = 1
			}
			if got := scrape(t, url, "Authorization: Bearer sk-a"); got["tandem_ready"] != want {
				t.Errorf("the metrics say %v", got["tandem_ready"])
			}
		})
	}
}

// The log says who cannot answer, once, and that it is over.
func TestReadyIsToldOnce(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	var (
		mu    sync.Mutex
		lines []string
	)
	down := gatewaytest.Open(t, "use: [canary]\nproviders:\n- {name: canary, kind: ollama, managed: false, host: '127.0.0.1:1', model: ok}\n")
	g := gateway.New(gateway.Config{Stack: down, Warn: func(text string) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, text)
	}})
	t.Cleanup(func() { _ = g.Close() })
	srv := httptest.NewServer(g.Handler())
	t.Cleanup(srv.Close)
	for range 3 {
		_ = gatewaytest.Do(t, http.MethodGet, srv.URL+"/readyz", "")
	}
	g.Use(gatewaytest.Stack(t, e, "ok"), "") // after a reload it is looked at again
	if r := gatewaytest.Do(t, http.MethodGet, srv.URL+"/readyz", ""); r.Status != http.StatusOK {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "not ready: no provider can answer: canary: ") || lines[1] != "ready again" {
		t.Errorf("%q", lines)
	}
}
