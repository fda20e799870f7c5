package openai_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/testengine"
	"github.com/tandem-llm/tandem/internal/tokens"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/openai"
)

func counterOf(t *testing.T, base, key string) *openai.Provider {
	t.Helper()
	tr := httpx.NewTransport(httpx.Options{})
	t.Cleanup(tr.CloseIdleConnections)
	p, err := openai.New(openai.Config{Name: "hosted", BaseURL: base, Key: key, Model: "m", RoundTripper: tr})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Exact means exact: the number that the server then charges.
func TestLiveCountIsWhatTheServerReads(t *testing.T) {
	e := testengine.OpenAI(t)
	p := live(t, e, e.Key)
	for what, msgs := range map[string][]provider.Message{
		"one message":    {provider.User("Why is the sky blue?")},
		"a conversation": {provider.System("You are terse."), provider.User("नमस्ते"), provider.Assistant("Hello."), provider.User("你好, <|im_start|> 12.5")},
	} {
		req := provider.Request{Messages: msgs, MaxTokens: provider.Ptr(1)}
		n, exact, err := p.CountTokens(t.Context(), req)
		if err != nil || !exact {
			t.Fatalf("%s: %d, exact %v, %v", what, n, exact, err)
		}
		r, err := provider.Collect(p.Chat(t.Context(), req))
		if err != nil || r.Usage == nil || r.Usage.InputTokens != n {
			t.Errorf("%s: counted %d; the server says %+v, %v", what, n, r.Usage, err)
		}
	}
}

// The counts that provider's estimator is measured against are the real
// tokenizer's.
func TestLiveCountsOfTheSamples(t *testing.T) {
	e := testengine.OpenAI(t)
	p := live(t, e, e.Key)
	dir := filepath.Join("..", "..", "internal", "tokens", "testdata")
	list, err := os.ReadFile(filepath.Join(dir, "counts"))
	if err != nil {
		t.Fatal(err)
	}
	around := 0
	if around, _, err = p.CountTokens(t.Context(), provider.Request{Messages: []provider.Message{provider.User("\n.\n")}}); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(list)) {
		var name string
		var want int
		if _, err := fmt.Sscan(line, &name, &want); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		got, exact, err := p.CountTokens(t.Context(), provider.Request{Messages: []provider.Message{provider.User(string(text))}})
		if got -= around; err != nil || !exact || got < want-5 || got > want+5 {
			t.Errorf("%s: %d tokens (exact %v, %v), and the list says %d", name, got, exact, err, want)
		}
	}
}

// A server without a tokenizer gets the probe once, and never the prompt.
func TestCountEstimatesWhereNobodyCounts(t *testing.T) {
	const prompt = "a prompt that is nobody's business"
	for what, answer := range map[string]http.HandlerFunc{
		"404":        http.NotFound,
		"web page":   func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>hello</html>") },
		"other JSON": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"tokens":"many"}`) },
		"redirect":   func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) },
	} {
		var mu sync.Mutex
		var asked []string
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			mu.Lock()
			asked = append(asked, r.URL.Path+" "+string(body))
			mu.Unlock()
			answer(w, r)
		}))
		p := counterOf(t, srv.URL+"/v1", canary)
		req := provider.Request{Messages: []provider.Message{provider.User(prompt)}}
		for range 3 {
			n, exact, err := p.CountTokens(t.Context(), req)
			if err != nil || exact || n != tokens.Request(&req) {
				t.Errorf("%s: %d, exact %v, %v; want the estimate", what, n, exact, err)
			}
		}
		srv.Close()
		if len(asked) != 1 || !strings.HasPrefix(asked[0], "/tokenize ") || strings.Contains(asked[0], prompt) {
			t.Errorf("%s: asked %q, want one probe without the prompt", what, asked)
		}
	}
}

func TestCountGoesNowhereItShouldNot(t *testing.T) {
	for base, privacy := range map[string]provider.Privacy{
		"https://api.openai.com/v1": provider.PrivacyAny,   // would need the network: there is none in a test
		"http://192.0.2.1:9/v1":     provider.PrivacyLocal, // refused by the dialer
	} {
		req := provider.Request{Messages: []provider.Message{provider.User("hi")}, Privacy: privacy}
		n, exact, err := counterOf(t, base, "").CountTokens(t.Context(), req)
		if err != nil || exact || n != tokens.Request(&req) {
			t.Errorf("%s: %d, exact %v, %v; want the estimate", base, n, exact, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := counterOf(t, "http://127.0.0.1:1/v1", "").CountTokens(ctx, provider.Request{Messages: []provider.Message{provider.User("hi")}}); err != context.Canceled {
		t.Errorf("cancelled: %v, want the context's own error", err)
	}
	if _, _, err := counterOf(t, "http://127.0.0.1:1/v1", "").CountTokens(t.Context(), provider.Request{}); provider.KindOf(err) != provider.Invalid {
		t.Errorf("no message: %v, want Invalid", err)
	}
}
