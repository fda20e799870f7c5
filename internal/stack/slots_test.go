package stack

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/stacktest"
)

// How many calls a server runs at a time is asked of local servers, at their root and
// with their key, and believed where it is a number.
func TestSlotsOfServers(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		says   string
		want   int
	}{
		// llama.cpp, tools/server/README.md: GET /props
		"llama.cpp":                   {200, `{"default_generation_settings":{"id":0,"n_ctx":2048},"total_slots":3,"model_path":"m.gguf","chat_template":"x"}`, 3},
		"llama.cpp, asked for no key": {401, `{"error":{"code":401,"message":"Invalid API Key","type":"authentication_error"}}`, 0},
		"llama.cpp while it loads":    {503, `{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}`, 0},
		"a router of llama.cpp's":     {200, `{"role":"router","models_max":4}`, 0},
		"vLLM":                        {404, `{"detail":"Not Found"}`, 0},
		"a page":                      {200, `<html></html>`, 0},
		"a text":                      {200, `{"total_slots":"many"}`, 0},
		"less than none":              {200, `{"total_slots":-1}`, 0},
	} {
		var asked []string
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked = append(asked, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization"))
			w.Header().Set("Content-Type", "application/json")
			if strings.HasPrefix(c.says, "<") {
				w.Header().Set("Content-Type", "text/html")
			}
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.says)
		}))
		cfg := stacktest.Load(t, fmt.Sprintf("use: s\nproviders:\n  - {name: s, kind: openai, base_url: \"%s/v1\", model: m, api_key: env:KEY}\n", server.URL), nil, map[string]string{"KEY": "k1"})
		s, err := Open(cfg, Options{StateDir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Slots(t.Context(), "s"); got != c.want || len(asked) != 1 || asked[0] != "GET /props Bearer k1" {
			t.Errorf("%s: %d, asked %q", name, got, asked)
		}
		if s.Slots(t.Context(), "other") != 0 {
			t.Errorf("%s: a provider that is none has slots", name)
		}
		s.Close()
		server.Close()
	}
}
