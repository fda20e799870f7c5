package openai_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/openai"
)

// TestWhatCameWithCallsGoesBack: within a loop of tool calls, a server gets back
// what it sent with the calls, in the members that it sent it in, and content is
// there.
func TestWhatCameWithCallsGoesBack(t *testing.T) {
	const call = `"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"now","arguments":"{}"}}]`
	for _, c := range []struct {
		server  string
		deltas  []string // of a stream
		message string   // the same, whole; empty: it is not sent so
		back    string   // members of the message that goes back
		never   []string // that it has not
	}{
		{"DeepSeek, content as a member (go-openai#1029)", []string{call}, call, `{"content":""}`, []string{"reasoning", "reasoning_content"}},
		{"OpenAI, content null", []string{`"content":null,` + call}, `"content":null,` + call, `{"content":""}`, nil},
		{"any, with text", []string{`"content":"Let me "`, `"content":"look."`, call}, `"content":"Let me look.",` + call, `{"content":"Let me look."}`, nil},
		{"DeepSeek (DeepSeek-V3#1053)", []string{`"content":"","reasoning_content":"I should "`, `"reasoning_content":"look."`, call}, `"content":"","reasoning_content":"I should look.",` + call, `{"content":"","reasoning_content":"I should look."}`, []string{"reasoning"}},
		{"vLLM, OpenRouter, Groq", []string{`"reasoning":"I should "`, `"reasoning": "look."`, call}, `"reasoning":"I should look.",` + call, `{"reasoning":"I should look."}`, []string{"reasoning_content"}},
		{"LiteLLM, both names", []string{`"reasoning":"Look.","reasoning_content":"Look."`, call}, `"reasoning":"Look.","reasoning_content":"Look.",` + call, `{"reasoning_content":"Look."}`, []string{"reasoning"}},
		{"vLLM, the other name null", []string{`"reasoning":"Look.","reasoning_content":null`, call}, `"reasoning":"Look.","reasoning_content":null,` + call, `{"reasoning":"Look."}`, []string{"reasoning_content"}},
		{"SGLang without a reasoning parser", []string{`"content":"<think>Look."`, `"content":"</think>\n"`, call}, `"content":"<think>Look.</think>\n",` + call, `{"content":""}`, []string{"reasoning", "reasoning_content"}},
		{"Mistral, thinking in parts", []string{`"content":[{"type":"thinking","thinking":[{"type":"text","text":"Look."}]}]`, call}, "", `{"content":""}`, []string{"reasoning", "reasoning_content"}},
		{
			"OpenRouter, Anthropic",
			[]string{
				`"reasoning":"I should ","reasoning_details":[{"type":"reasoning.text","text":"I should ","format":"anthropic-claude-v1","index":0}]`,
				`"reasoning":"look.","reasoning_details":[{"type":"reasoning.text","text":"look.","format":"anthropic-claude-v1","index":0}]`,
				`"reasoning_details":[{"type":"reasoning.text","signature":"c2ln","format":"anthropic-claude-v1","index":0}]`, call,
			},
			`"reasoning":"I should look.","reasoning_details":[{"type":"reasoning.text","text":"I should look.","signature":"c2ln","format":"anthropic-claude-v1","index":0}],` + call,
			`{"reasoning_details":[{"format":"anthropic-claude-v1","index":0,"signature":"c2ln","text":"I should look.","type":"reasoning.text"}]}`,
			[]string{"reasoning_content"},
		},
		{
			"OpenRouter, Gemini",
			[]string{
				`"reasoning":"Look.","reasoning_details":[{"type":"reasoning.text","text":"Look.","index":0}]`,
				`"reasoning_details":[{"type":"reasoning.encrypted","data":"AbC=","id":"a","index":0},{"type":"reasoning.encrypted","data":"dEf=","id":"b","index":0}],` + call,
			},
			`"reasoning":"Look.","reasoning_details":[{"type":"reasoning.text","text":"Look.","index":0},{"type":"reasoning.encrypted","data":"AbC=","id":"a","index":0},{"type":"reasoning.encrypted","data":"dEf=","id":"b","index":0}],` + call,
			`{"reasoning_details":[{"index":0,"text":"Look.","type":"reasoning.text"},{"data":"AbC=","id":"a","index":0,"type":"reasoning.encrypted"},{"data":"dEf=","id":"b","index":0,"type":"reasoning.encrypted"}]}`, nil,
		},
		{
			"LiteLLM, Anthropic",
			[]string{
				`"reasoning_content":"I should ","thinking_blocks":[{"type":"thinking","thinking":"I should ","signature":""}]`,
				`"reasoning_content":"look.","thinking_blocks":[{"type":"thinking","thinking":"look.","signature":""}]`,
				`"thinking_blocks":[{"type":"thinking","thinking":"","signature":"c2ln"}]`,
				`"thinking_blocks":[{"type":"redacted_thinking","data":"AbC="}],` + call,
			},
			`"reasoning_content":"I should look.","thinking_blocks":[{"type":"thinking","thinking":"I should look.","signature":"c2ln"},{"type":"redacted_thinking","data":"AbC="}],` + call,
			`{"reasoning_content":"I should look.","thinking_blocks":[{"signature":"c2ln","thinking":"I should look.","type":"thinking"},{"data":"AbC=","type":"redacted_thinking"}]}`,
			[]string{"reasoning"},
		},
		{
			"OpenRouter, details alone",
			[]string{`"content":"","reasoning_details":[{"type":"reasoning.encrypted","data":"AbC="}]`, call},
			`"content":"","reasoning_details":[{"type":"reasoning.encrypted","data":"AbC="}],` + call,
			`{"content":"","reasoning_details":[{"data":"AbC=","type":"reasoning.encrypted"}]}`, nil,
		},
		{
			"Gemini (LangChain 33909)",
			[]string{strings.Replace(call, `"type"`, `"extra_content":{"google":{"thought_signature":"c2ln"}},"type"`, 1)},
			strings.Replace(call, `"type"`, `"extra_content":{"google":{"thought_signature":"c2ln"}},"type"`, 1),
			`{"tool_calls":[{"extra_content":{"google":{"thought_signature":"c2ln"}},"function":{"name":"now","arguments":"{}"},"id":"a","type":"function"}]}`,
			[]string{"reasoning_details"},
		},
	} {
		for _, noStream := range []bool{false, true} {
			if noStream && c.message == "" {
				continue
			}
			back := secondRound(t, noStream, c.deltas, c.message)
			var want map[string]json.RawMessage
			if err := json.Unmarshal([]byte(c.back), &want); err != nil {
				t.Fatal(err)
			}
			for name, v := range want {
				if string(back[name]) != string(v) {
					t.Errorf("%s, whole %v: %s goes back as %s, want %s", c.server, noStream, name, back[name], v)
				}
			}
			for _, name := range c.never {
				if v, ok := back[name]; ok {
					t.Errorf("%s, whole %v: %s goes back: %s", c.server, noStream, name, v)
				}
			}
			if strings.Contains(string(back["content"]), "think") {
				t.Errorf("%s, whole %v: the content is %s", c.server, noStream, back["content"])
			}
		}
	}
}

