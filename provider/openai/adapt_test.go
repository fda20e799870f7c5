package openai_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/openai"
)

// strictServer is a server that looks at each body before it answers.
type strictServer struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []string
}

// newStrictServer answers what refuse has nothing against: it returns a status
// and an error, or 0.
func newStrictServer(t *testing.T, refuse func(body string) (int, string)) *strictServer {
	t.Helper()
	s := &strictServer{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.bodies = append(s.bodies, string(data))
		s.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		if status, said := refuse(string(data)); status != 0 {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, said)
			return
		}
		switch {
		case strings.HasSuffix(r.URL.Path, "/embeddings"):
			_, _ = io.WriteString(w, `{"object":"list","model":"m","data":[{"object":"embedding","index":0,"embedding":[1,2]}]}`)
		case strings.Contains(string(data), `"stream":true`):
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, events("stop", `{"content":"hi"}`))
		default:
			_, _ = io.WriteString(w, whole("stop", `{"role":"assistant","content":"hi"}`))
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *strictServer) last() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bodies[len(s.bodies)-1]
}

func (s *strictServer) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.bodies)
}

func (s *strictServer) provider(t *testing.T, cfg openai.Config) *openai.Provider {
	t.Helper()
	tr := httpx.NewTransport(httpx.Options{})
	t.Cleanup(tr.CloseIdleConnections)
	cfg.BaseURL, cfg.Model, cfg.RoundTripper = s.URL+"/v1", "m", tr
	p, err := openai.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// refusing refuses bodies with a member, in these words.
func refusing(member string, status int, said string) func(string) (int, string) {
	return func(body string) (int, string) {
		if strings.Contains(body, `"`+member+`":`) {
			return status, said
		}
		return 0, ""
	}
}

func TestWhatNobodyAskedForIsLeftOut(t *testing.T) {
	hi := []provider.Message{provider.User("hi")}
	schema := &provider.Schema{JSON: json.RawMessage(`{"type":"object","properties":{"a":{"type":"string"}}}`), Checked: true}
	called := []provider.Message{
		provider.User("hi"),
		{Role: provider.RoleAssistant, From: "openai", Thinking: "Hm.", ToolCalls: []provider.ToolCall{{ID: "c", Name: "f", Arguments: json.RawMessage(`{}`), Extra: json.RawMessage(`{"extra_content":{"google":{"thought_signature":"s"}}}`)}}},
		{Role: provider.RoleTool, ToolCallID: "c", Text: "ok"},
	}
	for name, tc := range map[string]struct {
		refuse func(string) (int, string)
		req    provider.Request
		gone   string // from the second request on
		there  string // in it
	}{
		"stream_options":         {refusing("stream_options", 422, `{"detail":[{"type":"extra_forbidden","loc":["body","stream_options","include_usage"],"msg":"Extra inputs are not permitted"}]}`), provider.Request{Messages: hi}, "stream_options", `"stream":true`},
		"max_tokens":             {refusing("max_tokens", 400, `{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.","param":"max_tokens","code":"unsupported_parameter"}}`), provider.Request{Messages: hi, MaxTokens: provider.Ptr(7)}, `"max_tokens"`, `"max_completion_tokens":7`},
		"max_completion_tokens":  {refusing("max_completion_tokens", 400, `{"object":"error","message":"[{'type': 'extra_forbidden', 'loc': ('body', 'max_completion_tokens'), 'msg': 'Extra inputs are not permitted', 'input': 7}]","code":400}`), provider.Request{Model: "gpt-5", Messages: hi, MaxTokens: provider.Ptr(7)}, "max_completion_tokens", `"max_tokens":7`},
		"reasoning_content":      {refusing("reasoning_content", 400, `{"error":{"message":"'messages.1' : for 'role:assistant' the following must be satisfied[('messages.1' : property 'reasoning_content' is unsupported)]"}}`), provider.Request{Messages: called}, "reasoning_content", "thought_signature"},
		"extra_content":          {refusing("extra_content", 400, `[{"error":{"code":400,"message":"Invalid JSON payload received. Unknown name \"extra_content\" at 'messages[1].tool_calls[0]': Cannot find field."}}]`), provider.Request{Messages: called}, "extra_content", `"reasoning_content":"Hm."`},
		"response_format":        {refusing("response_format", 400, `{"error":{"message":"This response_format type is unavailable now"}}`), provider.Request{Messages: hi, Schema: schema}, "response_format", "conforms to this JSON Schema"},
		"response_format, whole": {refusing("response_format", 400, `{"error":{"message":"This model does not support response format `+"`json_schema`"+`."}}`), provider.Request{Messages: hi, Schema: schema, NoStream: true}, "response_format", "conforms to this JSON Schema"},
		"a schema":               {refusing("response_format", 400, `{"error":{"code":400,"message":"JSON schema conversion failed: unsupported","type":"invalid_request_error"}}`), provider.Request{Messages: hi, Schema: schema}, "response_format", "conforms to this JSON Schema"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStrictServer(t, tc.refuse)
			p := s.provider(t, openai.Config{})
			_, err := provider.Collect(p.Chat(context.Background(), tc.req))
			if !errors.Is(err, provider.ErrAdapted) || provider.KindOf(err) != provider.Unsupported {
				t.Fatalf("got %v, want Unsupported that may be asked again", err)
			}
			for range 2 {
				if r, err := provider.Collect(p.Chat(context.Background(), tc.req)); err != nil || r.Text != "hi" {
					t.Fatalf("asked again: %q, %v", r.Text, err)
				}
				if body := s.last(); strings.Contains(body, tc.gone) || !strings.Contains(body, tc.there) {
					t.Errorf("asked again with %s", body)
				}
			}
			if n := s.count(); n != 3 {
				t.Errorf("asked %d times, want 3: what was refused is remembered", n)
			}
		})
	}
}

