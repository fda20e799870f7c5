package cli_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
)

// fake is a server whose manner is the first part of the path: $FAKE/ok/v1 is
// an OpenAI-compatible API, $FAKE/ok an Ollama (below /api). The manners are in
// play.
type fake struct {
	*httptest.Server
	hits atomic.Int64  // generations asked for
	turn atomic.Int64  // calls of a manner that alternates
	said atomic.Int64  // hangs that have said their first words
	had  sync.Map      // what was pulled, by manner/model
	late chan struct{} // each value lets one answer that is late begin
	left chan struct{} // gets a value for each hang whose client went away
	mu   sync.Mutex
	body string
}

func newFake() *fake {
	f := &fake{late: make(chan struct{}, 64), left: make(chan struct{}, 64)}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	return f
}

func (f *fake) last() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.body
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	manner, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if host, ok := map[string]string{"gateway": "https://api.openai.com", "near": "http://127.0.0.1:11434"}[manner]; ok {
		w.Header().Set("X-Litellm-Model-Api-Base", host)
	}
	if manner == "site" {
		site(w, path)
		return
	}
	switch path {
	case "v1/models":
		if manner == "denied" {
			fail(w, 401, `{"error":{"message":"Incorrect API key provided: `+key(r)+`","code":"invalid_api_key"}}`)
			return
		}
		first := map[string]string{"embeds-first": `{"id":"text-embedding-nomic-embed-text-v1.5","object":"model"},{"id":"BAAI/bge-m3","object":"model"},`, "embeds-only": `{"id":"all-minilm","object":"model"}],"more":[`}[manner]
		_, _ = io.WriteString(w, `{"object":"list","data":[`+first+`{"id":"big","object":"model","created":1700000000}]}`)
	case "api/version":
		_, _ = io.WriteString(w, `{"version":"0.17.4"}`)
	case "api/tags":
		if list, ok := f.stock(manner); ok {
			_, _ = io.WriteString(w, list)
			return
		}
		digest := "abc"
		if manner == "renewed" {
			digest = "def"
		}
		_, _ = io.WriteString(w, `{"models":[{"name":"small:latest","size":98000000,"digest":"`+digest+`","details":{"family":"llama","parameter_size":"135M","quantization_level":"Q4_1"}}]}`)
	case "api/show":
		if _, ok := f.stock(manner); ok {
			f.showStock(w, manner, string(body))
			return
		}
		if manner == "gone" {
			fail(w, 404, `{"error":"model 'tiny' not found"}`)
			return
		}
		tools := map[bool]string{true: `,"tools"`}[manner == "calls"]
		_, _ = io.WriteString(w, `{"details":{"family":"llama"},"model_info":{"general.architecture":"llama","llama.context_length":8192},"capabilities":["completion"`+tools+`]}`)
	case "api/pull":
		f.pull(w, r, manner, string(body))
	case "api/ps":
		_, _ = io.WriteString(w, `{"models":[]}`)
	case "v1/embeddings", "api/embed":
		f.embed(w, r, manner, body)
	case "v1/chat/completions", "api/chat":
		f.hits.Add(1)
		f.mu.Lock()
		f.body = string(body)
		f.mu.Unlock()
		(&talk{f: f, w: w, r: r, ollama: path == "api/chat", body: string(body)}).play(manner)
	default:
		http.NotFound(w, r)
	}
}

// stock is what an Ollama has that does not have smollm2: "stocked" has models of
// every kind, "bare" those that cannot answer and what was pulled there, "toy" besides
// them smollm2.
func (f *fake) stock(manner string) (tags string, ok bool) {
	list := []string{
		`{"name":"embedder:latest","size":98000000,"modified_at":"2026-11-20T00:00:00Z"}`,
		`{"name":"huge:480b-cloud","size":300,"modified_at":"2026-11-19T00:00:00Z","remote_host":"https://ollama.com:443","remote_model":"huge:480b"}`,
	}
	switch manner {
	case "stocked":
		for _, m := range []struct{ name, modified string }{{"older:1b", "2026-01-01"}, {"newest:4b", "2026-11-01"}, {"middle:2b", "2026-06-01"}} {
			list = append(list, fmt.Sprintf(`{"name":%q,"size":98000000,"modified_at":"%sT00:00:00Z"}`, m.name, m.modified))
		}
	case "bare", "toy":
		if manner == "toy" {
			list = append(list, `{"name":"smollm2:135m","size":98000000,"modified_at":"2026-11-21T00:00:00Z"}`)
		}
		f.had.Range(func(k, _ any) bool {
			if at, model, _ := strings.Cut(k.(string), "/"); at == manner {
				list = append(list, fmt.Sprintf(`{"name":%q,"size":98000000,"modified_at":"2026-11-22T00:00:00Z"}`, model))
			}
			return true
		})
	case "vacant":
		list = nil
	default:
		return "", false
	}
	return `{"models":[` + strings.Join(list, ",") + `]}`, true
}

