package ollama_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
)

// imitator is a server that speaks Ollama's API after its own fashion: documents
// are its answers by path.
func imitator(t *testing.T, documents map[string]string) *ollama.Provider {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		document, ok := documents[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, document)
	}))
	t.Cleanup(srv.Close)
	tr := httpx.NewTransport(httpx.Options{})
	t.Cleanup(tr.CloseIdleConnections)
	p, err := ollama.New(ollama.Config{Host: srv.URL, Model: "m", RoundTripper: tr})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Each form, streamed and whole.
func TestAnswersInEveryForm(t *testing.T) {
	const end = `{"model":"m","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":5,"eval_count":3}`
	line := func(message, more string) string {
		return `{"model":"m","message":` + message + more + `,"done":false}` + "\n" + end + "\n"
	}
	const hello = `{"role":"assistant","content":"Hello"}`
	for what, c := range map[string]struct{ source, body, thinking, arguments string }{
		"as Ollama":                      {"Ollama 0.17.4", line(hello, ""), "", ""},
		"created_at without a zone":      {"imitators in Python", line(hello, `,"created_at":"2026-01-01T00:00:00.5"`), "", ""},
		"created_at in seconds":          {"imitators in Python", line(hello, `,"created_at":1767225600.5`), "", ""},
		"created_at that says nothing":   {"made up", line(hello, `,"created_at":{"now":true}`), "", ""},
		"counts with fractions":          {"imitators in Lua", strings.NewReplacer(":5,", ":5.0,", ":3}", `:"3"}`).Replace(line(hello, "")), "", ""},
		"logprobs, context":              {"imitators", line(hello, `,"logprobs":0.5,"context":"x","total_duration":"1ms"`), "", ""},
		"content in parts":               {"imitators over Mistral", line(`{"content":[{"type":"thinking","thinking":"Hm."},{"type":"text","text":"Hello"}]}`, ""), "Hm.", ""},
		"done as text":                   {"made up", strings.Replace(line(hello, ""), "true", `"true"`, 1), "", ""},
		"an end in capitals":             {"made up", strings.Replace(line(hello, ""), `"stop"`, `"STOP"`, 1), "", ""},
		"events":                         {"imitators", "data: " + strings.ReplaceAll(strings.TrimSpace(line(hello, "")), "\n", "\n\ndata: ") + "\n\ndata: [DONE]\n\n", "", ""},
		"BOM and CRLF":                   {"imitators on Windows", "\ufeff" + strings.ReplaceAll(line(hello, ""), "\n", "\r\n"), "", ""},
		"one document":                   {"Ollama, stream false", strings.Replace(end, `"content":""`, `"content":"Hello"`, 1), "", ""},
		"one document over lines":        {"imitators", strings.ReplaceAll(strings.Replace(end, `"content":""`, `"content":"Hello"`, 1), `,"`, ",\n  \""), "", ""},
		"arguments as Ollama":            {"Ollama", line(`{"content":"Hello","tool_calls":[{"function":{"name":"f","arguments":{"city":"Oslo"}}}]}`, ""), "", `{"city":"Oslo"}`},
		"arguments as text":              {"openclaw 57455; ollama 12413", line(`{"content":"Hello","tool_calls":[{"function":{"name":"f","arguments":"{\"city\":\"Oslo\"}"}}]}`, ""), "", `{"city":"Oslo"}`},
		"arguments quoted twice":         {"made up", line(`{"content":"Hello","tool_calls":[{"function":{"name":"f","arguments":"\"{\\\"city\\\":\\\"Oslo\\\"}\""}}]}`, ""), "", `{"city":"Oslo"}`},
		"arguments as an empty list":     {"PHP", line(`{"content":"Hello","tool_calls":[{"id":7,"function":{"name":"f","arguments":[]}}]}`, ""), "", `{}`},
		"one call that is not in a list": {"made up", line(`{"content":"Hello","tool_calls":{"function":{"name":"f","arguments":{"city":"Oslo"}}}}`, ""), "", `{"city":"Oslo"}`},
	} {
		for _, noStream := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, whole %v", what, noStream), func(t *testing.T) {
				p := imitator(t, map[string]string{"/api/chat": c.body})
				r, err := provider.Collect(p.Chat(t.Context(), provider.Request{Messages: []provider.Message{provider.User("hi")}, NoStream: noStream}))
				if err != nil || r.Text != "Hello" || r.Thinking != c.thinking || r.Finish == "" || r.Usage == nil || r.Usage.InputTokens != 5 || r.Usage.OutputTokens != 3 {
					t.Fatalf("%s: %+v %+v, %v", c.source, r, r.Usage, err)
				}
				if c.arguments != "" && (len(r.ToolCalls) != 1 || string(r.ToolCalls[0].Arguments) != c.arguments) {
					t.Errorf("calls %s", r.ToolCalls)
				}
			})
		}
	}
}

