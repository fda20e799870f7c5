package ollama_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/testengine"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
)

// Ollama 0.33.3 without truncate:false read 258 tokens of a prompt of 6,000
// words, answered 200 and nothing. So might a proxy that drops the option.
func TestAnAnswerToPartOfThePromptIsNone(t *testing.T) {
	long := strings.Repeat("word ", 6000)
	for what, tc := range map[string]struct {
		version, text string
		read          int // prompt_eval_count; 0: left out
		cut           bool
	}{
		"half a window":                       {"0.33.3", long, 258, true},
		"a development build":                 {"0.0.0", long, 258, true},
		"all of it":                           {"0.33.3", long, 6010, false},
		"fewer tokens than words, not half":   {"0.33.3", long, 3500, false},
		"not told":                            {"0.33.3", long, 0, false},
		"a server that leaves out the cached": {"0.3.14", long, 1, false},
		"a server that says no version":       {"", long, 258, false},
		"a short prompt":                      {"0.33.3", "Hi there", 12, false},
		"a script without blanks":             {"0.33.3", strings.Repeat("你好", 3000), 258, true},
		"all of a script without blanks":      {"0.33.3", strings.Repeat("你好", 3000), 3000, false},
	} {
		t.Run(what, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.URL.Path == "/api/version" && tc.version != "":
					fmt.Fprintf(w, `{"version":%q}`, tc.version)
				case r.URL.Path == "/api/chat":
					count := ""
					if tc.read > 0 {
						count = fmt.Sprintf(`,"prompt_eval_count":%d`, tc.read)
					}
					_, _ = io.WriteString(w, `{"model":"m","message":{"role":"assistant","content":"ok"},"done":true,"done_reason":"stop"`+count+"}\n")
				default:
					http.NotFound(w, r)
				}
			}))
			defer srv.Close()
			tr := httpx.NewTransport(httpx.Options{})
			defer tr.CloseIdleConnections()
			p, err := ollama.New(ollama.Config{Host: srv.URL, Model: "m", NumCtx: 8192, RoundTripper: tr})
			if err != nil {
				t.Fatal(err)
			}
			_, err = provider.Collect(p.Chat(context.Background(), provider.Request{Messages: []provider.Message{provider.User(tc.text)}}))
			if got := provider.KindOf(err) == provider.ContextOverflow; got != tc.cut || !tc.cut && err != nil {
				t.Errorf("got %v, want an overflow: %v", err, tc.cut)
			}
		})
	}
}

// The count that the check stands on: what the prompt cache holds is in it.
func TestLiveCachedPromptIsCountedWhole(t *testing.T) {
	e := testengine.Ollama(t)
	p := live(t, e.URL, e.Model)
	req := shortChat(strings.Repeat("The quick brown fox jumps over the lazy dog. ", 20), 2)
	var first int
	for i := range 3 {
		r, err := provider.Collect(p.Chat(t.Context(), req))
		if err != nil || r.Usage == nil {
			t.Fatalf("%+v, %v", r, err)
		}
		if i == 0 {
			first = r.Usage.InputTokens
		}
		if r.Usage.InputTokens != first || first < 180 {
			t.Errorf("the same prompt has %d tokens and then %d", first, r.Usage.InputTokens)
		}
	}
	n, exact, err := p.CountTokens(t.Context(), req)
	if off := float64(n)/float64(first) - 1; err != nil || exact || off < -0.2 || off > 0.2 {
		t.Errorf("counted %d before the call (exact %v, %v), the engine %d: more than 20 %% off", n, exact, err, first)
	}
}