func TestEncodingFormatIsLeftOut(t *testing.T) {
	s := newStrictServer(t, refusing("encoding_format", 422, `{"detail":[{"type":"extra_forbidden","loc":["body","encoding_format"],"msg":"Extra inputs are not permitted"}]}`))
	p := s.provider(t, openai.Config{})
	req := provider.EmbedRequest{Input: []string{"a"}}
	if _, err := p.Embed(context.Background(), req); !errors.Is(err, provider.ErrAdapted) {
		t.Fatalf("got %v, want an error that may be asked again", err)
	}
	if r, err := p.Embed(context.Background(), req); err != nil || len(r.Vectors[0]) != 2 {
		t.Errorf("got %v, %v", r.Vectors, err)
	}
}

func TestWhatWasAskedForIsNamed(t *testing.T) {
	hi := []provider.Message{provider.User("hi")}
	schema := json.RawMessage(`{"type":"object"}`)
	for name, tc := range map[string]struct {
		cfg  openai.Config
		req  provider.Request
		said string
		says string
	}{
		"an option":                   {openai.Config{}, provider.Request{Options: map[string]any{"top_k": 1}}, `{"error":{"message":"Unrecognized request argument supplied: top_k"}}`, "does not support top_k"},
		"a configured option":         {openai.Config{Options: map[string]any{"min_p": 1}}, provider.Request{}, `{"detail":[{"type":"extra_forbidden","loc":["body","min_p"],"msg":"Extra inputs are not permitted"}]}`, "does not support min_p"},
		"a seed":                      {openai.Config{}, provider.Request{Seed: provider.Ptr(int64(7))}, `{"error":{"message":"property 'seed' is unsupported"}}`, "seed"},
		"a temperature":               {openai.Config{}, provider.Request{Temperature: provider.Ptr(0.2)}, `{"error":{"message":"Unsupported value: 'temperature' does not support 0.2 with this model.","param":"temperature","code":"unsupported_value"}}`, "temperature"},
		"thinking":                    {openai.Config{}, provider.Request{Think: provider.ThinkOn}, `{"error":{"message":"Unknown parameter: 'reasoning_effort'."}}`, "does not support reasoning_effort"},
		"the limit's configured name": {openai.Config{MaxTokensField: "max_tokens"}, provider.Request{MaxTokens: provider.Ptr(7)}, `{"error":{"message":"Unknown parameter: 'max_tokens'."}}`, "does not support max_tokens"},
		"a schema, unchecked":         {openai.Config{}, provider.Request{Schema: &provider.Schema{JSON: schema}}, `{"error":{"message":"This response_format type is unavailable now"}}`, "response_format"},
		"a schema, strict":            {openai.Config{}, provider.Request{Schema: &provider.Schema{JSON: json.RawMessage(`{"type":"object","properties":{}}`), Strict: true, Checked: true}}, `{"error":{"message":"This response_format type is unavailable now"}}`, "response_format"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStrictServer(t, func(string) (int, string) { return 400, tc.said })
			tc.req.Messages = hi
			_, err := provider.Collect(s.provider(t, tc.cfg).Chat(context.Background(), tc.req))
			if provider.KindOf(err) != provider.Unsupported || errors.Is(err, provider.ErrAdapted) || !strings.Contains(err.Error(), tc.says) || s.count() != 1 {
				t.Errorf("got %v after %d requests, want Unsupported that names it (%s)", err, s.count(), tc.says)
			}
		})
	}
}

