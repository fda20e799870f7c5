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
	"github.com/tandem-llm/tandem/provider/providertest"
)

// sent returns the JSON that a request arrives as.
func sent(t *testing.T, cfg ollama.Config, req provider.Request) map[string]any {
	t.Helper()
	var body map[string]any
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/api/show":
			_, _ = io.WriteString(w, `{"capabilities":["completion","vision"]}`)
			return
		case "/api/tags":
			_, _ = io.WriteString(w, `{"models":[]}`)
			return
		case "/api/version":
			_, _ = io.WriteString(w, `{"version":"0.17.4"}`)
			return
		case "/api/chat":
		default:
			t.Errorf("asked %s", r.URL.Path)
		}
		if err := json.Unmarshal(data, &body); err != nil {
			t.Errorf("%v in %s", err, data)
		}
		_, _ = io.WriteString(w, `{"model":"m","message":{"role":"assistant","content":"hi"},"done":true,"done_reason":"stop"}`+"\n")
	}))
	defer srv.Close()
	cfg.Host, cfg.Model = srv.URL, "m"
	tr := httpx.NewTransport(httpx.Options{})
	cfg.RoundTripper = tr
	defer tr.CloseIdleConnections()
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

type conversion struct {
	cfg  ollama.Config
	req  provider.Request
	want string // of the members that differ from a bare request
}

func conversions() map[string]conversion {
	p := provider.Ptr[float64]
	schema := json.RawMessage(`{"type":"object","properties":{"a":{"type":"integer","minimum":0}},"additionalProperties":false}`)
	marked, _ := json.Marshal("Answer with JSON only, no other words, that conforms to this JSON Schema:\n" + string(schema))
	shown := string(marked)
	forever := -1 * time.Second
	call := func(id, name string) provider.ToolCall {
		return provider.ToolCall{ID: id, Name: name, Arguments: json.RawMessage(`{"a":1}`)}
	}
	return map[string]conversion{
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
		"schema, in the format and in the prompt": {
			req:  provider.Request{Schema: &provider.Schema{JSON: schema, Checked: true}},
			want: `{"format":` + string(schema) + `,"messages":[{"role":"system","content":` + shown + `},{"role":"user","content":"hi"}]}`,
		},
		"schema, behind the system message, lowered in the format": {
			req: provider.Request{
				Messages: []provider.Message{provider.System("s"), provider.User("u")},
				Schema:   &provider.Schema{JSON: json.RawMessage(`{"$defs":{"d":{"const":1}}, "$ref":"#/$defs/d"}`)},
			},
			want: `{"format":{"enum":[1]},"messages":[{"role":"system","content":"s\n\nAnswer with JSON only, no other words, that conforms to this JSON Schema:\n{\"$defs\":{\"d\":{\"const\":1}},\"$ref\":\"#/$defs/d\"}"},{"role":"user","content":"u"}]}`,
		},
		"options, request over configuration": {
			ollama.Config{Options: map[string]any{"top_k": 1, "min_p": 0.1}},
			provider.Request{Options: map[string]any{"top_k": 2}},
			`{"options":{"top_k":2,"min_p":0.1}}`,
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
				{Role: provider.RoleAssistant, ToolCalls: []provider.ToolCall{call("c1", "f")}},
				provider.ToolResult(call("c1", "f"), "2"),
			}},
			want: `{"messages":[{"role":"system","content":"s"},{"role":"user","content":"u","images":["cG5n"]},
			  {"role":"assistant","content":"","tool_calls":[{"id":"c1","function":{"index":0,"name":"f","arguments":{"a":1}}}]},
			  {"role":"tool","content":"2","tool_name":"f","tool_call_id":"c1"}]}`,
		},
		"thinking and what came with a call go back": {
			req: provider.Request{Messages: []provider.Message{
				provider.User("u"),
				{Role: provider.RoleAssistant, Thinking: "hm", From: "local", ToolCalls: []provider.ToolCall{{ID: "c1", Name: "f", Arguments: json.RawMessage(`{"a":1}`), Extra: json.RawMessage(`{"extra_content":{"z":1,"a":2}}`)}}},
				provider.ToolResult(call("c1", "f"), "2"),
			}},
			want: `{"messages":[{"role":"user","content":"u"},
			  {"role":"assistant","content":"","thinking":"hm","tool_calls":[{"id":"c1","extra_content":{"z":1,"a":2},"function":{"index":0,"name":"f","arguments":{"a":1}}}]},
			  {"role":"tool","content":"2","tool_name":"f","tool_call_id":"c1"}]}`,
		},
		"those of another provider do not": {
			req: provider.Request{Messages: []provider.Message{
				provider.User("u"),
				{Role: provider.RoleAssistant, Thinking: "hm", From: "gemini", ToolCalls: []provider.ToolCall{{ID: "c1", Name: "f", Arguments: json.RawMessage(`{"a":1}`), Extra: json.RawMessage(`{"extra_content":{}}`)}}},
				provider.ToolResult(call("c1", "f"), "2"),
				{Role: provider.RoleAssistant, Text: "so", Thinking: "no call, no thinking"},
				provider.User("v"),
			}},
			want: `{"messages":[{"role":"user","content":"u"},
			  {"role":"assistant","content":"","tool_calls":[{"id":"c1","function":{"index":0,"name":"f","arguments":{"a":1}}}]},
			  {"role":"tool","content":"2","tool_name":"f","tool_call_id":"c1"},{"role":"assistant","content":"so"},{"role":"user","content":"v"}]}`,
		},
		"two calls in a turn, with text": {
			req: provider.Request{Messages: []provider.Message{
				provider.User("u"),
				{Role: provider.RoleAssistant, Text: "both", ToolCalls: []provider.ToolCall{call("c1", "f"), call("", "g")}},
				provider.ToolResult(call("c1", "f"), "2"), provider.ToolResult(call("", "g"), "3"),
			}},
			want: `{"messages":[{"role":"user","content":"u"},
			  {"role":"assistant","content":"both","tool_calls":[{"id":"c1","function":{"index":0,"name":"f","arguments":{"a":1}}},
			    {"function":{"index":1,"name":"g","arguments":{"a":1}}}]},
			  {"role":"tool","content":"2","tool_name":"f","tool_call_id":"c1"},{"role":"tool","content":"3","tool_name":"g"}]}`,
		},
		"a seed of 64 bits": {req: provider.Request{Seed: provider.Ptr(int64(1) << 40)}, want: `{"options":{"seed":1099511627776}}`},
		// What Ollama goes without, because it means nothing there.
		"image type": {
			req:  provider.Request{Messages: []provider.Message{{Role: provider.RoleUser, Images: []provider.Image{{Data: []byte("png"), MIME: "image/png", Bytes: 3, SHA256: "00"}}}}},
			want: `{"messages":[{"role":"user","content":"","images":["cG5n"]}]}`,
		},
		"schema's name, always strict": {
			req:  provider.Request{Schema: &provider.Schema{Name: "n", JSON: schema, Strict: true}},
			want: `{"format":` + string(schema) + `,"messages":[{"role":"system","content":` + shown + `},{"role":"user","content":"hi"}]}`,
		},
		"addressed and private": {req: provider.Request{Use: []string{"other", "local"}, Privacy: provider.PrivacyLocal}, want: `{}`},
		"think off":             {req: provider.Request{Think: provider.ThinkOff}, want: `{}`},
	}
}

