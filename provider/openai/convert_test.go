package openai_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/openai"
)

// sent returns the JSON and the header that a request arrives with.
func sent(t *testing.T, cfg openai.Config, req provider.Request) (map[string]any, http.Header) {
	t.Helper()
	var body map[string]any
	var header http.Header
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(data, &body); err != nil {
			t.Errorf("%v in %s", err, data)
		}
		if int64(len(data)) != r.ContentLength {
			t.Errorf("Content-Length %d, but %d bytes came", r.ContentLength, len(data))
		}
		header = r.Header
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"model":"m","choices":[{"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}`)
	}))
	defer srv.Close()
	cfg.Transport = httpx.NewTransport(httpx.Options{})
	defer cfg.Transport.CloseIdleConnections()
	cfg.BaseURL = srv.URL + "/v1"
	p, err := openai.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	req.NoStream = true
	if len(req.Messages) == 0 {
		req.Messages = []provider.Message{provider.User("hi")}
	}
	if _, err := provider.Collect(p.Chat(context.Background(), req)); err != nil {
		t.Fatal(err)
	}
	return body, header
}

func TestEveryFieldArrives(t *testing.T) {
	p := provider.Ptr[float64]
	schema := json.RawMessage(`{"type":"object","properties":{"a":{"type":"integer","minimum":0}}}`)
	for name, tc := range map[string]struct {
		req  provider.Request
		want string // of the members that differ from a bare request
	}{
		"model":                {provider.Request{Model: "other"}, `{"model":"other"}`},
		"temperature 0":        {provider.Request{Temperature: p(0)}, `{"temperature":0}`},
		"temperature exactly":  {provider.Request{Temperature: p(0.7)}, `{"temperature":0.7}`},
		"top_p 0":              {provider.Request{TopP: p(0)}, `{"top_p":0}`},
		"seed 0":               {provider.Request{Seed: provider.Ptr(int64(0))}, `{"seed":0}`},
		"max tokens":           {provider.Request{MaxTokens: provider.Ptr(5)}, `{"max_tokens":5}`},
		"max tokens, gpt-5":    {provider.Request{Model: "gpt-5-mini", MaxTokens: provider.Ptr(5)}, `{"model":"gpt-5-mini","max_completion_tokens":5}`},
		"temperature, o-model": {provider.Request{Model: "o3", Temperature: p(0.5)}, `{"model":"o3","temperature":0.5}`},
		"stop":                 {provider.Request{Stop: []string{"a", "b"}}, `{"stop":["a","b"]}`},
		"think off":            {provider.Request{Think: provider.ThinkOff}, `{"reasoning_effort":"none"}`},
		"think high":           {provider.Request{Think: provider.ThinkHigh}, `{"reasoning_effort":"high"}`},
		"options":              {provider.Request{Options: map[string]any{"frequency_penalty": 0.0, "top_k": 3}}, `{"frequency_penalty":0,"top_k":3}`},
		"schema": {
			provider.Request{Schema: &provider.Schema{JSON: schema, Strict: true}},
			`{"response_format":{"type":"json_schema","json_schema":{"name":"answer","schema":{"type":"object","properties":{"a":{"type":"integer","minimum":0}}},"strict":true}}}`,
		},
		"tools": {
			provider.Request{Tools: []provider.Tool{{Name: "f", Description: "d", Parameters: schema}}, ToolChoice: "f"},
			`{"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","properties":{"a":{"type":"integer","minimum":0}}}}}],"tool_choice":{"type":"function","function":{"name":"f"}}}`,
		},
		"messages": {
			provider.Request{Messages: []provider.Message{
				provider.System("s"), provider.User("u"),
				{Role: provider.RoleAssistant, ToolCalls: []provider.ToolCall{{ID: "c1", Name: "f", Arguments: json.RawMessage(`{"a":1}`)}}},
				provider.ToolResult(provider.ToolCall{ID: "c1", Name: "f"}, "2"),
			}},
			`{"messages":[{"role":"system","content":"s"},{"role":"user","content":"u"},
			  {"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},
			  {"role":"tool","content":"2","tool_call_id":"c1"}]}`,
		},
		"images": {
			provider.Request{Messages: []provider.Message{{Role: provider.RoleUser, Text: "what?", Images: []provider.Image{
				{Data: []byte("\x89PNG\r\n\x1a\n")}, {URL: "https://example.org/x.png"},
			}}}},
			`{"messages":[{"role":"user","content":[{"type":"text","text":"what?"},
			  {"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}},
			  {"type":"image_url","image_url":{"url":"https://example.org/x.png"}}]}]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			want := map[string]any{
				"model": "m", "stream": false,
				"messages": []any{map[string]any{"role": "user", "content": "hi"}},
			}
			if err := json.Unmarshal([]byte(tc.want), &want); err != nil {
				t.Fatal(err)
			}
			got, _ := sent(t, openai.Config{Model: "m"}, tc.req)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("sent\n%v\nwant\n%v", got, want)
			}
		})
	}
}

func TestHeaders(t *testing.T) {
	_, h := sent(t, openai.Config{Model: "m", Key: canary, Organization: "org", Project: "proj"}, provider.Request{})
	for name, want := range map[string]string{
		"Authorization": "Bearer " + canary, "OpenAI-Organization": "org", "OpenAI-Project": "proj",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	_, h = sent(t, openai.Config{Model: "m"}, provider.Request{})
	if got, there := h["Authorization"]; there {
		t.Errorf("without a key, Authorization is %q", got)
	}
}

func TestBadBaseURL(t *testing.T) {
	for _, bad := range []string{"api.example.org/v1", "ftp://x/v1", "http://user:" + canary + "@x/v1", "http://x/v1?key=" + canary, "://", "http://"} {
		_, err := openai.New(openai.Config{BaseURL: bad})
		if provider.KindOf(err) != provider.Invalid {
			t.Errorf("%s: got %v, want an Invalid error", bad, err)
		}
		if err != nil && strings.Contains(err.Error(), canary) {
			t.Errorf("the error tells the key: %v", err)
		}
	}
}
