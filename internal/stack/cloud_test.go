package stack_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// newestOllama behaves as Ollama 0.33: of a model that ollama.com runs by its
// name it says nothing that tells so, and answers by another name. Its model
// `alias` is one, too, which it tells in /api/show; of `quiet` it tells it with
// the answer alone.
type newestOllama struct {
	url   string
	mu    sync.Mutex
	sent  []string // paths to which the prompt came
	asked []string // paths on which a name of ollama.com's came
}

func startNewest(t *testing.T) *newestOllama {
	t.Helper()
	o := &newestOllama{}
	s := httptest.NewServer(o)
	t.Cleanup(s.Close)
	o.url = s.URL
	return o
}

func (o *newestOllama) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var req struct {
		Model string
		Input []string
	}
	_ = json.Unmarshal(body, &req) // a GET has none
	o.mu.Lock()
	if strings.Contains(string(body), secret) {
		o.sent = append(o.sent, r.URL.Path)
	}
	if strings.Contains(strings.ToLower(req.Model), "cloud") {
		o.asked = append(o.asked, r.URL.Path)
	}
	o.mu.Unlock()
	name, more := req.Model, ""
	if i := strings.LastIndexAny(name, ":-"); i > 0 {
		name = name[:i]
	}
	if req.Model == "quiet" || req.Model == "alias" {
		more = `"remote_model":"gpt-oss:120b","remote_host":"https://ollama.com:443",`
	}
	switch r.URL.Path {
	case "/api/version":
		fmt.Fprint(w, `{"version":"0.33.3"}`)
	case "/api/show":
		if req.Model != "alias" {
			more = ""
		}
		fmt.Fprintf(w, `{%s"details":{},"model_info":{},"capabilities":["completion","embedding","vision","thinking"]}`, more)
	case "/api/embed":
		vectors := strings.TrimSuffix(strings.Repeat("[1,2],", len(req.Input)), ",")
		fmt.Fprintf(w, `{"model":%q,"embeddings":[%s],"prompt_eval_count":1}`, name, vectors)
	case "/api/generate":
		fmt.Fprintf(w, `{"model":%q,"done":true,"done_reason":"load"}`, name)
	case "/api/chat":
		fmt.Fprintf(w, `{"model":%q,%s"message":{"role":"assistant","content":"from there"},"done":true,"done_reason":"stop","prompt_eval_count":1,"eval_count":1}`+"\n", name, more)
	default:
		fmt.Fprint(w, `{"models":[{"name":"gpt-oss:Cloud"},{"name":"alias"},{"name":"quiet"}]}`)
	}
}

func (o *newestOllama) taken() (sent, asked []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	sent, asked = o.sent, o.asked
	o.sent, o.asked = nil, nil
	return sent, asked
}