func TestEveryFieldArrives(t *testing.T) {
	for name, tc := range conversions() {
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

func unsupported() map[string]provider.Request {
	user := []provider.Message{provider.User("hi")}
	return map[string]provider.Request{
		"image URL":   {Messages: []provider.Message{{Role: provider.RoleUser, Images: []provider.Image{{URL: "https://example.org/x.png"}}}}},
		"tool choice": {Messages: user, ToolChoice: "required"},
		"a tool by name": {
			Messages: user, ToolChoice: "f",
			Tools: []provider.Tool{{Name: "f", Parameters: json.RawMessage(`{}`)}},
		},
		"option": {Messages: user, Options: map[string]any{"frequency": 1}},
		"a system message with a suffix": {
			Messages: []provider.Message{provider.System("s"), provider.User("u")}, Completion: &provider.Completion{Suffix: "s"},
		},
		"an image with a suffix": {
			Messages:   []provider.Message{{Role: provider.RoleUser, Text: "u", Images: []provider.Image{{Data: []byte("png")}}}},
			Completion: &provider.Completion{Raw: true, Suffix: "s"},
		},
	}
}

func TestUnsupportedIsSaidBeforeAnyCall(t *testing.T) {
	p := newProvider(t, "http://127.0.0.1:1")
	for name, req := range unsupported() {
		_, err := provider.Collect(p.Chat(context.Background(), req))
		if provider.KindOf(err) != provider.Unsupported {
			t.Errorf("%s: got %v, want Unsupported", name, err)
		}
	}
}

func TestNoFieldIsForgotten(t *testing.T) {
	var all []provider.Request
	for _, c := range conversions() {
		all = append(all, c.req)
	}
	for _, req := range unsupported() {
		all = append(all, req)
	}
	for _, c := range completions() {
		all = append(all, c.req)
	}
	if unset := providertest.Unset(all...); len(unset) > 0 {
		t.Errorf("no test converts %q", unset)
	}
}

func TestImagesAreNotDroppedByAModelThatCannotSee(t *testing.T) {
	for _, tc := range []struct {
		show string
		kind provider.Kind
	}{
		{`{"capabilities":["completion"]}`, provider.Unsupported},
		{`{"capabilities":["completion","vision"]}`, ""},
		{`{}`, ""}, // an old server does not tell
	} {
		chats := 0
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/api/show" {
				_, _ = io.WriteString(w, tc.show)
				return
			}
			chats++
			_, _ = io.WriteString(w, `{"model":"m","message":{"role":"assistant","content":"hi"},"done":true,"done_reason":"stop"}`+"\n")
		}))
		_, err := provider.Collect(newProvider(t, srv.URL).Chat(context.Background(), provider.Request{
			Messages: []provider.Message{{Role: provider.RoleUser, Text: "what?", Images: []provider.Image{{Data: []byte("png")}}}},
		}))
		srv.Close()
		if provider.KindOf(err) != tc.kind || (chats == 0) != (tc.kind != "") {
			t.Errorf("%s: got %v after %d chats, want kind %q", tc.show, err, chats, tc.kind)
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

// A request that comes from JSON, such as the log's, has other types of numbers.
func TestTheWindowOfARequestFromJSON(t *testing.T) {
	p, err := ollama.New(ollama.Config{Name: "ollama", Model: "m"})
	if err != nil {
		t.Fatal(err)
	}
	var req provider.Request
	if err := json.Unmarshal([]byte(`{"messages": [], "options": {"num_ctx": 4096}}`), &req); err != nil {
		t.Fatal(err)
	}
	if n, err := p.Window(t.Context(), &req); n != 4096 || err != nil {
		t.Errorf("the window is %d, %v", n, err)
	}
}
