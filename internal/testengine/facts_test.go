package testengine_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/testengine"
)

// A fact is something that an engine does and Tandem is built on, in a test of its own so that a new version says what it changes.
// docs/compatibility.md says with which versions they were tried.
type fact struct {
	says string
	want string
	// from030 is what Ollama does from version 0.30 on, if that is something else: it then runs models in llama.cpp's server.
	from030 string
	got     func(*asker) string
}

var ollamaFacts = []fact{
	{"a model is loaded by an empty generation", "load", "", func(a *asker) string {
		return a.text("/api/generate", a.with(nil), "done_reason")
	}},
	{"without num_ctx a model has a window of 4096 tokens on a CPU", "4096", "", func(a *asker) string {
		a.post("/api/generate", a.with(nil))
		return a.running(a.model, "context_length")
	}},
	{"another num_ctx loads the model anew, and /api/ps tells it", "1024", "", func(a *asker) string {
		a.post("/api/generate", a.with(map[string]any{"options": map[string]any{"num_ctx": 1024}}))
		return a.running(a.model, "context_length")
	}},
	{"a model is kept for 5 minutes", "5m", "", func(a *asker) string {
		at, err := time.Parse(time.RFC3339Nano, a.running(a.model, "expires_at"))
		if left := time.Until(at); err == nil && left > 4*time.Minute && left < 6*time.Minute {
			return "5m"
		}
		return fmt.Sprint(at, err)
	}},
	{"a cut answer ends with done_reason length", "length", "", func(a *asker) string {
		return a.text("/api/chat", a.chat("Tell me a story.", map[string]any{"num_predict": 3}, nil), "done_reason")
	}},
	{"a stream ends with done:true", "true", "", func(a *asker) string {
		lines := strings.Split(strings.TrimSpace(a.post("/api/chat", a.chat("Hi", map[string]any{"num_predict": 3}, map[string]any{"stream": true})).body), "\n")
		return field(lines[len(lines)-1], "done")
	}},
	{"an overflow is cut in silence, and prompt_eval_count is at most the window", "200, 512", "200, 258", func(a *asker) string {
		r := a.post("/api/chat", a.chat(long, map[string]any{"num_ctx": 512, "num_predict": 1}, nil))
		return fmt.Sprintf("%d, %s", r.status, field(r.body, "prompt_eval_count"))
	}},
	{
		"with truncate:false an overflow is a 400", "400 the input length exceeds the context length",
		"400 request (6010 tokens) exceeds the available context size (512 tokens), try increasing it",
		func(a *asker) string {
			r := a.post("/api/chat", a.chat(long, map[string]any{"num_ctx": 512, "num_predict": 1}, map[string]any{"truncate": false}))
			text := field(r.body, "error")
			if inner := field(text, "error.message"); inner != "" {
				text = inner
			}
			return fmt.Sprint(r.status, " ", text)
		},
	},
	{"with shift:false an answer that fills the window ends with length", "length", "", func(a *asker) string {
		return a.text("/api/chat", a.chat("Tell me a very long story about a river.", map[string]any{"num_ctx": 256, "temperature": 0}, map[string]any{"shift": false, "truncate": false}), "done_reason")
	}},
	{"a model that is not there is a 404", "404 model 'no-such-model:1b' not found", "", func(a *asker) string {
		r := a.post("/api/chat", map[string]any{"model": "no-such-model:1b", "messages": []any{}})
		return fmt.Sprint(r.status, " ", field(r.body, "error"))
	}},
	{"tools that the model lacks are a 400", "400 does not support tools", "", func(a *asker) string {
		return a.lacks(map[string]any{"tools": []any{map[string]any{"type": "function", "function": map[string]any{"name": "f", "parameters": map[string]any{"type": "object", "properties": map[string]any{}}}}}}, "does not support tools")
	}},
	{"a suffix for a model that cannot insert is a 400", "400 does not support insert", "", func(a *asker) string {
		return a.lacksIn("/api/generate", a.with(map[string]any{"prompt": "a", "suffix": "c"}), "does not support insert")
	}},
	{"a raw prompt has no template around it", "2", "", func(a *asker) string {
		return a.text("/api/generate", a.with(map[string]any{"prompt": "Hello there", "raw": true, "options": map[string]any{"num_predict": 1}}), "prompt_eval_count")
	}},
	{"thinking that the model lacks is a 400", "400 does not support thinking", "", func(a *asker) string {
		return a.lacks(map[string]any{"think": true}, "does not support thinking")
	}},
	{"_debug_render_only gives the prompt and asks no model", "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n", "", func(a *asker) string {
		return a.text("/api/chat", a.chat("Hi", nil, map[string]any{"_debug_render_only": true}), "_debug_info.rendered_template")
	}},
	{"format with a schema constrains the answer", `{"n":`, "", func(a *asker) string {
		schema := map[string]any{"type": "object", "properties": map[string]any{"n": map[string]any{"type": "integer"}}, "required": []string{"n"}}
		text := a.text("/api/chat", a.chat("Hi", map[string]any{"num_predict": 40, "temperature": 0}, map[string]any{"format": schema}), "message.content")
		text = strings.Join(strings.Fields(text), "") // white space is free
		return text[:min(5, len(text))]
	}},
	{"an unknown option is not refused", "200", "", func(a *asker) string {
		return fmt.Sprint(a.post("/api/chat", a.chat("Hi", map[string]any{"num_predict": 1, "no_such_option": 1}, nil)).status)
	}},
	{"repeat_penalty is this if it is not given", "1.1", "1", func(a *asker) string {
		said := func(options map[string]any) string {
			options["num_predict"], options["temperature"], options["num_ctx"] = 80, 0, 2048
			return a.text("/api/chat", a.chat("List the names of ten rivers.", options, nil), "message.content")
		}
		unset := said(map[string]any{})
		for _, penalty := range []float64{1, 1.1} {
			if said(map[string]any{"repeat_penalty": penalty}) == unset {
				return fmt.Sprint(penalty)
			}
		}
		return "something else"
	}},
	{"a chat model makes embeddings", "200 ", "501 This server does not support embeddings. Start it with `--embeddings`", func(a *asker) string {
		r := a.post("/api/embed", a.with(map[string]any{"input": "Hi"}))
		return fmt.Sprint(r.status, " ", field(r.body, "error"))
	}},
	{"an embedding model keeps its own window whatever num_ctx says", "512", "", func(a *asker) string {
		a.post("/api/embed", map[string]any{"model": a.embedModel, "input": "Hi", "options": map[string]any{"num_ctx": 2048}})
		return a.running(a.embedModel, "context_length")
	}},
	{"/api/show tells that an embedding model embeds", "[embedding]", "", func(a *asker) string {
		return field(a.post("/api/show", map[string]any{"model": a.embedModel}).body, "capabilities")
	}},
	{"/v1 ignores max_completion_tokens", "more than 1", "", func(a *asker) string {
		n := field(a.post("/v1/chat/completions", a.chat("Say hello.", nil, map[string]any{"max_completion_tokens": 1, "stop": []string{"."}, "temperature": 0})).body, "usage.completion_tokens")
		if n != "" && n != "0" && n != "1" {
			return "more than 1"
		}
		return n
	}},
	{"/v1 cuts an overflow in silence, and prompt_tokens is at most the window", "200, 512", "200, 258", func(a *asker) string {
		const small = "facts-window-512"
		if r := a.post("/api/create", map[string]any{"model": small, "from": a.model, "parameters": map[string]any{"num_ctx": 512}, "stream": false}); r.status != http.StatusOK {
			return r.body
		}
		defer a.do("DELETE", "/api/delete", []byte(`{"model":"`+small+`"}`))
		body := a.chat(long, nil, map[string]any{"max_tokens": 1})
		body["model"] = small
		r := a.post("/v1/chat/completions", body)
		return fmt.Sprintf("%d, %s", r.status, field(r.body, "usage.prompt_tokens"))
	}},
	{"/v1 ignores num_ctx and options", "4096", "", func(a *asker) string {
		a.post("/v1/chat/completions", a.chat("Hi", map[string]any{"num_ctx": 512}, map[string]any{"num_ctx": 512, "max_tokens": 1}))
		return a.running(a.model, "context_length")
	}},
	{"/v1 says a missing model with 404, and this type", "404 api_error", "404 not_found_error", func(a *asker) string {
		r := a.post("/v1/chat/completions", map[string]any{"model": "no-such-model:1b", "messages": []any{map[string]any{"role": "user", "content": "Hi"}}})
		return fmt.Sprint(r.status, " ", field(r.body, "error.type"))
	}},
}

