package ollama_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/provider"
)

func TestClassification(t *testing.T) {
	newer := `{"error":{"code":400,"message":"request (6010 tokens) exceeds the available context size (512 tokens), try increasing it","type":"exceed_context_size_error","n_prompt_tokens":6010,"n_ctx":512}}`
	for name, tc := range map[string]struct {
		status int
		text   string // of the member "error"
		kind   provider.Kind
		says   string
	}{
		"no such model":        {404, "model 'x' not found", provider.ModelNotFound, "model 'x' not found"},
		"overflow to 0.17":     {400, "the input length exceeds the context length", provider.ContextOverflow, ""},
		"overflow from 0.33":   {400, newer, provider.ContextOverflow, "6010 tokens"},
		"no thinking":          {400, `"m" does not support thinking`, provider.Unsupported, "thinking"},
		"no tools":             {400, `m does not support tools`, provider.Unsupported, "tools"},
		"no embeddings":        {501, "This server does not support embeddings. Start it with `--embeddings`", provider.Unsupported, ""},
		"bad request":          {400, "invalid options: temperature", provider.Invalid, ""},
		"queue full":           {503, "server busy, please try again.  maximum pending requests exceeded", provider.Unavailable, "busy"},
		"system memory":        {500, "model requires more system memory (9 GiB) than is available (1 GiB)", provider.OutOfMemory, ""},
		"layout":               {500, "memory layout cannot be allocated with num_gpu = 99", provider.OutOfMemory, ""},
		"runner died":          {500, "llama runner process has terminated: signal: killed", provider.OutOfMemory, ""},
		"CUDA":                 {500, "cudaMalloc failed: out of memory", provider.OutOfMemory, ""},
		"a bad template":       {500, "template: :1: unclosed action", provider.Invalid, "unclosed action"},
		"no insert":            {400, "registry.ollama.ai/library/m:1b does not support insert", provider.Unsupported, "does not support insert"},
		"something else":       {500, "boom", provider.Unavailable, "boom"},
		"sign in to the cloud": {401, "unauthorized", provider.Denied, ""},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tc.status)
				_ = json.NewEncoder(w).Encode(map[string]string{"error": tc.text})
			}))
			defer srv.Close()
			_, err := provider.Collect(newProvider(t, srv.URL).Chat(context.Background(), provider.Request{Messages: []provider.Message{provider.User("hi")}}))
			if provider.KindOf(err) != tc.kind || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, want kind %q, saying %q", err, tc.kind, tc.says)
			}
			if want := map[string]string{"no thinking": "reasoning_effort", "no tools": "tools", "no insert": "suffix"}[name]; failure.Member(err) != want {
				t.Errorf("it is about %q, want %q", failure.Member(err), want)
			}
		})
	}
}

func TestServerThatCutsThePromptIsFoundOut(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"model":"m","message":{"role":"assistant","content":"nonsense"},"done":true,"done_reason":"stop","prompt_eval_count":4096,"eval_count":3}`+"\n")
	}))
	defer srv.Close()
	_, err := provider.Collect(newProvider(t, srv.URL).Chat(context.Background(), provider.Request{Messages: []provider.Message{provider.User("hi")}}))
	if provider.KindOf(err) != provider.ContextOverflow {
		t.Errorf("got %v, want a context overflow: the whole window was prompt", err)
	}
}

func TestRemoteModelsAreNotLocal(t *testing.T) {
	chats := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/show":
			_, _ = io.WriteString(w, `{"remote_host":"https://ollama.com:443","remote_model":"big"}`)
		case "/api/chat":
			chats++
			_, _ = io.WriteString(w, `{"model":"m","remote_host":"https://ollama.com:443","message":{"role":"assistant","content":"hi"},"done":true,"done_reason":"stop"}`+"\n")
		}
	}))
	defer srv.Close()
	p := newProvider(t, srv.URL)
	req := provider.Request{Messages: []provider.Message{provider.User("hi")}, Privacy: provider.PrivacyLocal}
	_, err := provider.Collect(p.Chat(context.Background(), req))
	if provider.KindOf(err) != provider.Private || !strings.Contains(err.Error(), "ollama.com") {
		t.Errorf("got %v, want a refusal that names ollama.com", err)
	}
	if chats != 0 {
		t.Error("the prompt was sent")
	}
	req.Privacy = provider.PrivacyAny
	r, err := provider.Collect(p.Chat(context.Background(), req))
	if err != nil || r.Route.Local {
		t.Errorf("route %+v, %v; want an answer that is not called local", r.Route, err)
	}
}
