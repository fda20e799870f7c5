package gateway_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
)

// thinker is a provider that wants back what it sent with a tool call, as Gemini does.
type thinker struct {
	*httptest.Server
	mu   sync.Mutex
	last string // the body of the last question
}

const signed = `"extra_content":{"google":{"thought_signature":"c2lnbmF0dXJl"}}`

func newThinker(t *testing.T) *thinker {
	t.Helper()
	e := &thinker{}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/v1/models" {
			_, _ = io.WriteString(w, `{"object":"list","data":[{"id":"m","object":"model"}]}`)
			return
		}
		e.mu.Lock()
		e.last = string(data)
		e.mu.Unlock()
		w.Header().Set("Content-Type", "text/event-stream")
		delta, finish := `{"tool_calls":[{"index":0,"id":"call_7","type":"function",`+signed+`,"function":{"name":"weather","arguments":"{\"city\": \"Paris\",\"a\":1}"}}]}`, "tool_calls"
		if strings.Contains(string(data), `"role":"tool"`) {
			delta, finish = `{"content":"It rains."}`, "stop"
		}
		fmt.Fprintf(w, "data: {\"id\":\"x\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":%s,\"finish_reason\":\"%s\"}]}\n\ndata: [DONE]\n\n", delta, finish)
	}))
	t.Cleanup(e.Close)
	return e
}

// What a provider sent with a tool call goes back to it with the call, whatever dialect
// the client speaks, and though clients keep no more of a call than their API has. It
// goes into no other conversation.
func TestWhatCameWithACallGoesBack(t *testing.T) {
	const parameters = `{"type":"object","properties":{"city":{"type":"string"}}}`
	functions := `"tools":[{"type":"function","function":{"name":"weather","parameters":` + parameters + `}}]`
	for _, d := range []struct{ path, first, next string }{
		{
			"/v1/chat/completions", `{"model":"m",` + functions + `,"messages":[{"role":"user","content":"USER"}]STREAM}`,
			`{"model":"m",` + functions + `,"messages":[{"role":"user","content":"USER"},{"role":"assistant","content":null,"tool_calls":[{"id":"call_7","type":"function","function":{"name":"weather","arguments":"{\"a\":1,\"city\":\"Paris\"}"}}]},{"role":"tool","tool_call_id":"call_7","content":"rain"}]}`,
		},
		{
			"/v1/responses", `{"model":"m","store":false,"tools":[{"type":"function","name":"weather","parameters":` + parameters + `}],"input":[{"role":"user","content":"USER"}]STREAM}`,
			`{"model":"m","store":false,"input":[{"role":"user","content":"USER"},{"type":"function_call","call_id":"call_7","name":"weather","arguments":"{\"city\":\"Paris\",\"a\":1}"},{"type":"function_call_output","call_id":"call_7","output":"rain"}]}`,
		},
		{
			"/v1/messages", `{"model":"m","max_tokens":9,"tools":[{"name":"weather","input_schema":` + parameters + `}],"messages":[{"role":"user","content":"USER"}]STREAM}`,
			`{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"USER"},{"role":"assistant","content":[{"type":"tool_use","id":"call_7","name":"weather","input":{"a":1,"city":"Paris"}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_7","content":"rain"}]}]}`,
		},
		{
			"/api/chat", `{"model":"m",` + functions + `,"messages":[{"role":"user","content":"USER"}]STREAM}`,
			`{"model":"m","messages":[{"role":"user","content":"USER"},{"role":"assistant","content":"","tool_calls":[{"id":"call_7","function":{"name":"weather","arguments":{"city":"Paris","a":1}}}]},{"role":"tool","tool_name":"weather","content":"rain"}]}`,
		},
	} {
		for _, stream := range []string{`,"stream":false`, `,"stream":true`} {
			e := newThinker(t)
			url := inFront(t, e.URL)
			first := gatewaytest.Post(t, url+d.path, strings.NewReplacer("USER", "Weather?", "STREAM", stream).Replace(d.first))
			if first.Status != 200 || !strings.Contains(first.Body, "call_7") {
				t.Errorf("%s: %d %s", d.path, first.Status, first.Body)
				continue
			}
			if openai := strings.HasPrefix(d.path, "/v1/chat") || d.path == "/v1/responses"; openai != strings.Contains(first.Body, signed) {
				t.Errorf("%s: the client gets %s", d.path, first.Body)
			}
			for user, want := range map[string]bool{"Weather?": true, "Another conversation": false} {
				r := gatewaytest.Post(t, url+d.path, strings.ReplaceAll(d.next, "USER", user))
				if r.Status != 200 || !strings.Contains(r.Body, "It rains.") {
					t.Errorf("%s: %d %s", d.path, r.Status, r.Body)
				}
				if got := strings.Contains(e.asked(), signed); got != want {
					t.Errorf("%s%s, %s: the provider gets %s", d.path, stream, user, e.asked())
				}
			}
		}
	}
}

// A client that sends extra_content back needs nobody to remember it.
func TestExtraContentComesBack(t *testing.T) {
	e := newThinker(t)
	url := inFront(t, e.URL)
	for _, c := range []struct{ path, body string }{
		{"/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"Weather?"},{"role":"assistant","content":null,"tool_calls":[{"id":"call_7","type":"function",` + signed + `,"function":{"name":"weather","arguments":"{}"}}]},{"role":"tool","tool_call_id":"call_7","content":"rain"}]}`},
		{"/v1/responses", `{"model":"m","store":false,"input":[{"role":"user","content":"Weather?"},{"type":"function_call","call_id":"call_7","name":"weather","arguments":"{}",` + signed + `},{"type":"function_call_output","call_id":"call_7","output":"rain"}]}`},
	} {
		if r := gatewaytest.Post(t, url+c.path, c.body); r.Status != 200 || !strings.Contains(e.asked(), signed) || !json.Valid([]byte(e.asked())) {
			t.Errorf("%s: %d, the provider gets %s", c.path, r.Status, e.asked())
		}
		bad := strings.Replace(c.body, signed, `"extra_content":7`, 1)
		if r := gatewaytest.Post(t, url+c.path, bad); r.Status != 400 || !strings.Contains(r.Body, "extra_content: it has to be an object, not a number") {
			t.Errorf("%s: %d %s", c.path, r.Status, r.Body)
		}
	}
}

func (e *thinker) asked() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.last
}
