package stack

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/internal/stacktest"
	"github.com/tandem-llm/tandem/provider"
)

// What a server has instead of a model is asked for where that costs nobody anything:
// of an Ollama, and of a server on this machine. Elsewhere the list counts that was
// asked for before. Errors as Ollama 0.17.4 and OpenAI give them.
func TestAMissingModelNamesThoseThatAreThere(t *testing.T) {
	const (
		tags   = `{"models":[{"name":"qwen3:8b"},{"name":"smollm2:135m"},{"name":"` + canary + `"}]}`
		models = `{"object":"list","data":[{"id":"gpt-4o-mini","object":"model"},{"id":"gpt-4o","object":"model"}]}`
		absent = `{"error":{"message":"The model does not exist","code":"model_not_found"}}`
	)
	for name, tc := range map[string]struct {
		kind, model string
		elsewhere   bool
		before      bool // the list was asked for
		list        string
		status      int
		asked       int32
		want        string // none: the error is the server's alone
	}{
		"an Ollama":                       {"ollama", "qwen3:8", false, false, tags, 200, 1, `local: model "qwen3:8" is not installed; did you mean qwen3:8b? Installed: qwen3:8b, smollm2:135m`},
		"an Ollama elsewhere":             {"ollama", "smolm2:135m", true, false, tags, 200, 1, `did you mean smollm2:135m?`},
		"an Ollama without models":        {"ollama", "qwen3:8", false, false, `{"models":[]}`, 200, 1, `is not installed; installed: none`},
		"an Ollama that lists it":         {"ollama", "qwen3:8b", false, false, tags, 200, 1, ""},
		"an Ollama that lists it, latest": {"ollama", "qwen3", false, false, `{"models":[{"name":"qwen3:latest"}]}`, 200, 1, ""},
		"an Ollama whose list fails":      {"ollama", "qwen3:8", false, false, `{"error":"no"}`, 500, 1, ""},
		"an Ollama whose list is none":    {"ollama", "qwen3:8", false, false, `<html>`, 200, 1, ""},
		"a server here":                   {"openai", "gpt-4o-mni", false, false, models, 200, 1, `does not exist; did you mean gpt-4o-mini? Available: gpt-4o-mini, gpt-4o`},
		"a server here that lists none":   {"openai", "gpt-4o-mni", false, false, `{"data":[]}`, 200, 1, ""},
		"a server elsewhere":              {"openai", "gpt-4o-mni", true, false, models, 200, 0, ""},
		"a server elsewhere, listed":      {"openai", "gpt-4o-mni", true, true, models, 200, 1, `did you mean gpt-4o-mini?`},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				status, body := 404, absent
				switch {
				case strings.HasSuffix(r.URL.Path, "/api/tags"), strings.HasSuffix(r.URL.Path, "/models"):
					asked.Add(1)
					status, body = tc.status, tc.list
				case tc.kind == "ollama":
					body = fmt.Sprintf(`{"error":"model '%s' not found"}`, tc.model)
				}
				w.WriteHeader(status)
				_, _ = w.Write([]byte(body))
			}))
			t.Cleanup(srv.Close)
			url := srv.URL
			if tc.elsewhere { // the same server, under an address that is not this machine's by name
				url = strings.Replace(url, "127.0.0.1", "0.0.0.0", 1)
			}
			key := "managed: false, host"
			if tc.kind == "openai" {
				key, url = "base_url", url+"/v1"
			}
			s := open(t, stacktest.Load(t, fmt.Sprintf("use: local\nretries: 0\nproviders:\n  - {name: local, kind: %s, %s: %q, model: %q}\n", tc.kind, key, url, tc.model), nil, nil), Options{})
			s.secrets.Add(canary)
			target, _ := s.Target("local")
			if tc.before {
				if _, err := target.Provider.Models(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			_, err := provider.Collect(s.Chat(t.Context(), stacktest.Question("a secret")))
			if provider.KindOf(err) != provider.ModelNotFound || strings.Contains(err.Error(), "a secret") || strings.Contains(err.Error(), canary) {
				t.Fatalf("got %v", err)
			}
			if n := asked.Load(); n != tc.asked {
				t.Errorf("the list was asked for %d times, want %d", n, tc.asked)
			}
			if is := failure.MissingOf(err) != nil; is != (tc.want != "") || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// A server that keeps its list to itself holds nobody up, and what was cancelled stays
// so.
func TestAMissingModelWaitsForNoList(t *testing.T) {
	s := open(t, stacktest.Load(t, "use: local\nproviders:\n  - {name: local, host: \""+stacktest.Nobody(t)+"\", managed: false}\n", nil, nil), Options{})
	missing := provider.Errorf(provider.ModelNotFound, "local", "m", "not found")
	if got := s.ExplainMissing(t.Context(), missing, ""); got != error(missing) {
		t.Errorf("without an answer: %v", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := s.ExplainMissing(ctx, missing, ""); got != error(missing) {
		t.Errorf("cancelled: %v", got)
	}
}

func TestNearModels(t *testing.T) {
	have := []string{"qwen3:8b", "qwen3:14b", "llama3.2:1b", "hf.co/bartowski/Phi-4-GGUF:Q4_K_M", "gpt-4o-mini", "deepseek-r1:7b"}
	for asked, want := range map[string][]string{
		"qwen3:8":              {"qwen3:8b"},
		"qwen3":                {"qwen3:8b", "qwen3:14b"},
		"Qwen3:8B":             {"qwen3:8b"},
		"qwen3:235b-a22b":      {"qwen3:8b", "qwen3:14b"},
		"lama3.2:1b":           {"llama3.2:1b"},
		"llama3.2":             {"llama3.2:1b"},
		"phi-4-gguf":           {"hf.co/bartowski/Phi-4-GGUF:Q4_K_M"},
		"library/deepseek-r1":  {"deepseek-r1:7b"},
		"gpt-4o-mni":           {"gpt-4o-mini"},
		"gpt-4o":               {"gpt-4o-mini"},
		"mistral-small3.2:24b": nil,
		"":                     nil,
	} {
		if got := nearModels(asked, have); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", asked, got, want)
		}
	}
}
