package ollama_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
	"github.com/tandem-llm/tandem/internal/gateway/ollama"
)

// gpu is an Ollama that has the models m and other:7b, and nomic for vectors. It tells
// no capabilities in its list, as those before 0.20.
type gpu struct {
	*httptest.Server
	mu       sync.Mutex
	inMemory map[string]bool
	pulled   []string
	sent     []string // the bodies of chats
}

func newGPU(t *testing.T) *gpu {
	t.Helper()
	g := &gpu{inMemory: map[string]bool{}}
	g.Server = httptest.NewServer(http.HandlerFunc(g.serve))
	t.Cleanup(g.Close)
	return g
}

func (g *gpu) serve(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var in struct {
		Model     string
		Input     []string
		Prompt    string
		KeepAlive any `json:"keep_alive"`
	}
	data, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(data, &in)
	model := strings.TrimSuffix(in.Model, ":latest")
	write := func(s string) { _, _ = io.WriteString(w, s) }
	const details = `{"format":"gguf","family":"llama","families":["llama"],"parameter_size":"1B","quantization_level":"Q4_0","context_length":8192}`
	switch r.URL.Path {
	case "/api/version":
		write(`{"version":"0.17.4"}`)
	case "/api/tags":
		var list []string
		for _, name := range []string{"m:latest", "other:7b", "nomic:latest"} {
			list = append(list, fmt.Sprintf(`{"name":%q,"model":%q,"modified_at":"2026-01-02T03:04:05Z","size":7,"digest":"abc","details":%s}`, name, name, details))
		}
		write(`{"models":[` + strings.Join(list, ",") + `]}`)
	case "/api/ps":
		list := []string{}
		for name := range g.inMemory {
			list = append(list, fmt.Sprintf(`{"name":%q,"model":%q,"size":9,"size_vram":9,"digest":"abc","context_length":4096,"expires_at":"2026-01-02T03:04:05+02:00","details":%s}`, name, name, details))
		}
		write(`{"models":[` + strings.Join(list, ",") + `]}`)
	case "/api/show":
		if model != "m" && model != "other:7b" && model != "nomic" {
			w.WriteHeader(http.StatusNotFound)
			write(`{"error":"model '` + in.Model + `' not found"}`)
			return
		}
		write(`{"template":"{{ .Suffix }}","parameters":"stop    \"</s>\"\n\nnum_ctx 131072\n","details":` + details + `,"capabilities":["completion","tools"` + map[bool]string{true: `,"insert"`}[model == "m"] + `],"model_info":{"general.architecture":"llama","llama.context_length":131072,"general.parameter_count":5}}`)
	case "/api/generate":
		name := model
		if !strings.Contains(name, ":") {
			name += ":latest"
		}
		if in.Prompt != "" {
			g.sent = append(g.sent, string(data))
			write(`{"model":"` + in.Model + `","response":"a +","done":false}` + "\n" + `{"model":"` + in.Model + `","response":" b","done":true,"done_reason":"stop","prompt_eval_count":99,"eval_count":9}` + "\n")
			return
		}
		reason := "load"
		if in.KeepAlive == "0s" || in.KeepAlive == 0.0 {
			delete(g.inMemory, name)
			reason = "unload"
		} else {
			g.inMemory[name] = true
		}
		write(`{"model":"` + in.Model + `","response":"","done":true,"done_reason":"` + reason + `"}`)
	case "/api/chat":
		g.sent = append(g.sent, string(data))
		answer := `"Hello"`
		if strings.Contains(string(data), `"format":{`) {
			answer = `"{\"a\":\"b\"}"`
		}
		write(`{"model":"` + in.Model + `","message":{"role":"assistant","content":` + answer + `},"done":false}` + "\n" +
			`{"model":"` + in.Model + `","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":99,"eval_count":9}` + "\n")
	case "/api/embed":
		var vectors [][]float64
		for range in.Input {
			vectors = append(vectors, []float64{0.25, 0.5})
		}
		out, _ := json.Marshal(vectors)
		write(`{"model":"` + in.Model + `","embeddings":` + string(out) + `,"prompt_eval_count":3}`)
	case "/api/pull":
		g.pulled = append(g.pulled, in.Model)
		if model == "nobody" {
			write(`{"status":"pulling manifest"}` + "\n" + `{"error":"pull model manifest: file does not exist"}` + "\n")
			return
		}
		write(`{"status":"pulling manifest"}` + "\n" + `{"status":"pulling abc","digest":"sha256:abc","total":10,"completed":5}` + "\n" + `{"status":"success"}` + "\n")
	default:
		http.NotFound(w, r)
	}
}

// inFrontOf is the API in front of an Ollama.
func inFrontOf(t *testing.T, g *gpu, cfg exchange.Config) string {
	t.Helper()
	s := gatewaytest.Open(t, fmt.Sprintf("use: [gpu]\nretries: 0\nproviders:\n- {name: gpu, kind: ollama, managed: false, host: '%s', model: m, num_ctx: 4096}\n", strings.TrimPrefix(g.URL, "http://")))
	mux := http.NewServeMux()
	ollama.New(gatewaytest.Exchange(s, cfg)).Register(mux)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL
}