// pull gives a manner a model; one that is called absent is not in the library, one that
// is called slow never comes whole, and for a full one the disk of the server is.
func (f *fake) pull(w http.ResponseWriter, r *http.Request, manner, asked string) {
	var body struct{ Model string }
	if json.Unmarshal([]byte(asked), &body) != nil || strings.HasPrefix(body.Model, "absent") {
		_, _ = io.WriteString(w, `{"error":"pull model manifest: file does not exist"}`+"\n")
		return
	}
	const half = `{"status":"pulling aaaabbbbcccc","digest":"sha256:aaaabbbbccccdddd","total":4700000000,"completed":3200000000}` + "\n"
	switch family, _, _ := strings.Cut(body.Model, ":"); family {
	case "slow":
		_, _ = io.WriteString(w, half)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return
	case "full": // ollama/ollama#1774
		_, _ = io.WriteString(w, half+`{"error":"write /root/.ollama/models/blobs/sha256-aaaabbbbccccdddd-partial: no space left on device"}`+"\n")
		return
	}
	f.had.Store(manner+"/"+body.Model, true)
	_, _ = io.WriteString(w, `{"status":"pulling manifest"}`+"\n"+`{"status":"success"}`+"\n")
}

// showStock describes a model of stock.
func (f *fake) showStock(w http.ResponseWriter, manner, asked string) {
	tags, _ := f.stock(manner)
	var body struct{ Model string }
	if json.Unmarshal([]byte(asked), &body) != nil || !strings.Contains(tags, fmt.Sprintf("%q", body.Model)) {
		fail(w, 404, `{"error":"model '`+body.Model+`' not found"}`)
		return
	}
	can := map[string]string{"embedder:latest": `"embedding"`, "middle:2b": `"completion","vision"`}[body.Model]
	fmt.Fprintf(w, `{"details":{"family":"llama"},"model_info":{"general.architecture":"llama","llama.context_length":8192},"capabilities":[%s]}`, cmp.Or(can, `"completion"`))
}