// The facts of llama.cpp's server with an API key, whichever it is.
var serverFacts = []fact{
	{"a wrong key is a 401", "401 authentication_error: Invalid API Key", "", func(a *asker) string {
		a.key = "wrong"
		r := a.post("/chat/completions", a.chat("Hi", nil, nil))
		return fmt.Sprintf("%d %s: %s", r.status, field(r.body, "error.type"), field(r.body, "error.message"))
	}},
	{"an overflow is a 400 that says both numbers", "400 exceed_context_size_error 2048", "", func(a *asker) string {
		r := a.post("/chat/completions", a.chat(long, nil, nil))
		return fmt.Sprintf("%d %s %s", r.status, field(r.body, "error.type"), field(r.body, "error.n_ctx"))
	}},
	{"a cut answer ends with finish_reason length", "length", "", func(a *asker) string {
		return a.text("/chat/completions", a.chat("Tell me a story.", nil, map[string]any{"max_tokens": 3}), "choices.0.finish_reason")
	}},
	{"a stream ends with [DONE]", "data: [DONE]", "", func(a *asker) string {
		lines := strings.Split(strings.TrimSpace(a.post("/chat/completions", a.chat("Hi", nil, map[string]any{"max_tokens": 3, "stream": true})).body), "\n")
		return lines[len(lines)-1]
	}},
	{"the usage of a stream comes in an event without choices", "[]", "", func(a *asker) string {
		body := a.post("/chat/completions", a.chat("Hi", nil, map[string]any{"max_tokens": 3, "stream": true, "stream_options": map[string]any{"include_usage": true}})).body
		for line := range strings.Lines(body) {
			if event := strings.TrimPrefix(line, "data: "); field(event, "usage.prompt_tokens") != "" {
				return field(event, "choices")
			}
		}
		return "no usage"
	}},
	{"tools are taken, and ignored by a model that has none", "200", "", func(a *asker) string {
		return fmt.Sprint(a.post("/chat/completions", a.chat("Hi", nil, map[string]any{"max_tokens": 3, "tools": []any{map[string]any{"type": "function", "function": map[string]any{"name": "f", "parameters": map[string]any{"type": "object"}}}}})).status)
	}},
}