// The ends, by the table that both adapters share.
func TestEndsOfAnswers(t *testing.T) {
	for _, c := range []struct {
		word, content string
		finish        provider.Finish
		kind          provider.Kind
	}{
		{`"stop"`, "Hi", provider.FinishStop, ""},
		{`"EOS"`, "Hi", provider.FinishStop, ""},
		{`null`, "Hi", provider.FinishStop, ""},
		{`{"type":"stop"}`, "Hi", provider.FinishStop, ""},
		{`"max_tokens"`, "Hi", provider.FinishLength, ""},
		{`"tool_calls"`, "Hi", "", provider.BadAnswer},
		{`"safety"`, "Hi", "", provider.Filtered},
		{`"error"`, "Hi", "", provider.Truncated},
		{`"abort"`, "", "", provider.Unavailable},
		{`"vibes"`, "Hi", "", provider.Truncated},
		{`7`, "Hi", "", provider.Truncated},
	} {
		p := imitator(t, map[string]string{"/api/chat": fmt.Sprintf(`{"model":"m","message":{"content":%q},"done":true,"done_reason":%s}`, c.content, c.word) + "\n"})
		r, err := provider.Collect(p.Chat(t.Context(), provider.Request{Messages: []provider.Message{provider.User("hi")}}))
		if r.Finish != c.finish || provider.KindOf(err) != c.kind {
			t.Errorf("%s: %+v, %v", c.word, r, err)
		}
	}
}

// A usage that has no tokens for words that came is none.
func TestUsageOfZeros(t *testing.T) {
	for count, want := range map[string]bool{`,"prompt_eval_count":5,"eval_count":1`: true, `,"prompt_eval_count":5,"eval_count":0`: false, `,"prompt_eval_count":5`: false, `,"eval_count":1`: false, ``: false} {
		p := imitator(t, map[string]string{"/api/chat": `{"model":"m","message":{"content":"Hi"},"done":true` + count + "}\n"})
		r, err := provider.Collect(p.Chat(t.Context(), provider.Request{Messages: []provider.Message{provider.User("hi")}}))
		if err != nil || (r.Usage != nil) != want {
			t.Errorf("%s: %+v, %v", count, r.Usage, err)
		}
	}
}

func TestListsInEveryForm(t *testing.T) {
	p := imitator(t, map[string]string{
		"/api/tags":    `[{"name":"m","size":"12.0","modified_at":"2026-01-01","digest":null,"details":{"families":"x","parameter_size":7}}]`,
		"/api/ps":      `{"models":[{"name":"m","size":5.0,"size_vram":"5","context_length":4096.0,"expires_at":1767225600,"details":[]}]}`,
		"/api/show":    `{"license":["A","B"],"details":[],"model_info":{"general.architecture":"llama","llama.context_length":8192},"capabilities":"completion","modified_at":7,"messages":{}}`,
		"/api/version": `{"version":0.5}`,
		"/api/embed":   `{"model":"m","embeddings":[[[0.5,"1"]]],"prompt_eval_count":"3"}`,
	})
	models, err := p.Models(t.Context())
	if err != nil || len(models) != 1 || models[0].Size != 12 || models[0].Modified.Year() != 2026 || models[0].Params != "7" {
		t.Errorf("%+v, %v", models, err)
	}
	running, err := p.Running(t.Context())
	if err != nil || len(running) != 1 || running[0].Context != 4096 || running[0].Expires.Year() != 2026 {
		t.Errorf("%+v, %v", running, err)
	}
	info, err := p.Inspect(t.Context(), "m")
	if err != nil || info.License != "A\nB" || info.Context != 8192 {
		t.Errorf("%+v, %v", info, err)
	}
	if v, err := p.Version(t.Context()); err != nil || v != "0.5" {
		t.Errorf("%q, %v", v, err)
	}
	r, err := p.Embed(t.Context(), provider.EmbedRequest{Input: []string{"x"}})
	if err != nil || len(r.Vectors) != 1 || r.Vectors[0][0] != 0.5 || r.Vectors[0][1] != 1 || r.Usage == nil || r.Usage.InputTokens != 3 {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err := imitator(t, map[string]string{"/api/embed": `{"embeddings":[[1,null]]}`}).Embed(t.Context(), provider.EmbedRequest{Input: []string{"x"}}); provider.KindOf(err) != provider.BadAnswer {
		t.Errorf("%+v, %v", r, err)
	}
}
