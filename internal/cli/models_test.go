package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tandem-llm/tandem/internal/cli"
)

// desk is a user's desk: a home of its own, and servers that answer as told.
type desk struct {
	t      *testing.T
	ollama map[string]http.HandlerFunc // by path
	local  *httptest.Server
	calls  atomic.Int32
}

func text(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, body)
	}
}

func status(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		fmt.Fprint(w, body)
	}
}

// newDesk has a local Ollama with the model small, and a hosted side with the
// model big, both in use.
func newDesk(t *testing.T) *desk {
	t.Helper()
	home := t.TempDir()
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "USERPROFILE", "AppData"} {
		t.Setenv(name, home)
	}
	t.Setenv("OPENAI_API_KEY", canary)
	t.Setenv("OLLAMA_HOST", "")
	t.Setenv("TERM", "xterm")
	d := &desk{t: t, ollama: map[string]http.HandlerFunc{
		"/api/version": text(`{"version":"0.17.4"}`),
		"/api/tags":    text(`{"models":[{"name":"small:latest","size":98000000,"details":{"parameter_size":"135M","quantization_level":"Q4_1"}},{"name":"far:cloud","remote_host":"https://ollama.com"}]}`),
		"/api/show":    text(`{"details":{"family":"llama"},"model_info":{"general.architecture":"llama","llama.context_length":8192},"capabilities":["completion","tools"],"license":"Apache\n2.0"}`),
		"/api/ps":      text(`{"models":[{"name":"sm\u001b[31mall:latest","size":2147483648,"size_vram":1073741824,"context_length":4096,"expires_at":"2318-01-01T00:00:00Z"}]}`),
	}}
	d.local = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.calls.Add(1)
		if h, ok := d.ollama[r.URL.Path]; ok {
			h(w, r)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(d.local.Close)
	hosted := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Header.Get("Authorization") != "Bearer "+canary {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"error":{"message":"no key"}}`)
			return
		}
		fmt.Fprint(w, `{"object":"list","data":[{"id":"big","object":"model"}]}`)
	}))
	t.Cleanup(hosted.Close)
	d.configure(`
use: [local, openai]
providers:
  - {name: local, host: "` + strings.TrimPrefix(d.local.URL, "http://") + `", model: small}
  - {name: openai, base_url: "` + hosted.URL + `/v1", model: big}
`)
	return d
}

func (d *desk) configure(yaml string) {
	d.t.Helper()
	file := filepath.Join(d.t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		d.t.Fatal(err)
	}
	d.t.Setenv("TANDEM_CONFIG", file)
}

// run runs tandem and checks the exit code; the key must not be shown.
func (d *desk) run(code int, args ...string) (stdout, stderr string) {
	d.t.Helper()
	return d.runCtx(context.Background(), code, args...)
}

func (d *desk) runCtx(ctx context.Context, code int, args ...string) (stdout, stderr string) {
	d.t.Helper()
	var out, errs bytes.Buffer
	if got := cli.Main(ctx, args, os.Environ(), strings.NewReader(""), &out, &errs); got != code {
		d.t.Errorf("tandem %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, code, out.String(), errs.String())
	}
	if strings.Contains(out.String()+errs.String(), canary) {
		d.t.Errorf("tandem %s shows the key", strings.Join(args, " "))
	}
	if strings.ContainsAny(out.String()+errs.String(), "\x1b\x07") {
		d.t.Errorf("tandem %s, not on a terminal, shows control sequences: %q", strings.Join(args, " "), out.String()+errs.String())
	}
	return out.String(), errs.String()
}

func says(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%q\ndoes not say %q", text, w)
		}
	}
}

// deserted is an address where nothing listens.
func deserted(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestModelsList(t *testing.T) {
	d := newDesk(t)
	out, _ := d.run(0, "models", "list")
	says(t, out, "PROVIDER", "local     small:latest  93 MiB  135M", "Q4_1", "at https://ollama.com", "openai    big")
	out, _ = d.run(0, "models", "list", "openai")
	if strings.Contains(out, "small") || !strings.Contains(out, "big") {
		t.Errorf("models list openai: %q", out)
	}
	out, _ = d.run(0, "models", "list", "--json")
	var all []struct {
		Provider string
		Models   []struct {
			Name string `json:"name"`
			Size int64  `json:"size_bytes"`
		}
	}
	if err := json.Unmarshal([]byte(out), &all); err != nil || len(all) != 2 || all[0].Models[0].Size != 98000000 || all[1].Models[0].Name != "big" {
		t.Errorf("--json: %s (%v)", out, err)
	}
	_, errs := d.run(2, "models", "list", "nosuch")
	says(t, errs, `there is no provider "nosuch"; there are: local, openai`)
	_, errs = d.run(2, "models", "list", "a", "b")
	says(t, errs, "at most a provider's name")
}

func TestModelsListWhereOneCannotBeAsked(t *testing.T) {
	d := newDesk(t)
	t.Setenv("OPENAI_API_KEY", "")
	out, errs := d.run(0, "models", "list")
	says(t, out, "small:latest")
	says(t, errs, "OPENAI_API_KEY is not set")
	out, _ = d.run(4, "models", "list", "openai", "--json")
	says(t, out, `"models":[]`, `"kind":"denied"`, `"exit_code":4`)
	d.ollama["/api/tags"] = text(`{"models":[]}`)
	_, errs = d.run(0, "models", "list", "local")
	says(t, errs, "local has no models", "tandem models pull")
}

func TestModelsShow(t *testing.T) {
	d := newDesk(t)
	for _, args := range [][]string{{"models", "show"}, {"models", "show", "small"}, {"models", "show", "local/small"}, {"models", "show", "small", "--provider", "local"}} {
		out, _ := d.run(0, args...)
		says(t, out, "model           small:latest", "provider        local", "8192 tokens", "completion, tools", "licence         Apache\n")
	}
	out, _ := d.run(0, "models", "show", "--json")
	var m map[string]any
	if err := json.Unmarshal([]byte(out), &m); err != nil || m["context_length"] != 8192.0 {
		t.Errorf("--json: %s (%v)", out, err)
	}
	d.ollama["/api/show"] = status(404, `{"error":"model 'none' not found"}`)
	_, errs := d.run(8, "models", "show", "none")
	says(t, errs, "none", "tandem models pull none")
}

func TestModelNamesThatAreNone(t *testing.T) {
	d := newDesk(t)
	for _, name := range []string{"", " ", "a b", "a\x1b[31mb", "../../etc/passwd", "a/../b", "/etc", "a//b", "..", "naïve", "a;b", "a\nb", "a:b:c", "a:", strings.Repeat("a", 400)} {
		for _, verb := range []string{"pull", "show", "load", "default"} {
			if name == "" && verb != "pull" {
				continue // the default model
			}
			_, errs := d.run(2, "models", verb, name)
			says(t, errs, "is not a model name", "smollm2:135m")
			if strings.Count(errs, "\n") != 1 {
				t.Errorf("models %s %q: %q, want one line", verb, name, errs)
			}
		}
	}
	if n := d.calls.Load(); n != 0 {
		t.Errorf("the server was asked %d times", n)
	}
}

func TestModelsPS(t *testing.T) {
	d := newDesk(t)
	out, _ := d.run(0, "models", "ps")
	says(t, out, "MODEL", "small:latest", "2.0 GiB", "50% GPU, the rest spilled to CPU", "4096", "never")
	d.ollama["/api/ps"] = text(`{"models":[]}`)
	_, errs := d.run(0, "models", "ps")
	says(t, errs, "no model is in memory")
	if out, _ = d.run(0, "models", "ps", "--json"); out != "[]\n" {
		t.Errorf("--json: %q, want an empty list", out)
	}
	_, errs = d.run(2, "models", "ps", "openai")
	says(t, errs, "openai cannot list the models in memory; only Ollama can", "name another provider: local")
	// Where tandem would start it, nothing is started for the question.
	d.configure("use: local\nproviders:\n  - {name: local, host: \"" + deserted(t) + "\"}\n")
	_, errs = d.run(0, "models", "ps")
	says(t, errs, "no model is in memory")
	d.configure("use: local\nproviders:\n  - {name: local, managed: false, host: \"" + deserted(t) + "\"}\n")
	_, errs = d.run(5, "models", "ps")
	says(t, errs, "nothing is listening there", "tandem doctor")
}

func lines(texts ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		for _, line := range texts {
			fmt.Fprintln(w, line)
			w.(http.Flusher).Flush()
		}
	}
}

func TestModelsPull(t *testing.T) {
	d := newDesk(t)
	d.ollama["/api/pull"] = lines(
		`{"status":"pulling manifest"}`,
		`{"status":"pulling aaaabbbbcccc","digest":"sha256:aaaabbbbccccdddd","total":10}`,
		`{"status":"pulling aaaabbbbcccc","digest":"sha256:aaaabbbbccccdddd","total":10,"completed":10}`,
		`{"status":"success"}`)
	out, errs := d.run(0, "models", "pull", "small")
	if want := "· pulling manifest\n· pulling aaaabbbbcccc (10 bytes)\nlocal has small\n"; errs != want || out != "" {
		t.Errorf("got %q on stderr, %q on stdout; want %q and nothing", errs, out, want)
	}
	if _, errs = d.run(0, "models", "pull", "small", "-q"); errs != "" {
		t.Errorf("--quiet says %q", errs)
	}
	_, errs = d.run(2, "models", "pull", "small", "--provider", "openai")
	says(t, errs, "openai cannot download models; only Ollama can", "name another provider: local")
	_, errs = d.run(2, "models", "pull", "small", "--provider", "nosuch")
	says(t, errs, `there is no provider "nosuch"`)
	_, errs = d.run(2, "models", "pull")
	says(t, errs, "needs a model's name")
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		code   int
		words  []string
	}{
		"no such model": {lines(`{"status":"pulling manifest"}`, `{"error":"pull model manifest: file does not exist"}`), 8, []string{"no such model", "ollama.com/library"}},
		"no network":    {lines(`{"status":"pulling manifest"}`, `{"error":"pull model manifest: Get \"https://registry.ollama.ai/v2/\": dial tcp: lookup registry.ollama.ai: no such host"}`), 5, []string{"cannot reach the registry", "ollama create"}},
		"cut":           {lines(`{"status":"pulling manifest"}`), 9, []string{"ended before the server said that it was complete", "run it again"}},
		"no disk":       {status(500, `{"error":"write: no space left on device"}`), 5, []string{"no space left on device"}},
	} {
		t.Run(name, func(t *testing.T) {
			d.ollama["/api/pull"] = c.answer
			_, errs := d.run(c.code, "models", "pull", "small")
			says(t, errs, c.words...)
			if strings.Contains(errs, "local has small") {
				t.Errorf("it says that the model is there: %q", errs)
			}
		})
	}
}

func TestAnInterruptedPull(t *testing.T) {
	d := newDesk(t)
	ctx, cancel := context.WithCancel(context.Background())
	left := make(chan struct{})
	d.ollama["/api/pull"] = func(w http.ResponseWriter, r *http.Request) {
		lines(`{"status":"pulling aaaabbbbcccc","digest":"sha256:aaaabbbbccccdddd","total":10,"completed":1}`)(w, r)
		cancel()
		<-r.Context().Done()
		close(left)
	}
	_, errs := d.runCtx(ctx, 130, "models", "pull", "small")
	says(t, errs, "interrupted")
	<-left // the server saw the client leave
}
