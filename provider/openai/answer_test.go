package openai_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/openai"
)

// saysAbsent is what a provider makes of a server's body, streamed or whole.
func saysAbsent(t *testing.T, noStream bool, body string) (provider.Response, error) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		kind := "text/event-stream"
		if noStream {
			kind = "application/json"
		}
		w.Header().Set("Content-Type", kind)
		w.Header().Set("X-Request-Id", "req-42")
		_, _ = io.WriteString(w, body)
	}))
	defer srv.Close()
	return provider.Collect(newProvider(t, srv.URL).Chat(context.Background(), provider.Request{
		Messages: []provider.Message{provider.User("hi")}, NoStream: noStream,
	}))
}

// events is a stream of deltas and a finish.
func events(finish string, deltas ...string) string {
	var b strings.Builder
	for _, d := range deltas {
		b.WriteString(`data: {"model":"m","choices":[{"index":0,"delta":` + d + `,"finish_reason":null}]}` + "\n\n")
	}
	b.WriteString(`data: {"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"` + finish + `"}]}` + "\n\ndata: [DONE]\n\n")
	return b.String()
}

func whole(finish, message string) string {
	return `{"model":"m","choices":[{"index":0,"message":` + message + `,"finish_reason":"` + finish + `"}],
	  "usage":{"prompt_tokens":9,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":2}}}`
}

func TestThinkingUnderEitherName(t *testing.T) {
	for _, names := range [][]string{{"reasoning"}, {"reasoning_content"}, {"reasoning_content", "reasoning"}} {
		members := ""
		for _, n := range names {
			members += `"` + n + `":"Hm.",`
		}
		message := `{"role":"assistant",` + members + `"content":"Yes."}`
		for noStream, body := range map[bool]string{false: events("stop", message), true: whole("stop", message)} {
			r, err := saysAbsent(t, noStream, body)
			if err != nil || r.Thinking != "Hm." || r.Text != "Yes." || r.Route.Request != "req-42" {
				t.Errorf("%q, whole %v: %+v, %v", names, noStream, r, err)
			}
		}
	}
	r, err := saysAbsent(t, true, whole("stop", `{"role":"assistant","content":"Yes."}`))
	if err != nil || *r.Usage != (provider.Usage{InputTokens: 9, CachedTokens: 4, OutputTokens: 5, ThinkingTokens: 2}) {
		t.Errorf("usage %+v, %v", r.Usage, err)
	}
}

func TestToolCallsComeWhole(t *testing.T) {
	const f, g = `{"id":"1","type":"function","function":{"name":"f","arguments":"{\"a\": 1}"}}`, `{"id":"2","type":"function","function":{"name":"g","arguments":""}}`
	for name, tc := range map[string]struct {
		noStream bool
		body     string
	}{
		"in pieces": {false, events(
			"tool_calls",
			`{"tool_calls":[{"index":0,"id":"1","type":"function","function":{"name":"f","arguments":""}}]}`,
			`{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\": "}}]}`,
			`{"tool_calls":[{"index":1,"id":"2","type":"function","function":{"name":"g","arguments":""}}]}`,
			`{"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]}`,
		)},
		"in pieces, without an index": {false, events(
			"tool_calls",
			`{"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"a\": "}}]}`,
			`{"tool_calls":[{"function":{"arguments":"1}"}}]}`,
			`{"tool_calls":[{"id":"2","type":"function","function":{"name":"g","arguments":""}}]}`,
		)},
		"at once":                      {false, events("tool_calls", `{"tool_calls":[`+f+`,`+g+`]}`)},
		"at once, called a stop":       {false, events("stop", `{"tool_calls":[`+f+`,`+g+`]}`)},
		"whole":                        {true, whole("tool_calls", `{"role":"assistant","content":null,"tool_calls":[`+f+`,`+g+`]}`)},
		"whole, as function_call said": {true, whole("function_call", `{"role":"assistant","content":"","tool_calls":[`+f+`,`+g+`]}`)},
	} {
		r, err := saysAbsent(t, tc.noStream, tc.body)
		if err != nil || r.Finish != provider.FinishToolCalls || len(r.ToolCalls) != 2 {
			t.Errorf("%s: %+v, %v", name, r, err)
			continue
		}
		one, two := r.ToolCalls[0], r.ToolCalls[1]
		if one.ID != "1" || one.Name != "f" || string(one.Arguments) != `{"a": 1}` || two.ID != "2" || two.Name != "g" || string(two.Arguments) != `{}` {
			t.Errorf("%s: %+v", name, r.ToolCalls)
		}
	}
	r, err := saysAbsent(t, true, whole("tool_calls", strings.ReplaceAll(`{"tool_calls":[`+f+`,`+g+`]}`, `"id"`, `"no"`)))
	if err != nil || len(r.ToolCalls) != 2 {
		t.Errorf("two whole calls without IDs: %+v, %v", r.ToolCalls, err)
	}
}

func TestRefusalIsFiltered(t *testing.T) {
	for noStream, body := range map[bool]string{
		false: events("stop", `{"refusal":"I cannot help."}`), true: whole("stop", `{"role":"assistant","content":"","refusal":"I cannot help."}`),
	} {
		r, err := saysAbsent(t, noStream, body)
		if provider.KindOf(err) != provider.Filtered || !strings.Contains(err.Error(), "I cannot help.") {
			t.Errorf("whole %v: %+v, %v", noStream, r, err)
		}
	}
}

func TestClocksAreTimeouts(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, `data: {"model":"m","choices":[{"index":0,"delta":{"content":"Hel"},"finish_reason":null}]}`+"\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	defer srv.Close()
	tr := httpx.NewTransport(httpx.Options{Idle: 30 * time.Millisecond})
	defer tr.CloseIdleConnections()
	p, err := openai.New(openai.Config{BaseURL: srv.URL + "/v1", Key: canary, Model: "m", RoundTripper: tr})
	if err != nil {
		t.Fatal(err)
	}
	for _, noStream := range []bool{false, true} {
		r, err := provider.Collect(p.Chat(context.Background(), provider.Request{Messages: []provider.Message{provider.User("hi")}, NoStream: noStream}))
		if provider.KindOf(err) != provider.Timeout || !noStream && r.Text != "Hel" {
			t.Errorf("whole %v: %q, %v; want a Timeout after what came", noStream, r.Text, err)
		}
	}
}

// TestArgumentsCutInsideALetter: a call's arguments come in pieces, cut by
// tokens, which may end inside a letter.
func TestArgumentsCutInsideALetter(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i, p := range []string{"{\\\"a\\\":\\\"w\xc3", "\xb6rld ", `\ud83d`, `\ude00\"}`} {
			name := ""
			if i == 0 {
				name = "f"
			}
			_, _ = fmt.Fprintf(w, `data: {"id":"1","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"name":%q,"arguments":"%s"}}]}}]}`+"\n\n", name, p)
		}
		_, _ = io.WriteString(w, `data: {"id":"1","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}`+"\n\ndata: [DONE]\n\n")
	}))
	defer srv.Close()
	r, err := provider.Collect(newProvider(t, srv.URL).Chat(t.Context(), provider.Request{Messages: []provider.Message{provider.User("hi")}}))
	if err != nil || len(r.ToolCalls) != 1 || string(r.ToolCalls[0].Arguments) != `{"a":"wörld 😀"}` {
		t.Errorf("%q, %v", r.ToolCalls, err)
	}
}