// secondRound is the message with the calls, as the request after it has it.
func secondRound(t *testing.T, noStream bool, deltas []string, message string) map[string]json.RawMessage {
	t.Helper()
	var sent []byte
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, _ = io.ReadAll(r.Body)
		if noStream {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, whole("tool_calls", `{"role":"assistant",`+message+`}`))
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for _, d := range deltas {
			_, _ = io.WriteString(w, event(d))
		}
		_, _ = io.WriteString(w, events("tool_calls"))
	}))
	defer srv.Close()
	p, err := openai.New(openai.Config{BaseURL: srv.URL, Model: "m"})
	if err != nil {
		t.Fatal(err)
	}
	req := provider.Request{Messages: []provider.Message{provider.User("hi")}, Tools: requestTools(), NoStream: noStream}
	r, err := provider.Collect(p.Chat(t.Context(), req))
	if err != nil || len(r.ToolCalls) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	req.Messages = append(req.Messages, provider.Message{
		Role: provider.RoleAssistant, Text: r.Text, Thinking: r.Thinking, From: r.Route.Provider, ToolCalls: r.ToolCalls,
	}, provider.ToolResult(r.ToolCalls[0], "noon"))
	if _, err := provider.Collect(p.Chat(t.Context(), req)); err != nil {
		t.Fatal(err)
	}
	var body struct{ Messages []map[string]json.RawMessage }
	if err := json.Unmarshal(sent, &body); err != nil || len(body.Messages) != 3 {
		t.Fatalf("%s, %v", sent, err)
	}
	return body.Messages[1]
}

// TestDetailsGrowInProportion: what is kept of a thought in many pieces takes memory
// in proportion to it.
func TestDetailsGrowInProportion(t *testing.T) {
	used := func(pieces int) uint64 {
		const piece = `"reasoning_details":[{"type":"reasoning.text","text":"so many words ","index":0}]`
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		back := secondRound(t, false, append(slices.Repeat([]string{piece}, pieces), `"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"now","arguments":"{}"}}]`), "")
		runtime.ReadMemStats(&after)
		if n := strings.Count(string(back["reasoning_details"]), "so many words "); n != pieces {
			t.Errorf("%d of %d pieces came back", n, pieces)
		}
		return after.TotalAlloc - before.TotalAlloc
	}
	if few, many := used(1_000), used(8_000); many > 16*few {
		t.Errorf("eight times the pieces took %d bytes, not %d", many, few)
	}
}
