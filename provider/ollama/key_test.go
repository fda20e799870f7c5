package ollama_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
)

// Ollama asks for no key: what refuses a call stands before it (nginx, Open WebUI,
// LiteLLM's proxy), or is ollama.com, which Ollama 0.12 and later tell by signin_url.
func TestWhoWantsAKey(t *testing.T) {
	for name, tt := range map[string]struct {
		status    int
		body      string
		key, sign bool
	}{
		"a proxy's text":    {401, "Unauthorized", true, false},
		"nginx's page":      {401, "<html><head><title>401 Authorization Required</title></head></html>", true, false},
		"Open WebUI":        {401, `{"detail":"Not authenticated"}`, true, false},
		"forbidden":         {403, `{"detail":"Forbidden"}`, true, false},
		"ollama.com's word": {401, `{"error":"unauthorized","signin_url":"https://ollama.com/connect?name=x"}`, false, true},
		"no cloud":          {403, `{"error":"ollama cloud is disabled: remote model details are unavailable"}`, false, false},
		"an error":          {500, `{"error":"boom"}`, false, false},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tt.status)
			fmt.Fprint(w, tt.body)
		}))
		p, err := ollama.New(ollama.Config{Host: s.URL, Model: "m"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = provider.Collect(p.Chat(t.Context(), provider.Request{Messages: []provider.Message{provider.User("hi")}}))
		if key, sign := errors.Is(err, failure.ErrKeyInHeader), errors.Is(err, failure.ErrSignIn); key != tt.key || sign != tt.sign || (key || sign) != errors.Is(err, provider.Denied) {
			t.Errorf("%s: %v: a key %v, to sign in %v", name, err, key, sign)
		}
		s.Close()
	}
}