// Every entry of the list has what clients need, those of hosted models and of what
// stands for the configuration's choice too: Zed drops the list for one that has not.
func TestTags(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	hosted, _ := serve(t, e, exchange.Config{})
	for _, url := range []string{hosted, inFrontOf(t, newGPU(t), exchange.Config{})} {
		models, _ := at(parse(t, gatewaytest.Do(t, "GET", url+"/api/tags", "").Body), "models").([]any)
		if len(models) < 4 || at(models, 0, "name") != "tandem:latest" {
			t.Fatalf("the list is %v", models)
		}
		for _, m := range models {
			name, _ := at(m, "name").(string)
			if !strings.Contains(name, ":") || at(m, "model") != name {
				t.Errorf("%v is called %v", m, at(m, "model"))
			}
			for _, path := range [][]any{{"modified_at"}, {"digest"}, {"details", "format"}, {"details", "family"}, {"details", "families", 0}, {"details", "parameter_size"}, {"details", "quantization_level"}, {"capabilities", 0}} {
				if v, _ := at(m, path...).(string); v == "" {
					t.Errorf("%s has no %v", name, path)
				}
			}
			if n, _ := at(m, "size").(float64); n <= 0 {
				t.Errorf("%s has the size %v", name, at(m, "size"))
			}
			r := gatewaytest.Post(t, url+"/api/show", `{"name":"`+name+`"}`)
			shown := parse(t, r.Body)
			arch, _ := at(shown, "model_info", "general.architecture").(string)
			base, _ := at(shown, "model_info", "general.basename").(string)
			if r.Status != 200 || arch == "" || base == "" || at(shown, "capabilities", 0) == nil || at(shown, "details", "family") == nil || at(shown, "template") == "" {
				t.Errorf("%s: %s", name, r.Body)
			}
		}
	}
}

// What a model is described with is the window that it has here, not the one that it
// was made for.
func TestShow(t *testing.T) {
	url := inFrontOf(t, newGPU(t), exchange.Config{})
	for _, body := range []string{`{"model":"m"}`, `{"name":"m:latest"}`, `{"model":"","name":"m"}`, `{"model":"tandem"}`, `{"model":"gpu/m","verbose":true}`} {
		r := gatewaytest.Post(t, url+"/api/show", body)
		o := parse(t, r.Body)
		if r.Status != 200 || at(o, "model_info", "llama.context_length") != 4096.0 || at(o, "model_info", "general.parameter_count") != 5.0 || at(o, "template") != "{{ .Suffix }}" || at(o, "capabilities", 1) != "tools" {
			t.Errorf("%s: %d %s", body, r.Status, r.Body)
		}
		lines := strings.Split(at(o, "parameters").(string), "\n")
		if len(lines) != 2 || !strings.HasPrefix(lines[0], "stop ") || strings.Join(strings.Fields(lines[1]), " ") != "num_ctx 4096" {
			t.Errorf("%s: the parameters are %q", body, lines)
		}
	}
	for body, want := range map[string]string{`{"model":"nobody"}`: "404 model 'nobody' not found", `{}`: "400 model: it is missing", `{"model":"M\n"}`: "404 model 'M' not found"} {
		r := gatewaytest.Post(t, url+"/api/show", body)
		text, _ := at(parse(t, r.Body), "error").(string)
		if have := fmt.Sprint(r.Status, " ", text); !strings.HasPrefix(have, want) {
			t.Errorf("%s: %s", body, have)
		}
	}
}

