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

	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/openai"
	"github.com/tandem-llm/tandem/provider/providertest"
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
		if body["stream"] == true {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, `data: {"model":"m","choices":[{"delta":{"content":"hi"},"finish_reason":"stop"}]}`+"\n\n")
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"model":"m","choices":[{"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}`)
	}))
	defer srv.Close()
	tr := httpx.NewTransport(httpx.Options{})
	cfg.RoundTripper = tr
	defer tr.CloseIdleConnections()
	cfg.BaseURL = srv.URL + "/v1"
	p, err := openai.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if len(req.Messages) == 0 {
		req.Messages = []provider.Message{provider.User("hi")}
	}
	if _, err := provider.Collect(p.Chat(context.Background(), req)); err != nil {
		t.Fatal(err)
	}
	return body, header
}

type conversion struct {
	req  provider.Request
	want string // of the members that differ from a bare request
}

func conversions() map[string]conversion {
	p := provider.Ptr[float64]
	schema := json.RawMessage(`{"type":"object","properties":{"a":{"type":"integer","minimum":0}}}`)
	call := func(id, name string) provider.ToolCall {
		return provider.ToolCall{ID: id, Name: name, Arguments: json.RawMessage(`{"a":1}`)}
	}
	const f1, g1 = `"type":"function","function":{"name":"f","arguments":"{\"a\":1}"}`, `"type":"function","function":{"name":"g","arguments":"{\"a\":1}"}`
	return map[string]conversion{
		"whole":                {provider.Request{NoStream: true}, `{"stream":false}`},
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
			`{"response_format":{"type":"json_schema","json_schema":{"name":"answer","schema":{"type":"object","properties":{"a":{"type":["integer","null"],"minimum":0}},"required":["a"],"additionalProperties":false},"strict":true}}}`,
		},
		"tools": {
			provider.Request{Tools: []provider.Tool{{Name: "f", Description: "d", Parameters: schema}}, ToolChoice: "f"},
			`{"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","properties":{"a":{"type":"integer","minimum":0}}}}}],"tool_choice":{"type":"function","function":{"name":"f"}}}`,
		},
		"messages": {
			provider.Request{Messages: []provider.Message{
				provider.System("s"), provider.User("u"),
				{Role: provider.RoleAssistant, ToolCalls: []provider.ToolCall{call("c1", "f")}},
				provider.ToolResult(call("c1", "f"), "2"),
			}},
			`{"messages":[{"role":"system","content":"s"},{"role":"user","content":"u"},
			  {"role":"assistant","content":"","tool_calls":[{"id":"c1",` + f1 + `}]},
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
		"two calls with IDs, answered the other way round": {
			provider.Request{Messages: []provider.Message{
				provider.User("u"),
				{Role: provider.RoleAssistant, Text: "both", ToolCalls: []provider.ToolCall{call("c1", "f"), call("c2", "g")}},
				provider.ToolResult(call("c2", "g"), "3"), provider.ToolResult(call("c1", "f"), "2"),
			}},
			`{"messages":[{"role":"user","content":"u"},{"role":"assistant","content":"both","tool_calls":[{"id":"c1",` + f1 + `},{"id":"c2",` + g1 + `}]},
			  {"role":"tool","content":"3","tool_call_id":"c2"},{"role":"tool","content":"2","tool_call_id":"c1"}]}`,
		},
		"calls without IDs, as of an older Ollama: by name, then by order; an empty result": {
			provider.Request{Messages: []provider.Message{
				provider.User("u"),
				{Role: provider.RoleAssistant, ToolCalls: []provider.ToolCall{call("", "f"), call("", "g"), call("", "f")}},
				provider.ToolResult(call("", "g"), "1"), provider.ToolResult(call("", "f"), "2"),
				{Role: provider.RoleTool, Text: "3"},
				{Role: provider.RoleAssistant, ToolCalls: []provider.ToolCall{call("", "f")}},
				provider.ToolResult(call("", "f"), ""),
			}},
			`{"messages":[{"role":"user","content":"u"},{"role":"assistant","content":"","tool_calls":[{"id":"call_1",` + f1 + `},{"id":"call_2",` + g1 + `},{"id":"call_3",` + f1 + `}]},
			  {"role":"tool","content":"1","tool_call_id":"call_2"},{"role":"tool","content":"2","tool_call_id":"call_1"},{"role":"tool","content":"3","tool_call_id":"call_3"},
			  {"role":"assistant","content":"","tool_calls":[{"id":"call_4",` + f1 + `}]},{"role":"tool","content":" ","tool_call_id":"call_4"}]}`,
		},
		"thinking and what came with a call go back": {
			provider.Request{Messages: []provider.Message{
				provider.User("u"),
				{Role: provider.RoleAssistant, Thinking: "hm", From: "openai", ToolCalls: []provider.ToolCall{
					{ID: "c1", Name: "f", Arguments: call("", "f").Arguments, Extra: json.RawMessage(`{"extra_content":{"google":{"thought_signature":"c2ln"}}}`)}, call("c2", "g"),
				}},
				provider.ToolResult(call("c1", "f"), "2"), provider.ToolResult(call("c2", "g"), "3"),
			}},
			`{"messages":[{"role":"user","content":"u"},{"role":"assistant","content":"","reasoning_content":"hm","tool_calls":[{"id":"c1","extra_content":{"google":{"thought_signature":"c2ln"}},` + f1 + `},{"id":"c2",` + g1 + `}]},
			  {"role":"tool","content":"2","tool_call_id":"c1"},{"role":"tool","content":"3","tool_call_id":"c2"}]}`,
		},
		"those of another provider do not": {
			provider.Request{Messages: []provider.Message{
				provider.User("u"),
				{Role: provider.RoleAssistant, Thinking: "hm", From: "gemini", ToolCalls: []provider.ToolCall{{ID: "c1", Name: "f", Arguments: call("", "f").Arguments, Extra: json.RawMessage(`{"extra_content":{}}`)}}},
				provider.ToolResult(call("c1", "f"), "2"),
				{Role: provider.RoleAssistant, Text: "so", Thinking: "no call, no thinking"},
				provider.User("v"),
			}},
			`{"messages":[{"role":"user","content":"u"},{"role":"assistant","content":"","tool_calls":[{"id":"c1",` + f1 + `}]},
			  {"role":"tool","content":"2","tool_call_id":"c1"},{"role":"assistant","content":"so"},{"role":"user","content":"v"}]}`,
		},
		"a seed of 64 bits":         {provider.Request{Seed: provider.Ptr(int64(1) << 40)}, `{"seed":1099511627776}`},
		"max tokens, o-model":       {provider.Request{Model: "o1-mini", MaxTokens: provider.Ptr(5)}, `{"model":"o1-mini","max_completion_tokens":5}`},
		"tools left to the model":   {provider.Request{ToolChoice: "auto"}, `{"tool_choice":"auto"}`},
		"think on":                  {provider.Request{Think: provider.ThinkOn}, `{"reasoning_effort":"medium"}`},
		"addressed and private":     {provider.Request{Use: []string{"other", "openai"}, Privacy: provider.PrivacyLocal}, `{}`},
		"schema's name, not strict": {provider.Request{Schema: &provider.Schema{Name: "n", Checked: true, JSON: json.RawMessage(`{"type":"object"}`)}}, `{"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"},"strict":false}}}`},
		"image type, over the bytes": {
			provider.Request{Messages: []provider.Message{{Role: provider.RoleUser, Images: []provider.Image{{Data: []byte("x"), MIME: "image/webp", Bytes: 1, SHA256: "00"}}}}},
			`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/webp;base64,eA=="}}]}]}`,
		},
	}
}