// Mistral takes ids of tool calls with nine letters and digits only, and a
// conversation that another provider began has others.
func TestIDsOfToolCallsAreShortened(t *testing.T) {
	call := func(id string) provider.ToolCall {
		return provider.ToolCall{ID: id, Name: "f", Arguments: json.RawMessage(`{}`)}
	}
	req := provider.Request{Messages: []provider.Message{
		provider.User("hi"),
		{Role: provider.RoleAssistant, ToolCalls: []provider.ToolCall{call("call_abcdef0123"), call("AbC123xyz"), call("")}},
		{Role: provider.RoleTool, ToolCallID: "AbC123xyz", Text: "b"},
		{Role: provider.RoleTool, ToolCallID: "call_abcdef0123", Text: "a"},
		{Role: provider.RoleTool, ToolName: "f", Text: "c"},
	}}
	ids := func(body string) (calls, results []string) {
		var sent struct {
			Messages []struct {
				ToolCalls []struct {
					ID string `json:"id"`
				} `json:"tool_calls"`
				ToolCallID string `json:"tool_call_id"`
			} `json:"messages"`
		}
		if err := json.Unmarshal([]byte(body), &sent); err != nil {
			t.Fatal(err)
		}
		for _, m := range sent.Messages {
			for _, c := range m.ToolCalls {
				calls = append(calls, c.ID)
			}
			if m.ToolCallID != "" {
				results = append(results, m.ToolCallID)
			}
		}
		return calls, results
	}
	for name, tc := range map[string]struct {
		compat openai.Compat
		tries  int
	}{"found out": {openai.Compat{}, 2}, "said": {openai.Compat{Preset: "mistral"}, 1}} {
		t.Run(name, func(t *testing.T) {
			s := newStrictServer(t, func(body string) (int, string) {
				if strings.Contains(body, `"call_`) {
					return 400, `{"object":"error","message":"Tool call id was call_abcdef0123 but must be a-z, A-Z, 0-9, with a length of 9.","type":"invalid_request_message_order","param":null,"code":"3280"}`
				}
				return 0, ""
			})
			p := s.provider(t, openai.Config{Compat: tc.compat})
			_, err := provider.Collect(p.Chat(context.Background(), req))
			if tc.tries == 2 {
				if !errors.Is(err, provider.ErrAdapted) {
					t.Fatalf("got %v, want an error that may be asked again", err)
				}
				_, err = provider.Collect(p.Chat(context.Background(), req))
			}
			calls, results := ids(s.last())
			if err != nil || s.count() != tc.tries || len(calls) != 3 || calls[1] != "AbC123xyz" {
				t.Fatalf("%v after %d requests, with calls %q", err, s.count(), calls)
			}
			if want := []string{calls[1], calls[0], calls[2]}; !slices.Equal(results, want) || len(calls[0]) != 9 || calls[0] == calls[2] {
				t.Errorf("results of %q, want of %q", results, want)
			}
		})
	}
}

// A server that refuses what it is no longer sent is believed once.
func TestARefusalIsHeededOnce(t *testing.T) {
	s := newStrictServer(t, func(string) (int, string) {
		return 400, `{"error":{"message":"Unknown parameters: 'stream_options', 'max_tokens', 'max_completion_tokens'"}}`
	})
	p := s.provider(t, openai.Config{})
	req := provider.Request{Messages: []provider.Message{provider.User("hi")}, MaxTokens: provider.Ptr(7)}
	for n := 0; ; n++ {
		if n > 2 {
			t.Fatal("each refusal is to be answered by another request")
		}
		if _, err := provider.Collect(p.Chat(context.Background(), req)); !errors.Is(err, provider.ErrAdapted) {
			return
		}
	}
}