// A request without a question loads the model, or unloads it.
func TestLoad(t *testing.T) {
	g := newGPU(t)
	url := inFrontOf(t, g, exchange.Config{})
	for _, c := range []struct {
		path, body, reason string
		inMemory           []any
	}{
		{generate, `{"model":"m"}`, "load", []any{"m:latest"}},
		{generate, `{"model":"m","prompt":"","keep_alive":0}`, "unload", nil},
		{chat, `{"model":"other:7b","messages":[]}`, "load", []any{"other:7b"}},
		{chat, `{"model":"other:7b","keep_alive":"0"}`, "unload", nil},
		{generate, `{"model":"tandem:latest","keep_alive":-1,"stream":false}`, "load", []any{"m:latest"}},
		{generate, `{"keep_alive":"0s"}`, "unload", nil},
	} {
		r := gatewaytest.Post(t, url+c.path, c.body)
		o := parse(t, r.Body)
		if r.Status != 200 || at(o, "done") != true || at(o, "done_reason") != c.reason || (c.path == chat) != (at(o, "message") != nil) {
			t.Errorf("%s: %d %s", c.body, r.Status, r.Body)
		}
		models, _ := at(parse(t, gatewaytest.Do(t, "GET", url+"/api/ps", "").Body), "models").([]any)
		var names []any
		for _, m := range models {
			names = append(names, at(m, "name"))
			if at(m, "context_length") != 4096.0 || at(m, "expires_at") != "2026-01-02T03:04:05+02:00" || at(m, "details", "family") != "llama" {
				t.Errorf("%v is in memory", m)
			}
		}
		if !slices.Equal(names, c.inMemory) {
			t.Errorf("%s: in memory are %v", c.body, names)
		}
	}
	hosted, _ := serve(t, gatewaytest.NewEngine(t), exchange.Config{})
	if r := gatewaytest.Post(t, hosted+generate, `{"model":"ok"}`); r.Status != 200 || !strings.Contains(r.Body, `"done_reason":"load"`) {
		t.Errorf("a hosted model: %d %s", r.Status, r.Body)
	}
	if r := gatewaytest.Post(t, url+generate, `{"model":"nobody"}`); r.Status != 404 || !strings.Contains(r.Body, "model 'nobody' not found") {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

// Only a key that may downloads models, and it sees how it goes on.
func TestPull(t *testing.T) {
	g := newGPU(t)
	may := inFrontOf(t, g, exchange.Config{CallerOf: func(context.Context) exchange.Caller { return exchange.Caller{Pull: true} }})
	r := gatewaytest.Post(t, may+"/api/pull", `{"model":"x"}`)
	lines := gatewaytest.Lines(r.Body)
	if r.Status != 200 || len(lines) != 3 || at(parse(t, lines[1]), "completed") != 5.0 || at(parse(t, lines[2]), "status") != "success" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if r := gatewaytest.Post(t, may+"/api/pull", `{"name":"x","stream":false}`); r.Body != `{"status":"success"}`+"\n" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	r = gatewaytest.Post(t, may+"/api/pull", `{"name":"nobody"}`)
	lines = gatewaytest.Lines(r.Body)
	if text, _ := at(parse(t, lines[len(lines)-1]), "error").(string); !strings.Contains(text, "no such model") {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if r := gatewaytest.Post(t, may+"/api/pull", `{"name":"nobody","stream":false}`); r.Status != 404 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	g.pulled = nil
	r = gatewaytest.Post(t, inFrontOf(t, g, exchange.Config{})+"/api/pull", `{"model":"x"}`)
	if r.Status != 403 || !strings.Contains(r.Body, "tandem models pull x") || len(g.pulled) > 0 {
		t.Errorf("%d %s, pulled %v", r.Status, r.Body, g.pulled)
	}
}

// Vectors come by both paths.
func TestEmbed(t *testing.T) {
	url := inFrontOf(t, newGPU(t), exchange.Config{})
	for _, c := range []struct {
		path, body string
		status     int
		want       string
	}{
		{"/api/embed", `{"model":"nomic","input":"a"}`, 200, `"embeddings":[[0.25,0.5]]`},
		{"/api/embed", `{"model":"nomic:latest","input":["a","b"],"keep_alive":"5m","options":{"num_ctx":512}}`, 200, `"embeddings":[[0.25,0.5],[0.25,0.5]]`},
		{"/api/embed", `{"model":"nomic","input":"a"}`, 200, `"prompt_eval_count":3`},
		{"/api/embed", `{"model":"nomic","input":[]}`, 200, `"embeddings":[]`},
		{"/api/embed", `{"model":"nomic","input":[1]}`, 400, "input[0]: it has to be a string, not a number"},
		{"/api/embed", `{"model":"nobody","input":"a"}`, 404, "model 'nobody' not found"},
		{"/api/embeddings", `{"model":"nomic","prompt":"a"}`, 200, `{"embedding":[0.25,0.5]}`},
		{"/api/embeddings", `{"model":"nomic","prompt":""}`, 200, `{"embedding":[]}`},
	} {
		if r := gatewaytest.Post(t, url+c.path, c.body); r.Status != c.status || !strings.Contains(r.Body, c.want) {
			t.Errorf("%s: %d %s", c.body, r.Status, r.Body)
		}
	}
}

// What is refused says what to do, and every error is an object with a text.
func TestOtherPaths(t *testing.T) {
	url := inFrontOf(t, newGPU(t), exchange.Config{})
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/", "", 200, "Ollama is running"},
		{"HEAD", "/", "", 200, ""},
		{"GET", "/api/version", "", 200, `{"version":"` + ollama.Version + `"}`},
		{"HEAD", "/api/version", "", 200, ""},
		{"HEAD", "/api/tags", "", 200, ""},
		{"GET", "/api/status", "", 200, `"disabled":true`},
		{"POST", "/api/me", "", 401, `"error":"unauthorized"`},
		{"POST", "/api/create", `{"model":"x"}`, 403, "ollama create"},
		{"POST", "/api/push", `{"model":"x"}`, 403, "ollama push"},
		{"DELETE", "/api/delete", `{"model":"m"}`, 403, "ollama rm"},
		{"POST", "/api/copy", `{}`, 403, "tandem models alias"},
		{"POST", "/api/blobs/sha256:abc", "x", 403, "ollama create"},
		{"HEAD", "/api/blobs/sha256:abc", "", 403, ""},
	} {
		r := gatewaytest.Do(t, c.method, url+c.path, c.body)
		if r.Status != c.status || !strings.Contains(r.Body, c.want) {
			t.Errorf("%s %s: %d %s", c.method, c.path, r.Status, r.Body)
		}
	}
}
