package stack

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/stacktest"
	"github.com/tandem-llm/tandem/provider"
)

// TestCompatReachesTheServer: what compat says is not sent, from the user's file
// and from a project's, and what a server refuses is found out without it.
func TestCompatReachesTheServer(t *testing.T) {
	for name, tc := range map[string]struct {
		compat string
		bodies int
	}{
		"nothing": {"", 2},
		"preset":  {"compat: mistral", 1},
		"member":  {"compat: {preset: vllm, omit: [stream_options]}", 1},
	} {
		t.Run(name, func(t *testing.T) {
			var bodies []string
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				bodies = append(bodies, string(body))
				if strings.Contains(string(body), "stream_options") {
					w.WriteHeader(http.StatusUnprocessableEntity)
					_, _ = io.WriteString(w, `{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]}`)
					return
				}
				w.Header().Set("Content-Type", "text/event-stream")
				_, _ = io.WriteString(w, `data: {"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}`+"\n\ndata: [DONE]\n\n")
			}))
			defer srv.Close()
			cfg := stacktest.Load(t, `
use: picky
providers:
  - name: picky
    kind: openai
    base_url: "`+srv.URL+`/v1"
    model: m
    `+tc.compat+"\n", nil, nil)
			got, err := stacktest.Ask(open(t, cfg, Options{}), provider.Request{})
			if err != nil || got.Text != "hi" || len(bodies) != tc.bodies || got.Route.Attempts[0].Tries != tc.bodies {
				t.Errorf("%q, %v after %d requests, and the route says %+v; want %d", got.Text, err, len(bodies), got.Route, tc.bodies)
			}
		})
	}
}