func key(r *http.Request) string { return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ") }

func fail(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// talk is one answer of the fake.
type talk struct {
	f      *fake
	w      http.ResponseWriter
	r      *http.Request
	ollama bool
	body   string
	prompt int // tokens that the prompt is said to have; 0: 7
}

// play answers in a manner.
func (t *talk) play(manner string) {
	switch manner {
	case "ok", "gateway", "near": // the last two are LiteLLM's, before others
		t.infof("Hello", " wörld")
		t.end("stop")
	case "echo": // repeats the last message
		t.infof(t.asked())
		t.end("stop")
	case "counting": // repeats the last message, and says how long the prompt is
		t.prompt = len(t.body) / 5
		t.infof(t.asked())
		t.end("stop")
	case "small": // holds three messages, and repeats the last one
		if strings.Count(t.body, `"role":`) > 3 {
			fail(t.w, 400, `{"error":{"message":"This model's maximum context length is 10 tokens. However, you requested 20","code":"context_length_exceeded"}}`)
			return
		}
		t.infof(t.asked())
		t.end("stop")
	case "calls", "talks": // has its first tool called with what it was asked, and says the result
		if manner == "talks" {
			t.infof("Let me see. ")
		}
		if tool, args, ok := t.wants(); ok {
			t.call(tool, args)
			return
		}
		t.infof("It says: ", t.asked())
		t.end("stop")
	case "stubborn": // has it called again and again
		t.call("mine__repeat", `{"text":"hi"}`)
	case "gives": // says that it read and wrote less than nothing
		t.prompt = -1000000
		t.infof("Hello", " wörld")
		t.end("stop")
	case "unsaid": // does not say why it ended, but that it has
		t.infof("Hello")
		_, _ = io.WriteString(t.w, "data: [DONE]\n\n")
	case "length":
		t.infof("Hello", " wor")
		t.end("length")
	case "empty":
		t.infof()
		t.end("stop")
	case "cut":
		t.infof("Hello", " wor")
		if t.whole() {
			t.w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
	case "killed": // its model's process is killed in the middle
		t.infof("Hello", " wor")
		failure := `{"error":"an error was encountered while running the model: unexpected EOF"}`
		if !t.ollama {
			failure = "data: " + failure + "\n"
		}
		_, _ = io.WriteString(t.w, failure+"\n")
	case "flaky": // fails every other time
		if t.f.turn.Add(1)%2 == 1 {
			fail(t.w, 503, `{"error":{"message":"overloaded"}}`)
			return
		}
		t.infof("Hello", " wörld")
		t.end("stop")
	case "busy": // has no time for a second every other time
		if t.f.turn.Add(1)%2 == 1 {
			t.w.Header().Set("Retry-After", "1")
			fail(t.w, 429, `{"error":{"message":"slow down","code":"rate_limit_exceeded"}}`)
			return
		}
		t.infof("Hello", " wörld")
		t.end("stop")
	case "cutonce": // breaks off every other time
		if t.f.turn.Add(1)%2 == 1 {
			t.infof("Hello", " wor")
			panic(http.ErrAbortHandler)
		}
		t.infof("Hello", " wörld")
		t.end("stop")
	case "hang":
		t.infof("Hello")
		t.f.said.Add(1)
		<-t.r.Context().Done()
		t.f.left <- struct{}{}
	case "late": // begins when it is told to
		select {
		case <-t.f.late:
			t.infof("Hello", " wörld")
			t.end("stop")
		case <-t.r.Context().Done():
			t.f.left <- struct{}{}
		}
	case "silent":
		<-t.r.Context().Done()
	case "escapes": // what a hostile model would write
		t.infof("a\x1b]0;owned\x07b", "\x1b[31mred\x1b", "[0m", "\u009b2Jc\r\nd")
		t.end("stop")
	case "denied":
		fail(t.w, 401, `{"error":{"message":"Incorrect API key provided: `+key(t.r)+`","code":"invalid_api_key"}}`)
	case "limited":
		t.w.Header().Set("Retry-After", "7")
		fail(t.w, 429, `{"error":{"message":"slow down","code":"rate_limit_exceeded"}}`)
	case "quota":
		fail(t.w, 429, `{"error":{"message":"no credit","code":"insufficient_quota"}}`)
	case "stocked", "bare", "toy": // an Ollama without smollm2; see stock
		var body struct{ Model string }
		_ = json.Unmarshal([]byte(t.body), &body)
		if list, _ := t.f.stock(manner); body.Model == "smollm2:135m" || manner == "stocked" && !strings.Contains(list, fmt.Sprintf("%q", body.Model)) {
			fail(t.w, 404, fmt.Sprintf(`{"error":"model '%s' not found"}`, body.Model))
			return
		}
		t.infof("Hello", " wörld")
		t.end("stop")
	case "picky": // has the models that it lists and no other, as OpenAI says it
		var body struct{ Model string }
		if _ = json.Unmarshal([]byte(t.body), &body); body.Model != "big" {
			fail(t.w, 404, "{\"error\":{\"message\":\"The model `"+body.Model+"` does not exist or you do not have access to it.\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":\"model_not_found\"}}")
			return
		}
		t.infof(t.asked())
		t.end("stop")
	case "missing", "vacant":
		fail(t.w, 404, `{"error":"model 'small' not found"}`)
	case "overflow":
		fail(t.w, 400, `{"error":{"message":"This model's maximum context length is 10 tokens. However, you requested 20","code":"context_length_exceeded"}}`)
	case "crash":
		fail(t.w, 500, `{"error":"boom"}`)
	default:
		http.NotFound(t.w, t.r)
	}
}

// asked is the text of the last message.
func (t *talk) asked() string {
	var body struct {
		Messages []struct{ Content json.RawMessage }
	}
	if json.Unmarshal([]byte(t.body), &body) != nil || len(body.Messages) == 0 {
		return "no messages"
	}
	content := body.Messages[len(body.Messages)-1].Content
	var text string
	var parts []struct{ Text string }
	if json.Unmarshal(content, &text) != nil && json.Unmarshal(content, &parts) == nil {
		for _, p := range parts { // beside an image
			text += p.Text
		}
	}
	return text
}

// wants is the call that is due: of the first tool, with the question as
// arguments, unless a result is the last message.
func (t *talk) wants() (tool, args string, ok bool) {
	var body struct {
		Messages []struct{ Role string }
		Tools    []struct{ Function struct{ Name string } }
	}
	if json.Unmarshal([]byte(t.body), &body) != nil || len(body.Tools) == 0 || body.Messages[len(body.Messages)-1].Role == "tool" {
		return "", "", false
	}
	return body.Tools[0].Function.Name, t.asked(), true
}

// call ends an answer with a tool call.
func (t *talk) call(tool, args string) {
	quoted, _ := json.Marshal(args)
	switch {
	case t.ollama:
		fmt.Fprintf(t.w, `{"model":"small","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":%q,"arguments":%s}}]},"done":true,"done_reason":"stop","prompt_eval_count":7,"eval_count":3}`+"\n", tool, args)
	case t.whole():
		t.w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(t.w, `{"model":"big","choices":[{"index":0,"message":{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":%q,"arguments":%s}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}`, tool, quoted)
	default:
		t.w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(t.w, `data: {"model":"big","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":%q,"arguments":%s}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}`+"\n\ndata: [DONE]\n\n", tool, quoted)
	}
}

func (t *talk) whole() bool {
	if t.ollama {
		return strings.Contains(t.body, `"stream":false`)
	}
	return !strings.Contains(t.body, `"stream":true`)
}

func (t *talk) infof(texts ...string) {
	if t.whole() {
		t.w.Header().Set("Content-Type", "application/json")
		content, _ := json.Marshal(strings.Join(texts, ""))
		if t.ollama {
			fmt.Fprintf(t.w, `{"model":"small","message":{"role":"assistant","content":%s},`, content)
		} else {
			fmt.Fprintf(t.w, `{"model":"big","choices":[{"index":0,"message":{"role":"assistant","content":%s},`, content)
		}
		return
	}
	if !t.ollama {
		t.w.Header().Set("Content-Type", "text/event-stream")
	}
	for _, text := range texts {
		content, _ := json.Marshal(text)
		if t.ollama {
			fmt.Fprintf(t.w, `{"model":"small","message":{"role":"assistant","content":%s},"done":false}`+"\n", content)
		} else {
			fmt.Fprintf(t.w, `data: {"model":"big","choices":[{"index":0,"delta":{"content":%s}}]}`+"\n\n", content)
		}
		t.w.(http.Flusher).Flush()
	}
}

func (t *talk) end(reason string) {
	n := cmp.Or(t.prompt, 7)
	switch {
	case t.ollama && t.whole():
		fmt.Fprintf(t.w, `"done":true,"done_reason":%q,"prompt_eval_count":%d,"eval_count":3}`, reason, n)
	case t.ollama:
		fmt.Fprintf(t.w, `{"model":"small","message":{"role":"assistant","content":""},"done":true,"done_reason":%q,"prompt_eval_count":%d,"eval_count":3}`+"\n", reason, n)
	case t.whole():
		fmt.Fprintf(t.w, `"finish_reason":%q}],"usage":{"prompt_tokens":%d,"completion_tokens":3,"total_tokens":%d}}`, reason, n, n+3)
	default:
		fmt.Fprintf(t.w, `data: {"model":"big","choices":[{"index":0,"delta":{},"finish_reason":%q}],"usage":{"prompt_tokens":%d,"completion_tokens":3,"total_tokens":%d}}`+"\n\ndata: [DONE]\n\n", reason, n, n+3)
	}
}

// site serves web pages.
func site(w http.ResponseWriter, path string) {
	switch path {
	case "page.html":
		w.Header().Set("Content-Type", "text/html; charset=iso-8859-1")
		_, _ = io.WriteString(w, "<title>T</title><nav>menu</nav><main><h1>Caf\xe9</h1><p>Two  words</main>")
	case "paper.pdf":
		w.Header().Set("Content-Type", "application/pdf")
		_, _ = io.WriteString(w, "%PDF-1.7")
	case "away":
		w.Header().Set("Location", "http://192.0.2.1/")
		w.WriteHeader(http.StatusFound)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}
