package openai_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/openai"
)

// The window with which an Ollama is to load a model keeps no other server from
// answering, and is not sent there.
func TestTheWindowOfAnOllamaIsLeftOut(t *testing.T) {
	var sent string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		sent = string(data)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"x","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}]}`)
	}))
	t.Cleanup(srv.Close)
	tr := httpx.NewTransport(httpx.Options{})
	t.Cleanup(tr.CloseIdleConnections)
	p, err := openai.New(openai.Config{Name: "o", BaseURL: srv.URL + "/v1", Model: "m", RoundTripper: tr})
	if err != nil {
		t.Fatal(err)
	}
	req := provider.Request{Messages: []provider.Message{provider.User("Hi")}, NoStream: true, Options: provider.Options{"num_ctx": 8192, "top_k": 5}}
	r, err := provider.Collect(p.Chat(t.Context(), req))
	if err != nil || r.Text != "Hello" || strings.Contains(sent, "num_ctx") || !strings.Contains(sent, `"top_k":5`) {
		t.Errorf("got %q, %v; sent %s", r.Text, err, sent)
	}
}