func TestCompatSaysItBeforehand(t *testing.T) {
	schema := &provider.Schema{JSON: json.RawMessage(`{"type":"object"}`), Checked: true}
	for name, tc := range map[string]struct {
		compat      openai.Compat
		gone, there string
	}{
		"a preset":            {openai.Compat{Preset: "mistral"}, "stream_options", "json_schema"},
		"a member":            {openai.Compat{Omit: []string{"stream_options"}}, "stream_options", "json_schema"},
		"a schema as object":  {openai.Compat{Schema: "json_object"}, "json_schema", `"response_format":{"type":"json_object"}`},
		"DeepSeek":            {openai.Compat{Preset: "deepseek"}, "json_schema", "conforms to this JSON Schema"},
		"a schema in words":   {openai.Compat{Schema: "prompt"}, "response_format", "conforms to this JSON Schema"},
		"a preset and a form": {openai.Compat{Preset: "deepseek", Schema: "json_schema"}, "json_object", "json_schema"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStrictServer(t, func(string) (int, string) { return 0, "" })
			if _, err := provider.Collect(s.provider(t, openai.Config{Compat: tc.compat}).Chat(context.Background(), provider.Request{Messages: []provider.Message{provider.User("hi")}, Schema: schema})); err != nil {
				t.Fatal(err)
			}
			if body := s.last(); strings.Contains(body, tc.gone) || !strings.Contains(body, tc.there) {
				t.Errorf("sent %s", body)
			}
		})
	}
	for _, wrong := range []openai.Compat{{Preset: "acme"}, {Omit: []string{"messages"}}, {Schema: "xml"}} {
		if _, err := openai.New(openai.Config{Compat: wrong}); provider.KindOf(err) != provider.Invalid {
			t.Errorf("%+v: %v, want Invalid", wrong, err)
		}
	}
}

// A server that can be held to no schema does not get a request whose answer
// nobody checks.
func TestASchemaInWordsNeedsACheck(t *testing.T) {
	s := newStrictServer(t, func(string) (int, string) { return 0, "" })
	p := s.provider(t, openai.Config{Compat: openai.Compat{Schema: "prompt"}})
	_, err := provider.Collect(p.Chat(context.Background(), provider.Request{Messages: []provider.Message{provider.User("hi")}, Schema: &provider.Schema{JSON: json.RawMessage(`{"type":"object"}`)}}))
	if provider.KindOf(err) != provider.Unsupported || s.count() != 0 {
		t.Errorf("got %v after %d requests, want Unsupported before any", err, s.count())
	}
}

// TestRefusalsAtOnceAddUp: of two calls that meet with different refusals at the
// same time, neither forgets the other's.
func TestRefusalsAtOnceAddUp(t *testing.T) {
	var both sync.WaitGroup
	both.Add(2)
	var mu sync.Mutex
	asked := 0
	s := newStrictServer(t, func(string) (int, string) {
		mu.Lock()
		asked++
		n := asked
		mu.Unlock()
		switch n {
		case 1:
			both.Done()
			both.Wait()
			return 400, `{"error":{"message":"Unrecognized request argument supplied: stream_options"}}`
		case 2:
			both.Done()
			both.Wait()
			return 400, `{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.","code":"unsupported_parameter","param":"max_tokens"}}`
		}
		return 0, ""
	})
	p := s.provider(t, openai.Config{})
	req := provider.Request{Messages: []provider.Message{provider.User("hi")}, MaxTokens: provider.Ptr(9)}
	var calls sync.WaitGroup
	for range 2 {
		calls.Go(func() {
			if _, err := provider.Collect(p.Chat(t.Context(), req)); !errors.Is(err, provider.ErrAdapted) {
				t.Error(err)
			}
		})
	}
	calls.Wait()
	if _, err := provider.Collect(p.Chat(t.Context(), req)); err != nil {
		t.Fatal(err)
	}
	if b := s.last(); strings.Contains(b, "stream_options") || strings.Contains(b, `"max_tokens"`) || !strings.Contains(b, `"max_completion_tokens"`) {
		t.Error(b)
	}
}
