package ollama_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
)

// An Ollama before 0.12.6 drops the oldest messages of what does not fit, and
// says nothing.
func TestOldServersAreNotGivenWhatTheyMayCut(t *testing.T) {
	long := strings.Repeat("word ", 1000) // up to 5,000 tokens
	talk := []provider.Message{provider.User(long), provider.Assistant("Yes."), provider.User("Go on.")}
	for what, tc := range map[string]struct {
		version  string // "": the server does not tell
		window   int
		messages []provider.Message
		refused  bool
	}{
		"0.11, long":                     {"0.11.11", 4096, talk, true},
		"0.12.5, long":                   {"0.12.5", 4096, talk, true},
		"a candidate of 0.12.5":          {"0.12.5-rc1", 4096, talk, true},
		"0.12.6, long":                   {"0.12.6", 4096, talk, false},
		"0.17, long":                     {"0.17.4", 4096, talk, false},
		"1.0, long":                      {"1.0.0", 4096, talk, false},
		"development, long":              {"0.0.0", 4096, talk, false},
		"no version":                     {"", 4096, talk, false},
		"0.11, surely fits":              {"0.11.11", 8192, talk, false},
		"0.11, short":                    {"0.11.11", 0, []provider.Message{provider.User("hi"), provider.Assistant("hi"), provider.User("Go on.")}, false},
		"0.11, one message, told if cut": {"0.11.11", 4096, []provider.Message{provider.System("s"), provider.User(long)}, false},
		"0.11, one message, no window":   {"0.11.11", 0, []provider.Message{provider.User(long)}, true},
	} {
		t.Run(what, func(t *testing.T) {
			var chats, versions atomic.Int64
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case "/api/chat":
					chats.Add(1)
					_, _ = io.WriteString(w, `{"model":"m","message":{"role":"assistant","content":"hi"},"done":true,"done_reason":"stop"}`+"\n")
				case "/api/version":
					versions.Add(1)
					if tc.version == "" {
						w.WriteHeader(http.StatusNotFound)
						return
					}
					_, _ = io.WriteString(w, `{"version":"`+tc.version+`"}`)
				}
			}))
			defer srv.Close()
			tr := httpx.NewTransport(httpx.Options{})
			defer tr.CloseIdleConnections()
			p, err := ollama.New(ollama.Config{Host: srv.URL, Model: "m", NumCtx: tc.window, RoundTripper: tr})
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				_, err = provider.Collect(p.Chat(context.Background(), provider.Request{Messages: tc.messages}))
				if tc.refused != (provider.KindOf(err) == provider.Unsupported) || !tc.refused && err != nil {
					t.Errorf("got %v, want it refused: %v", err, tc.refused)
				}
			}
			if tc.refused != (chats.Load() == 0) || versions.Load() > 1 {
				t.Errorf("%d chats were sent; the version was asked %d times", chats.Load(), versions.Load())
			}
			if tc.refused && !strings.Contains(err.Error(), "upgrade Ollama") {
				t.Errorf("no remedy: %v", err)
			}
		})
	}
}
