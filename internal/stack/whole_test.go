package stack

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/tandem-llm/tandem/internal/stacktest"
	"github.com/tandem-llm/tandem/provider"
)

// streaming is a server of both APIs that answers as it is asked, and notes whether that
// was for a stream.
func streaming(t *testing.T, asked *atomic.Bool) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		stream := bytes.Contains(body, []byte(`"stream":true`))
		switch r.URL.Path {
		case "/v1/chat/completions":
			asked.Store(stream)
			if !stream {
				fmt.Fprint(w, `{"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}`)
				return
			}
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(w, "data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
		case "/api/chat":
			asked.Store(stream)
			okChat(w, r)
		case "/api/show":
			fmt.Fprint(w, `{"capabilities":["completion"],"model_info":{"general.architecture":"llama"}}`)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// Whoever has no use for a stream gets one document from an engine on this machine. What
// is elsewhere, and an engine whose first token or pauses are limited, stream all the same.
func TestWholeAnswersAreAskedOfEnginesHere(t *testing.T) {
	const house, ollama = "{name: p, kind: openai, base_url: 'URL/v1', model: m", "{name: p, kind: ollama, host: 'URL', managed: false, model: m"
	for name, c := range map[string]struct {
		provider, model string
		want            bool // a stream
	}{
		"an engine":                  {house + ", local: true}", "", false},
		"an Ollama":                  {ollama + "}", "", false},
		"its model":                  {ollama + "}", "n", false},
		"a model of ollama.com":      {ollama + "}", "n:cloud", true},
		"an API":                     {house + "}", "", true},
		"the first token is limited": {house + ", local: true, timeouts: {first_token: 1h}}", "", true},
		"pauses are limited":         {ollama + ", timeouts: {idle: 1h}}", "", true},
		"the answer is limited":      {house + ", local: true, timeouts: {total: 1h, connect: 1h}}", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Bool
			url := streaming(t, &asked)
			cfg := "use: p\nproviders:\n- " + string(bytes.ReplaceAll([]byte(c.provider), []byte("URL"), []byte(url))) + "\n"
			s := open(t, stacktest.Load(t, cfg, nil, nil), Options{})
			req := provider.Request{Model: c.model, Messages: []provider.Message{provider.User("Hi")}}
			for _, whole := range []bool{false, true} {
				ctx, want := t.Context(), true
				if whole {
					ctx, want = WithWhole(ctx), c.want
				}
				r, err := provider.Collect(s.Chat(ctx, req))
				if err != nil || r.Text != "hi" || asked.Load() != want {
					t.Errorf("whole %v: %q, %v, asked for a stream: %v, want %v", whole, r.Text, err, asked.Load(), want)
				}
			}
		})
	}
}