func TestEveryFieldArrives(t *testing.T) {
	for name, tc := range conversions() {
		t.Run(name, func(t *testing.T) {
			want := map[string]any{
				"model":    "m",
				"messages": []any{map[string]any{"role": "user", "content": "hi"}},
			}
			if !tc.req.NoStream {
				want["stream"], want["stream_options"] = true, map[string]any{"include_usage": true}
			}
			if err := json.Unmarshal([]byte(tc.want), &want); err != nil {
				t.Fatal(err)
			}
			got, _ := sent(t, openai.Config{Model: "m", Local: true}, tc.req)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("sent\n%v\nwant\n%v", got, want)
			}
		})
	}
}

func TestNoFieldIsForgotten(t *testing.T) {
	var all []provider.Request
	for _, c := range conversions() {
		all = append(all, c.req)
	}
	all = append(all, noChats()...)
	if unset := providertest.Unset(all...); len(unset) > 0 {
		t.Errorf("no test converts %q", unset)
	}
}

func TestMaxTokensFieldIsTheConfiguredOne(t *testing.T) {
	got, _ := sent(t, openai.Config{Model: "gpt-5", MaxTokensField: "max_tokens"}, provider.Request{MaxTokens: provider.Ptr(5)})
	if got["max_tokens"] != 5.0 || got["max_completion_tokens"] != nil {
		t.Errorf("sent %v", got)
	}
	got, _ = sent(t, openai.Config{Model: "m", MaxTokensField: "max_completion_tokens"}, provider.Request{MaxTokens: provider.Ptr(5)})
	if got["max_completion_tokens"] != 5.0 || got["max_tokens"] != nil {
		t.Errorf("sent %v", got)
	}
}