// long has some 6,000 tokens.
var long = strings.Repeat("word ", 6000)

func TestFactsOfOllama(t *testing.T) {
	e, _ := testengine.OwnOllama(t)
	a := &asker{t: t, url: e.URL, model: e.Model, embedModel: testengine.EmbeddingOllama(t).EmbedModel}
	version := field(a.get("/api/version").body, "version")
	var major, minor int
	if n, _ := fmt.Sscanf(version, "%d.%d", &major, &minor); n < 2 {
		t.Fatalf("a version of %q", version)
	}
	check(t, "Ollama "+version, ollamaFacts, major > 0 || minor >= 30, a)
}

func TestFactsOfLlamaServer(t *testing.T) {
	e := testengine.OpenAI(t)
	check(t, "llama.cpp's server", serverFacts, false, &asker{t: t, url: e.BaseURL, key: e.Key, model: e.Model})
}

func check(t *testing.T, engine string, facts []fact, newer bool, a *asker) {
	for _, f := range facts {
		want := f.want
		if newer && f.from030 != "" {
			want = f.from030
		}
		one := *a
		if got := f.got(&one); got != want {
			t.Errorf("%s\nFACT     %s\nexpected %s\ngot      %s", engine, f.says, want, got)
		}
	}
}

// asker asks an engine without any client of ours or of others between.
type asker struct {
	t                           *testing.T
	url, key, model, embedModel string
}

type reply struct {
	status int
	body   string
}

// with is a request for the model, with more.
func (a *asker) with(more map[string]any) map[string]any {
	m := map[string]any{"model": a.model, "stream": false}
	for k, v := range more {
		m[k] = v
	}
	return m
}

func (a *asker) chat(prompt string, options, more map[string]any) map[string]any {
	m := a.with(more)
	m["messages"] = []any{map[string]any{"role": "user", "content": prompt}}
	if options != nil {
		m["options"] = options
	}
	return m
}

func (a *asker) post(path string, body map[string]any) reply {
	a.t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.do("POST", path, data)
}

func (a *asker) get(path string) reply {
	a.t.Helper()
	return a.do("GET", path, nil)
}

func (a *asker) do(method, path string, body []byte) reply {
	a.t.Helper()
	req, err := http.NewRequestWithContext(a.t.Context(), method, a.url+path, bytes.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	req.Close = true
	if a.key != "" {
		req.Header.Set("Authorization", "Bearer "+a.key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return reply{resp.StatusCode, string(data)}
}

// text is a member of the answer, which has to be a good one.
func (a *asker) text(path string, body map[string]any, name string) string {
	a.t.Helper()
	r := a.post(path, body)
	if r.status != http.StatusOK {
		return fmt.Sprint(r.status, " ", r.body)
	}
	return field(r.body, name)
}

// running is a member of what /api/ps says of a model.
func (a *asker) running(model, name string) string {
	a.t.Helper()
	body := a.get("/api/ps").body
	for i := 0; field(body, fmt.Sprintf("models.%d.name", i)) != ""; i++ {
		if field(body, fmt.Sprintf("models.%d.name", i)) == model {
			return field(body, fmt.Sprintf("models.%d.%s", i, name))
		}
	}
	return "not in memory"
}

// lacks is the status and the part of the error that is looked for.
func (a *asker) lacks(more map[string]any, says string) string {
	a.t.Helper()
	return a.lacksIn("/api/chat", a.chat("Hi", map[string]any{"num_predict": 1}, more), says)
}

func (a *asker) lacksIn(path string, body map[string]any, says string) string {
	a.t.Helper()
	r := a.post(path, body)
	if text := field(r.body, "error"); !strings.Contains(text, says) {
		return fmt.Sprint(r.status, " ", text)
	}
	return fmt.Sprint(r.status, " ", says)
}

// field is the member at a path such as choices.0.finish_reason, as text; "" if
// there is none.
func field(body, path string) string {
	var v any
	dec := json.NewDecoder(strings.NewReader(body))
	dec.UseNumber()
	if dec.Decode(&v) != nil {
		return ""
	}
	for name := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[name]
		case []any:
			var i int
			if n, _ := fmt.Sscan(name, &i); n != 1 || i >= len(x) {
				return ""
			}
			v = x[i]
		default:
			return ""
		}
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}
