package openai_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/openai"
)

// Servers send members of their own with a tool call, at the call's beginning,
// in a later fragment, without an index, or after the arguments.
func TestWhatCameWithAToolCallIsKept(t *testing.T) {
	const sign = `"extra_content":{"google":{"thought_signature":"c2ln"}}`
	first := `{"extra_content":{"google":{"thought_signature":"c2ln"}}}`
	for name, tc := range map[string]struct {
		whole  bool
		answer string
		want   []string // of each call
	}{
		"whole": {true, `{"model":"m","choices":[{"index":0,"finish_reason":"tool_calls","message":{"role":"assistant","reasoning_content":"hm","tool_calls":[` +
			`{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"},` + sign + `},{"id":"c2","type":"function","function":{"name":"g","arguments":"{}"}}]}}]}`, []string{first, ""}},
		"whole, calls without ids": {true, `{"model":"m","choices":[{"index":0,"finish_reason":"tool_calls","message":{"reasoning":"hm","tool_calls":[` +
			`{"function":{"name":"f","arguments":"{}"}},{"function":{"name":"g","arguments":"{}"},` + sign + `}]}}]}`, []string{"", first}},
		"streamed at once": {false, event(`"reasoning_content":"hm"`) + event(`"tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":"{}"},`+sign+`}]`) +
			event(`"tool_calls":[{"index":1,"id":"c2","function":{"name":"g","arguments":"{}"},"extra_content":null}]`), []string{first, ""}},
		"streamed, in a later fragment": {false, event(`"reasoning":"hm"`) + event(`"tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":"{"}}]`) +
			event(`"tool_calls":[{"index":1,"id":"c2","function":{"name":"g","arguments":"{}"}}]`) +
			event(`"tool_calls":[{"index":0,"function":{"arguments":"}"},`+sign+`}]`), []string{first, ""}},
		"streamed without an index": {false, event(`"reasoning_content":"hm"`) + event(`"tool_calls":[{"id":"c1","function":{"name":"f","arguments":"{"}}]`) +
			event(`"tool_calls":[{"function":{"arguments":"}"},`+sign+`}]`) + event(`"tool_calls":[{"id":"c2","function":{"name":"g","arguments":"{}"}}]`), []string{first, ""}},
		"two members": {
			false, event(`"reasoning_content":"hm"`) + event(`"tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":"{}"},"signature":"a","provider_specific_fields":{"z":1,"a":[2]}}]`),
			[]string{`{"provider_specific_fields":{"z":1,"a":[2]},"signature":"a"}`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if tc.whole {
					w.Header().Set("Content-Type", "application/json")
					_, _ = io.WriteString(w, tc.answer)
					return
				}
				w.Header().Set("Content-Type", "text/event-stream")
				_, _ = io.WriteString(w, tc.answer+`data: {"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}`+"\n\ndata: [DONE]\n\n")
			}))
			defer srv.Close()
			p, err := openai.New(openai.Config{BaseURL: srv.URL, Model: "m"})
			if err != nil {
				t.Fatal(err)
			}
			r, err := provider.Collect(p.Chat(t.Context(), provider.Request{Messages: []provider.Message{provider.User("hi")}, NoStream: tc.whole}))
			if err != nil || r.Thinking != "hm" || len(r.ToolCalls) != len(tc.want) {
				t.Fatalf("%+v, %v", r, err)
			}
			for i, want := range tc.want {
				if got := string(r.ToolCalls[i].Extra); got != want {
					t.Errorf("with call %d came %s, want %s", i+1, got, want)
				}
			}
		})
	}
}

func event(delta string) string {
	return `data: {"model":"m","choices":[{"index":0,"delta":{` + delta + `}}]}` + "\n\n"
}
