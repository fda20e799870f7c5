package ollama_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
)

// sent returns the JSON that a request arrives as.
func sent(t *testing.T, cfg ollama.Config, req provider.Request) map[string]any {
	t.Helper()
	var body map[string]any
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		if r.URL.Path != "/api/chat" {
			t.Errorf("asked %s", r.URL.Path)
		}
		if err := json.Unmarshal(data, &body); err != nil {
			t.Errorf("%v in %s", err, data)
		}
		_, _ = io.WriteString(w, `{"model":"m","message":{"role":"assistant","content":"hi"},"done":true,"done_reason":"stop"}`+"\n")
	}))
	defer srv.Close()
	cfg.Host, cfg.Model = srv.URL, "m"
	cfg.Transport = httpx.NewTransport(httpx.Options{})
	defer cfg.Transport.CloseIdleConnections()
	p, err := ollama.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if len(req.Messages) == 0 {
		req.Messages = []provider.Message{provider.User("hi")}
	}
	if _, err := provider.Collect(p.Chat(context.Background(), req)); err != nil {
		t.Fatal(err)
	}
	return body
}

func TestEveryFieldArrives(t *testing.T) {
	p := provider.Ptr[float64]
	schema := json.RawMessage(`{"type":"object","properties":{"a":{"type":"integer","minimum":0}},"additionalProperties":false}`)
	forever := -1 * time.Second
	for name, tc := range map[string]struct {
		cfg  ollama.Config
		req  provider.Request
		want string // of the members that differ from a bare request
	}{
		"bare":            {want: `{}`},
		"model":           {req: provider.Request{Model: "other"}, want: `{"model":"other"}`},
		"whole":           {req: provider.Request{NoStream: true}, want: `{"stream":false}`},
		"pinned window":   {cfg: ollama.Config{NumCtx: 2048}, want: `{"options":{"num_ctx":2048}}`},
		"kept for ever":   {cfg: ollama.Config{KeepAlive: &forever}, want: `{"keep_alive":-1}`},
		"temperature 0":   {req: provider.Request{Temperature: p(0)}, want: `{"options":{"temperature":0}}`},
		"top_p 0, seed 0": {req: provider.Request{TopP: p(0), Seed: provider.Ptr(int64(0))}, want: `{"options":{"top_p":0,"seed":0}}`},
		"max tokens":      {req: provider.Request{MaxTokens: provider.Ptr(5)}, want: `{"options":{"num_predict":5}}`},
		"stop":            {req: provider.Request{Stop: []string{"a"}}, want: `{"options":{"stop":["a"]}}`},
		"think on":        {req: provider.Request{Think: provider.ThinkOn}, want: `{"think":true}`},
		"think low":       {req: provider.Request{Think: provider.ThinkLow}, want: `{"think":"low"}`},
		"schema":          {req: provider.Request{Schema: &provider.Schema{JSON: schema}}, want: `{"format":` + string(schema) + `}`},
		"options, request over configuration": {
			ollama.Config{Options: map[string]any{"top_k": 1, "min_p": 0.1}},
			provider.Request{Options: map[string]any{"top_k": 2}}, `{"options":{"top_k":2,"min_p":0.1}}`,
		},
		"tools, their schemas whole": {
			req:  provider.Request{Tools: []provider.Tool{{Name: "f", Description: "<d>", Parameters: schema}}},
			want: `{"tools":[{"type":"function","function":{"name":"f","description":"<d>","parameters":` + string(schema) + `}}]}`,
		},
		"tool choice none": {
			req:  provider.Request{Tools: []provider.Tool{{Name: "f", Parameters: schema}}, ToolChoice: "none"},
			want: `{}`,
		},
		"messages": {
			req: provider.Request{Messages: []provider.Message{
				provider.System("s"),
				{Role: provider.RoleUser, Text: "u", Images: []provider.Image{{Data: []byte("png")}}},
				{Role: provider.RoleAssistant, ToolCalls: []provider.ToolCall{{ID: "c1", Name: "f", Arguments: json.RawMessage(`{"a":1}`)}}},
				provider.ToolResult(provider.ToolCall{ID: "c1", Name: "f"}, "2"),
			}},
			want: `{"messages":[{"role":"system","content":"s"},{"role":"user","content":"u","images":["cG5n"]},
			  {"role":"assistant","content":"","tool_calls":[{"id":"c1","function":{"index":0,"name":"f","arguments":{"a":1}}}]},
			  {"role":"tool","content":"2","tool_name":"f","tool_call_id":"c1"}]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			want := map[string]any{
				"model": "m", "stream": true, "truncate": false, "shift": false, "think": false,
				"options": map[string]any{}, "messages": []any{map[string]any{"role": "user", "content": "hi"}},
			}
			if err := json.Unmarshal([]byte(tc.want), &want); err != nil {
				t.Fatal(err)
			}
			if got := sent(t, tc.cfg, tc.req); !reflect.DeepEqual(got, want) {
				t.Errorf("sent\n%v\nwant\n%v", got, want)
			}
		})
	}
}

func TestUnsupportedIsSaidBeforeAnyCall(t *testing.T) {
	p := newProvider(t, "http://127.0.0.1:1")
	user := []provider.Message{provider.User("hi")}
	for name, req := range map[string]provider.Request{
		"image URL":   {Messages: []provider.Message{{Role: provider.RoleUser, Images: []provider.Image{{URL: "https://example.org/x.png"}}}}},
		"tool choice": {Messages: user, ToolChoice: "required"},
		"option":      {Messages: user, Options: map[string]any{"frequency": 1}},
	} {
		_, err := provider.Collect(p.Chat(context.Background(), req))
		if provider.KindOf(err) != provider.Unsupported {
			t.Errorf("%s: got %v, want Unsupported", name, err)
		}
	}
}

func TestParseHost(t *testing.T) {
	for in, want := range map[string]string{
		"": "http://127.0.0.1:11434", "0.0.0.0": "http://127.0.0.1:11434", "0.0.0.0:80": "http://127.0.0.1:80",
		"example.org": "http://example.org:11434", "http://example.org": "http://example.org:80", "https://example.org": "https://example.org:443",
		":1234": "http://127.0.0.1:1234", "[::1]": "http://[::1]:11434", "[::]:9": "http://[::1]:9", "::1": "http://[::1]:11434",
		` "1.2.3.4:5" `: "http://1.2.3.4:5", "ollama.com": "https://ollama.com:443", "https://h/path": "https://h:443/path",
	} {
		u, err := ollama.ParseHost(in)
		if err != nil {
			t.Errorf("%q: %v", in, err)
			continue
		}
		got := u.Scheme + "://" + u.Host
		if u.Path != "" {
			got += "/" + u.Path
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
	for _, bad := range []string{"host:port", "1.2.3.4:99999", "ftp://x", "not a host", "a:b:c", "http://user:pw@host", "host!"} {
		if u, err := ollama.ParseHost(bad); err == nil {
			t.Errorf("%q: got %s, want an error", bad, u)
		}
	}
}
