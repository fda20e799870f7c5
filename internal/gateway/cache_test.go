package gateway_test

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/gateway"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
)

// X-Tandem-Cache only forbids, in every dialect and for the steps of chains: with it a
// question is asked again, and is kept no more than the configuration says.
func TestTheCacheHeader(t *testing.T) {
	bodies := map[string]string{
		"/v1/chat/completions":  `{"model":"echo","temperature":0,"messages":[{"role":"user","content":"%s"}]}`,
		"/v1/responses":         `{"model":"echo","temperature":0,"store":false,"input":"%s"}`,
		"/v1/messages":          `{"model":"echo","temperature":0,"max_tokens":9,"messages":[{"role":"user","content":"%s"}]}`,
		"/api/chat":             `{"model":"echo","stream":false,"options":{"temperature":0},"messages":[{"role":"user","content":"%s"}]}`,
		"/chains/c/invoke":      `{"input":"%s"}`,
		"/chains/c/stream":      `{"input":"%s"}`,
		"/chains/c/stream_log":  `{"input":"%s"}`,
		"/v1/chat/completions#": `{"model":"chain:c","messages":[{"role":"user","content":"%s"}]}`,
	}
	for path, form := range bodies {
		for _, on := range []bool{true, false} {
			t.Run(fmt.Sprint(path, on), func(t *testing.T) {
				e, dir := gatewaytest.NewEngine(t), t.TempDir()
				if err := os.WriteFile(filepath.Join(dir, "c.yaml"), []byte("name: c\nprompt: '{x}'\nmodel: echo\ntemperature: 0\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				cache := "off"
				if on {
					cache = "on"
				}
				s := gatewaytest.Open(t, fmt.Sprintf("use: [house]\ncache: %s\nproviders:\n- {name: house, kind: openai, base_url: '%s/v1', model: ok, local: true}\n", cache, e.URL))
				g := gateway.New(gateway.Config{Stack: s, Chains: dir})
				srv := httptest.NewServer(g.Handler())
				defer srv.Close()
				for i, c := range []struct {
					text, header string
					asked        int // with the cache
				}{
					{"a", "", 1},
					{"a", "", 1},
					{"a", "no-cache", 2}, // asked again, and kept
					{"a", "", 2},
					{"a", "No-Store", 3},
					{"b", "no-store", 4}, // not kept
					{"b", "", 5},
					{"c", "no-cache", 6},
					{"c", "", 6},
					{"c", "no-store, no-cache", 7},
				} {
					var h []string
					if c.header != "" {
						h = []string{"X-Tandem-Cache: " + c.header}
					}
					r := gatewaytest.Post(t, srv.URL+path, fmt.Sprintf(form, c.text), h...)
					want := c.asked
					if !on {
						want = i + 1
					}
					if got := e.Chats("echo"); r.Status != 200 || got != want {
						t.Errorf("%d %s %q: asked %d times, not %d: %d %s", i, c.text, c.header, got, want, r.Status, r.Body)
					}
				}
				if r := gatewaytest.Post(t, srv.URL+path, fmt.Sprintf(form, "a"), "X-Tandem-Cache: on"); r.Status != 400 && !strings.Contains(r.Body, "event: error") {
					t.Errorf("a value that is none: %d %s", r.Status, r.Body)
				}
			})
		}
	}
}