// TestNoPromptReachesACloudModel: however its name is written, and wherever it
// comes from.
func TestNoPromptReachesACloudModel(t *testing.T) {
	o := startNewest(t)
	dir := home(t)
	run := inProcess(t.Context())
	file := func(name, top, model string) string {
		return write(t, filepath.Join(dir, name), fmt.Sprintf(
			"%s\nuse: o\nproviders:\n  - {name: o, kind: ollama, host: '%s', model: %q, managed: false}\n", top, o.url, model))
	}
	plain := file("plain.yaml", "", "quiet")
	texts := write(t, filepath.Join(dir, "texts.txt"), secret)
	for i, model := range []string{"gpt-oss:120b-cloud", "gpt-oss:120b-CLOUD", "gpt-oss:Cloud", "gpt-oss:20b:cLOUD", "me/gpt-oss:cloud/", "gpt-oss-Cloud:latest", "alias"} {
		configured := file("configured.yaml", "", model)
		step := write(t, filepath.Join(dir, "step.yaml"), fmt.Sprintf("name: c\nsteps:\n  - {name: one, prompt: '{q}', model: %q}\n", model))
		own := write(t, filepath.Join(dir, "own.yaml"), fmt.Sprintf("name: c\nprivacy: local\nsteps:\n  - {name: one, prompt: '{q}', model: %q, think: on}\n", model))
		image := write(t, filepath.Join(dir, "x.png"), "\x89PNG\r\n\x1a\n0000")
		near := write(t, filepath.Join(dir, "near.yaml"), fmt.Sprintf(`name: n
steps:
  - name: one
    examples:
      items: [{q: a, a: b}, {q: c, a: d}]
      text: "{q}: {a}"
      select: {by: similar, k: 1, keys: [q], model: %q}
    prompt: "{q}"
`, "o/"+model))
		for _, flag := range []string{"--local-only", "--offline"} {
			for _, args := range [][]string{
				{"--config", plain, flag, "ask", "-m", "o/" + model, secret},
				{"--config", plain, flag, "ask", "--no-stream", "-m", "o/" + model, secret},
				{"--config", plain, flag, "ask", "--image", image, "-m", "o/" + model, secret},
				{"--config", plain, flag, "ask", "--dry-run", "-m", "o/" + model, secret},
				{"--config", configured, flag, "ask", secret},
				{"--config", configured, flag, "chat", secret},
				{"--config", plain, flag, "run", step, "-p", "q=" + secret},
				{"--config", plain, flag, "run", "--dry-run", step, "-p", "q=" + secret},
				{"--config", plain, "run", own, "-p", "q=" + secret},
				{"--config", plain, flag, "run", near, "-p", "q=" + secret},
				{"--config", plain, flag, "embed", fmt.Sprint("n", i), "-m", "o/" + model, texts},
				{"--config", plain, flag, "models", "load", "o/" + model},
				{"--config", plain, flag, "models", "load", "--unload", "o/" + model},
				{"--config", plain, flag, "models", "show", "o/" + model},
			} {
				code, text := run(t, nil, args...)
				sent, asked := o.taken()
				if code == 0 && model != "alias" || len(sent) > 0 || len(asked) > 0 {
					t.Errorf("%q: code %d, the prompt came to %q and the name to %q; %s", args, code, sent, asked, text)
				}
				if asks := args[len(args)-1] == secret || strings.HasPrefix(args[len(args)-1], "q="); asks && code != 7 {
					t.Errorf("%q: code %d, want 7; %s", args, code, text)
				}
			}
		}
		for name, value := range map[string]string{"TANDEM_PRIVACY": "local", "TANDEM_OFFLINE": "1"} {
			t.Run(name, func(t *testing.T) {
				code, text := run(t, map[string]string{name: value}, "--config", plain, "ask", "-m", "o/"+model, secret)
				if sent, asked := o.taken(); code != 7 || len(sent)+len(asked) > 0 {
					t.Errorf("%s, %q: code %d, the prompt came to %q; %s", name, model, code, sent, text)
				}
			})
		}
	}

	code, text := run(t, nil, "--config", plain, "--local-only", "ask", "-m", "o/quiet", secret)
	if code != 7 || strings.Contains(text, "from there") || !strings.Contains(text, "has left this machine") || strings.Contains(text, "would have gone") {
		t.Errorf("an answer that says only by itself where it is from: code %d, %s", code, text)
	}
}

// TestACloudModelIsNeitherHereNorFree: where it may be asked, it is called what
// it is.
func TestACloudModelIsNeitherHereNorFree(t *testing.T) {
	o := startNewest(t)
	dir := home(t)
	run := inProcess(t.Context())
	config := "use: o\n%sproviders:\n  - {name: o, kind: ollama, host: '" + o.url + "', model: small, managed: false}\n"
	file := write(t, filepath.Join(dir, "free.yaml"), fmt.Sprintf(config, ""))
	budget := write(t, filepath.Join(dir, "budget.yaml"), fmt.Sprintf(config, "budget: {per_day_usd: 1}\n"))
	for _, model := range []string{"gpt-oss:120b-cloud", "gpt-oss:120b-CLOUD", "gpt-oss:Cloud", "alias", "quiet"} {
		_, text := run(t, nil, "--config", file, "ask", "--json", "-m", "o/"+model, secret)
		var got struct {
			Route struct {
				Local bool
				Cost  struct {
					USD   *float64
					Basis string
				}
			}
		}
		if err := json.Unmarshal([]byte(text), &got); err != nil || got.Route.Local || got.Route.Cost.USD != nil || strings.Contains(got.Route.Cost.Basis, "local") {
			t.Errorf("%s: %v, %s", model, err, text)
		}
		_, text = run(t, nil, "--config", file, "ask", "-m", "o/"+model, secret)
		if strings.Contains(text, "on this machine") {
			t.Errorf("%s: %s", model, text)
		}
		if model == "quiet" {
			continue // nobody knows before
		}
		o.taken()
		code, text := run(t, nil, "--config", budget, "ask", "-m", "o/"+model, secret)
		if sent, _ := o.taken(); code == 0 || len(sent) > 0 || !strings.Contains(text, "no price for "+model) {
			t.Errorf("%s under a budget: code %d, sent to %q; %s", model, code, sent, text)
		}
	}
	_, text := run(t, nil, "--config", file, "models", "list")
	if !strings.Contains(text, "at ollama.com") {
		t.Errorf("models list: %s", text)
	}
}
