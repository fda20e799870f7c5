package router_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
	"github.com/tandem-llm/tandem/provider/openai"
	"github.com/tandem-llm/tandem/provider/router"
)

// A program that names its two providers, and nothing else, has what the
// command line has: the order, the fallback, and privacy that holds.
func TestTwoAdaptersNeedNoHooks(t *testing.T) {
	var local, hosted atomic.Int32
	down := atomic.Bool{}
	engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		local.Add(1)
		if down.Load() {
			http.Error(w, `{"error":"model 'm' not found"}`, http.StatusNotFound)
			return
		}
		_, _ = w.Write([]byte(`{"model":"m","message":{"role":"assistant","content":"here"},"done":true,"done_reason":"stop"}` + "\n"))
	}))
	defer engine.Close()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hosted.Add(1)
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = w.Write([]byte("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"there\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"))
	}))
	defer api.Close()
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	mine, err := ollama.New(ollama.Config{Host: engine.URL, Model: "m", RoundTripper: tr})
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := openai.New(openai.Config{Name: "hosted", BaseURL: api.URL + "/v1", Model: "big", RoundTripper: tr})
	if err != nil {
		t.Fatal(err)
	}
	r, err := router.New(router.Config{Targets: []router.Target{{Provider: mine}, {Provider: theirs}}})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(privacy provider.Privacy) (string, error) {
		resp, err := provider.Collect(r.Chat(context.Background(), provider.Request{Messages: []provider.Message{provider.User("hi")}, Privacy: privacy}))
		return resp.Text, err
	}
	if text, err := ask(provider.PrivacyLocal); text != "here" || err != nil {
		t.Errorf("private, and the engine is up: %q, %v", text, err)
	}
	down.Store(true)
	if text, err := ask(""); text != "there" || err != nil {
		t.Errorf("the engine lacks the model: %q, %v", text, err)
	}
	before := hosted.Load()
	if _, err := ask(provider.PrivacyLocal); err == nil || hosted.Load() != before {
		t.Errorf("private, and the engine lacks the model: %v, %d calls elsewhere", err, hosted.Load()-before)
	}
	if _, err := router.New(router.Config{}); provider.KindOf(err) != provider.Invalid {
		t.Errorf("a router over nothing: %v", err)
	}
}
