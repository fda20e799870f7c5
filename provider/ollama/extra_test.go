package ollama_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/tandem-llm/tandem/provider"
)

func TestWhatCameWithAToolCallIsKept(t *testing.T) {
	const call = `{"function":{"name":"f","arguments":{}}}`
	const signed = `{"function":{"name":"f","arguments":{}},"extra_content":{"google":{"thought_signature":"c2ln"}}}`
	line := func(calls, end string) string {
		return `{"model":"m","message":{"role":"assistant","content":"","thinking":"hm","tool_calls":[` + calls + `]}` + end + "}\n"
	}
	const end = `,"done":true,"done_reason":"stop"`
	for name, tc := range map[string]struct {
		whole  bool
		answer string
	}{
		"whole":              {true, line(call+","+signed, end)},
		"in one line":        {false, line(call+","+signed, "") + line("", end)},
		"a line a call":      {false, line(call, "") + line(signed, "") + line("", end)},
		"with the last line": {false, line(call, "") + line(signed, end)},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, tc.answer) }))
			defer srv.Close()
			r, err := provider.Collect(newProvider(t, srv.URL).Chat(t.Context(), provider.Request{Messages: []provider.Message{provider.User("hi")}, NoStream: tc.whole}))
			if err != nil || len(r.ToolCalls) != 2 || r.ToolCalls[0].Extra != nil || string(r.ToolCalls[1].Extra) != `{"extra_content":{"google":{"thought_signature":"c2ln"}}}` {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}
