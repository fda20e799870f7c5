package ollama_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
)

func TestToolCallsComeWhole(t *testing.T) {
	const call = `{"model":"m","message":{"role":"assistant","content":"","tool_calls":[{"id":"c1","function":{"index":0,"name":"f","arguments":{"a":1}}},{"function":{"name":"g","arguments":{}}}]},"done":false}` + "\n"
	const last = `{"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":7,"eval_count":3}` + "\n"
	for name, body := range map[string]string{
		"before the end": call + last,
		"in the end":     strings.Replace(call, `"done":false`, `"done":true,"done_reason":"stop"`, 1),
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }))
		r, err := provider.Collect(newProvider(t, srv.URL).Chat(context.Background(), provider.Request{Messages: []provider.Message{provider.User("hi")}}))
		srv.Close()
		if err != nil || r.Finish != provider.FinishToolCalls || len(r.ToolCalls) != 2 {
			t.Errorf("%s: %+v, %v", name, r, err)
			continue
		}
		one, two := r.ToolCalls[0], r.ToolCalls[1]
		if one.ID != "c1" || one.Name != "f" || string(one.Arguments) != `{"a":1}` || two.Name != "g" || string(two.Arguments) != `{}` {
			t.Errorf("%s: %+v", name, r.ToolCalls)
		}
	}
}

func TestClocksAreTimeouts(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		_, _ = io.WriteString(w, `{"model":"m","message":{"role":"assistant","content":"Hel"},"done":false}`+"\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	defer srv.Close()
	tr := httpx.NewTransport(httpx.Options{Idle: 30 * time.Millisecond})
	defer tr.CloseIdleConnections()
	p, err := ollama.New(ollama.Config{Host: srv.URL, Model: "m", RoundTripper: tr})
	if err != nil {
		t.Fatal(err)
	}
	r, err := provider.Collect(p.Chat(context.Background(), provider.Request{Messages: []provider.Message{provider.User("hi")}}))
	if provider.KindOf(err) != provider.Timeout || r.Text != "Hel" {
		t.Errorf("%q, %v; want a Timeout after what came", r.Text, err)
	}
}

func TestPullEndsOnlyWithSuccess(t *testing.T) {
	const layer = `{"status":"pulling 0123","digest":"sha256:0123","total":10,"completed":5}` + "\n"
	for name, tc := range map[string]struct {
		body string
		kind provider.Kind
		says string
	}{
		"whole":       {layer + `{"status":"success"}` + "\n", "", ""},
		"broken off":  {layer, provider.Truncated, "run it again"},
		"no such":     {`{"error":"pull model manifest: file does not exist"}` + "\n", provider.ModelNotFound, "the registry has no such model"},
		"no registry": {`{"error":"pull model manifest: Get \"https://registry.ollama.ai/v2/\": dial tcp: lookup registry.ollama.ai: no such host"}` + "\n", provider.Unavailable, "cannot reach the registry"},
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, tc.body) }))
		puller, ok := provider.As[provider.Puller](newProvider(t, srv.URL))
		if !ok {
			t.Fatal("it has no Pull")
		}
		var last provider.PullProgress
		var failed error
		for p, err := range puller.Pull(context.Background(), "x") {
			if failed = err; err == nil {
				last = p
			}
		}
		srv.Close()
		if provider.KindOf(failed) != tc.kind || last.Done != (tc.kind == "") || failed != nil && !strings.Contains(failed.Error(), tc.says) {
			t.Errorf("%s: ended with %+v, %v", name, last, failed)
		}
	}
}