func TestWhatOpenAIDoesNotKnowIsUnsupportedThere(t *testing.T) {
	p, err := openai.New(openai.Config{Model: "m", Key: canary})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // should it come to a call, none is made
	_, err = provider.Collect(p.Chat(ctx, provider.Request{
		Messages: []provider.Message{provider.User("hi")}, Options: map[string]any{"top_k": 1},
	}))
	if provider.KindOf(err) != provider.Unsupported {
		t.Errorf("got %v, want Unsupported", err)
	}
}

// noChats are requests that no API of chats can answer.
func noChats() []provider.Request {
	text := []provider.Message{provider.User("def f():")}
	return []provider.Request{
		{Messages: text, Completion: &provider.Completion{Suffix: "return"}},
		{Messages: text, Completion: &provider.Completion{Raw: true}},
		{Messages: text, Completion: &provider.Completion{Template: "{{ .Prompt }}"}},
	}
}

func TestATextIsNotAnsweredAsAChat(t *testing.T) {
	for _, req := range noChats() {
		_, err := provider.Collect(newProvider(t, "http://127.0.0.1:1").Chat(t.Context(), req))
		if provider.KindOf(err) != provider.Unsupported || failure.Member(err) != req.Completion.Member() {
			t.Errorf("%+v: %v of the member %q, want Unsupported", req.Completion, err, failure.Member(err))
		}
	}
}

func TestToolResultWithoutACallIsInvalid(t *testing.T) {
	result := provider.Message{Role: provider.RoleTool, Text: "2"}
	call := provider.Message{Role: provider.RoleAssistant, ToolCalls: []provider.ToolCall{{Name: "f", Arguments: json.RawMessage(`{}`)}}}
	other := provider.Message{Role: provider.RoleTool, Text: "2", ToolName: "g"}
	for name, messages := range map[string][]provider.Message{
		"no call": {provider.User("u"), result}, "one too many": {provider.User("u"), call, result, result}, "another tool's": {provider.User("u"), call, other},
	} {
		_, err := provider.Collect(newProvider(t, "http://127.0.0.1:1").Chat(context.Background(), provider.Request{Messages: messages}))
		if provider.KindOf(err) != provider.Invalid || !strings.Contains(err.Error(), "message ") {
			t.Errorf("%s: got %v, want Invalid with the message's place", name, err)
		}
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
