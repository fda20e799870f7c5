package ollama_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/testengine"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
)

// completions are texts to be continued, and what of them is sent.
func completions() map[string]conversion {
	text := func(messages ...provider.Message) []provider.Message { return messages }
	return map[string]conversion{
		"filled in": {
			req:  provider.Request{Messages: text(provider.User("a")), Completion: &provider.Completion{Suffix: "c"}},
			want: `{"suffix":"c"}`,
		},
		"raw, with settings": {
			ollama.Config{NumCtx: 2048},
			provider.Request{Messages: text(provider.User("a")), Completion: &provider.Completion{Raw: true}, MaxTokens: provider.Ptr(5), Stop: []string{"x"}, NoStream: true},
			`{"raw":true,"stream":false,"options":{"num_ctx":2048,"num_predict":5,"stop":["x"]}}`,
		},
		"raw and filled in": {
			req:  provider.Request{Messages: text(provider.User("a")), Completion: &provider.Completion{Raw: true, Suffix: "c"}},
			want: `{"raw":true,"suffix":"c"}`,
		},
		"a template, with a system message and an image": {
			req: provider.Request{
				Messages:   text(provider.System("s"), provider.Message{Role: provider.RoleUser, Text: "a", Images: []provider.Image{{Data: []byte("png")}}}),
				Completion: &provider.Completion{Template: "{{ .Prompt }}"},
			},
			want: `{"system":"s","template":"{{ .Prompt }}","images":["cG5n"]}`,
		},
	}
}

// completer is a server that answers /api/generate, and what it was sent last.
func completer(t *testing.T, cfg ollama.Config, answer string) (*ollama.Provider, func() map[string]any) {
	t.Helper()
	var last []byte
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/api/show":
			_, _ = io.WriteString(w, `{"capabilities":["completion","vision","insert"]}`)
		case "/api/tags":
			_, _ = io.WriteString(w, `{"models":[]}`)
		case "/api/version":
			_, _ = io.WriteString(w, `{"version":"0.33.3"}`)
		case "/api/generate":
			last = data
			_, _ = io.WriteString(w, answer)
		default:
			t.Errorf("asked %s", r.URL.Path)
		}
	}))
	t.Cleanup(srv.Close)
	tr := httpx.NewTransport(httpx.Options{})
	t.Cleanup(tr.CloseIdleConnections)
	cfg.Host, cfg.Model, cfg.RoundTripper = srv.URL, "m", tr
	p, err := ollama.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p, func() (body map[string]any) {
		if err := json.Unmarshal(last, &body); err != nil {
			t.Errorf("%v in %s", err, last)
		}
		return body
	}
}

const completed = `{"model":"m","response":"b","done":true,"done_reason":"stop","prompt_eval_count":5,"eval_count":3,"context":[1,2]}`

func TestATextIsSentAsOne(t *testing.T) {
	for name, tc := range completions() {
		t.Run(name, func(t *testing.T) {
			want := map[string]any{
				"model": "m", "prompt": "a", "suffix": "", "system": "", "template": "", "stream": true, "truncate": false, "shift": false, "think": false, "options": map[string]any{},
			}
			if err := json.Unmarshal([]byte(tc.want), &want); err != nil {
				t.Fatal(err)
			}
			p, sent := completer(t, tc.cfg, completed+"\n")
			r, err := provider.Collect(p.Chat(t.Context(), tc.req))
			if err != nil || r.Text != "b" || r.Finish != provider.FinishStop || r.Usage == nil || r.Usage.InputTokens != 5 {
				t.Errorf("%+v, %v", r, err)
			}
			if got := sent(); !reflect.DeepEqual(got, want) {
				t.Errorf("sent\n%v\nwant\n%v", got, want)
			}
		})
	}
}

// What is filled in is the user's own text: tags in it mean nothing, and it may be
// white space. An end that was not seen is none, as with a chat.
func TestATextComesAsItIs(t *testing.T) {
	line := func(text string) string {
		data, _ := json.Marshal(map[string]any{"model": "m", "response": text, "done": false})
		return string(data) + "\n"
	}
	const end = `{"model":"m","response":"","done":true,"done_reason":"stop"}` + "\n"
	for name, tc := range map[string]struct {
		lines, text string
		kind        provider.Kind
	}{
		"tags":                       {line("<think>") + line("x</think>y") + end, "<think>x</think>y", ""},
		"white space":                {line("\n") + line("\t") + end, "\n\t", ""},
		"nothing":                    {end, "", ""},
		"at the limit":               {line("x") + `{"model":"m","response":"","done":true,"done_reason":"length"}`, "x", ""},
		"cut":                        {line("x"), "x", provider.Truncated},
		"cut before any text":        {`{"model":"m","created_at":"2026-01-01T00:00:00Z","response":"","done":false}` + "\n", "", provider.Truncated},
		"a failure after some of it": {line("x") + `{"error":"an error was encountered while running the model: unexpected EOF"}`, "x", provider.Truncated},
		"more after the end":         {end + line("x"), "", provider.BadAnswer},
		"of another host":            {`{"model":"m","remote_host":"https://ollama.com:443","response":"x","done":true}`, "", provider.Private},
	} {
		p, _ := completer(t, ollama.Config{}, tc.lines)
		req := provider.Request{Messages: []provider.Message{provider.User("a")}, Completion: &provider.Completion{Raw: true}}
		if tc.kind == provider.Private {
			p, _ = completer(t, ollama.Config{Privacy: provider.PrivacyLocal}, tc.lines)
		}
		r, err := provider.Collect(p.Chat(t.Context(), req))
		if provider.KindOf(err) != tc.kind || r.Text != tc.text || tc.kind == "" && r.Route == nil {
			t.Errorf("%s: %+v, %v; want %q and the kind %q", name, r, err, tc.text, tc.kind)
		}
	}
}

// The real engine continues a raw text, and says of a model that cannot fill in that
// it cannot.
func TestLiveCompletion(t *testing.T) {
	e := testengine.Ollama(t)
	p := live(t, e.URL, e.Model)
	for _, noStream := range []bool{false, true} {
		req := provider.Request{
			Messages: []provider.Message{provider.User("1, 2, 3, 4, 5, 6, 7,")}, Completion: &provider.Completion{Raw: true}, NoStream: noStream,
			MaxTokens: provider.Ptr(8), Temperature: provider.Ptr(0.0),
		}
		r, err := provider.Collect(p.Chat(t.Context(), req))
		if err != nil || r.Text == "" || r.Usage == nil || r.Usage.InputTokens == 0 || r.Usage.InputTokens > 25 {
			t.Errorf("%+v %+v, %v; want a text whose prompt has no template around it", r, r.Usage, err)
		}
		req.Completion = &provider.Completion{Suffix: " 9, 10"}
		if _, err := provider.Collect(p.Chat(t.Context(), req)); provider.KindOf(err) != provider.Unsupported {
			t.Errorf("a suffix for a model without insert: %v", err)
		}
	}
}
