package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/stacktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const canary = "sk-canary-DO-NOT-LEAK-3b8e"

// server answers paths with bodies; a body that starts with a number and a
// space has that status. It records what it is asked.
func server(t *testing.T, key string, bodies map[string]string) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if got := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "); key != "" && got != key {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintf(w, `{"error":{"message":"Incorrect API key provided: %s","code":"invalid_api_key"}}`, got)
			return
		}
		body, ok := bodies[r.URL.Path]
		status := http.StatusOK
		if _, err := fmt.Sscanf(body, "%d ", &status); err == nil {
			_, body, _ = strings.Cut(body, " ")
		}
		if !ok {
			status, body = http.StatusNotFound, `{"error":"not here"}`
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(srv.Close)
	return srv
}

// ollama is an Ollama that has small, with some answers replaced.
func ollama(t *testing.T, but map[string]string) string {
	bodies := map[string]string{
		"/api/version": `{"version":"0.17.4"}`,
		"/api/tags":    `{"models":[{"name":"small:latest","size":98000000}]}`,
		"/api/show":    `{"details":{"parameter_size":"135M","quantization_level":"Q4_1"},"model_info":{"general.architecture":"llama","llama.context_length":8192}}`,
		"/api/ps":      `{"models":[]}`,
	}
	for path, body := range but {
		bodies[path] = body
	}
	return strings.TrimPrefix(server(t, "", bodies).URL, "http://")
}

// examine runs the doctor over a user's configuration.
func examine(t *testing.T, text string, env map[string]string) []Check {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return examineFile(t, config.LoadOptions{UserFile: file}, env)
}

func examineFile(t *testing.T, o config.LoadOptions, env map[string]string) []Check {
	t.Helper()
	o.StateDir = t.TempDir()
	o.Env = func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	cfg, err := config.Load(o)
	if errors.Is(err, config.ErrUntrusted) { // as the command does
		err = nil
	}
	var s *stack.Stack
	engines := filepath.Join(t.TempDir(), "state")
	if err == nil {
		if s, err = stack.Open(cfg, stack.Options{StateDir: engines}); err == nil {
			t.Cleanup(s.Close)
		}
	}
	checks := Run(context.Background(), cfg, s, err)
	if _, err := os.Stat(engines); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the doctor wrote state: %v", err)
	}
	for _, c := range checks {
		if c.Name == "" || c.Detail == "" || (c.Status != OK && c.Remedy == "") || strings.Contains(fmt.Sprint(c), canary) {
			t.Errorf("%+v: want a name, a detail, a remedy unless ok, and no key", c)
		}
	}
	return checks
}

// has checks that there is one check of that name with that verdict and words.
func has(t *testing.T, checks []Check, name string, status Status, words ...string) {
	t.Helper()
	var near []Check
	for _, c := range checks {
		if c.Name != name {
			continue
		}
		near = append(near, c)
		text := c.Detail + " → " + c.Remedy
		if c.Status == status && !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) }) {
			return
		}
	}
	t.Errorf("no check %q, %s, with %q; there are %+v of %d", name, status, words, near, len(checks))
}

func TestAllIsWell(t *testing.T) {
	checks := examine(t, "use: local\nproviders:\n  - {name: local, host: \""+ollama(t, nil)+"\", model: small, binary: /bin/sh}\n", nil)
	if Failed(checks) {
		t.Errorf("something failed: %+v", checks)
	}
	has(t, checks, "config: user", OK, "config.yaml", "0600")
	has(t, checks, "config: use", OK, "local")
	has(t, checks, "machine", OK, "of memory")
	has(t, checks, "local: binary", OK, "/bin/sh")
	has(t, checks, "local: server", OK, "0.17.4 answers at http://127.0.0.1:")
	has(t, checks, "local: version", OK, "0.17.4")
	has(t, checks, "local: model", OK, "small", "135M", "Q4_1")
	has(t, checks, "local: context length", OK, "4096", "8192")
	has(t, checks, "local: processor", OK, "not loaded")
	data, err := json.Marshal(checks[0])
	if err != nil || !strings.HasPrefix(string(data), `{"name":"config: user","status":"ok","detail":"`) || strings.Contains(string(data), "remedy") {
		t.Errorf("JSON %s (%v)", data, err)
	}
}

func TestOllamaChecks(t *testing.T) {
	for name, c := range map[string]struct {
		but    map[string]string
		config string // of the provider
		top    string // of the file
		check  string
		status Status
		words  []string
	}{
		"vulnerable":         {but: map[string]string{"/api/version": `{"version":"0.16.0"}`}, check: "local: version", status: Warn, words: []string{"known vulnerabilities", "0.17.1", "upgrade"}},
		"too old":            {but: map[string]string{"/api/version": `{"version":"0.5.7"}`}, check: "local: version", status: Fail, words: []string{"older than 0.11.0", "upgrade"}},
		"built from source":  {but: map[string]string{"/api/version": `{"version":"0.0.0"}`}, check: "local: version", status: OK, words: []string{"from source"}},
		"odd version":        {but: map[string]string{"/api/version": `{"version":"main"}`}, check: "local: version", status: Warn, words: []string{`"main"`}},
		"model missing":      {but: map[string]string{"/api/show": `404 {"error":"model 'small' not found"}`}, check: "local: model", status: Fail, words: []string{"small", "tandem models pull small"}},
		"server ill":         {but: map[string]string{"/api/show": `500 {"error":"boom"}`}, check: "local: model", status: Fail, words: []string{"boom"}},
		"remote":             {but: map[string]string{"/api/show": `{"remote_host":"https://ollama.com","remote_model":"x"}`}, check: "local: model", status: Warn, words: []string{"run by https://ollama.com", "must not leave"}},
		"remote and private": {but: map[string]string{"/api/show": `{"remote_host":"https://ollama.com"}`}, top: "privacy: local\n", check: "local: model", status: Fail, words: []string{"ollama.com", "may not leave"}},
		"window too large":   {config: ", num_ctx: 100000", check: "local: context length", status: Warn, words: []string{"100000", "num_ctx: 8192"}},
		"window unknown":     {but: map[string]string{"/api/show": `{}`}, check: "local: context length", status: OK, words: []string{"4096 tokens"}},
		"on the CPU":         {but: map[string]string{"/api/ps": `{"models":[{"name":"small:latest","size":2147483648,"size_vram":0,"context_length":4096}]}`}, check: "local: processor", status: OK, words: []string{"2.0 GiB", "CPU", "4096 tokens"}},
		"on the GPU":         {but: map[string]string{"/api/ps": `{"models":[{"name":"small:latest","size":2147483648,"size_vram":2147483648,"context_length":4096}]}`}, check: "local: processor", status: OK, words: []string{"all on the GPU"}},
		"spilled":            {but: map[string]string{"/api/ps": `{"models":[{"name":"small:latest","size":2147483648,"size_vram":1073741824}]}`}, check: "local: processor", status: Warn, words: []string{"1.0 GiB of 2.0 GiB on the GPU", "lower num_ctx"}},
		"another is loaded":  {but: map[string]string{"/api/ps": `{"models":[{"name":"large:latest","size":1,"size_vram":1}]}`}, check: "local: processor", status: OK, words: []string{"not loaded"}},
		"ps fails":           {but: map[string]string{"/api/ps": `500 {"error":"boom"}`}, check: "local: processor", status: Warn, words: []string{"boom"}},
		"no such binary":     {config: ", binary: /nonexistent/ollama", check: "local: binary", status: Warn, words: []string{"cannot be run", "set `binary`"}},
		"not Ollama":         {but: map[string]string{"/api/version": `404 <html>`}, check: "local: server", status: Fail, words: []string{"another `host`"}},
	} {
		t.Run(name, func(t *testing.T) {
			checks := examine(t, "use: local\n"+c.top+"providers:\n  - {name: local, host: \""+ollama(t, c.but)+"\", model: small"+c.config+"}\n", nil)
			has(t, checks, c.check, c.status, c.words...)
			if want := c.status == Fail; Failed(checks) != want {
				t.Errorf("failed is %v, want %v: %+v", !want, want, checks)
			}
		})
	}
}

func TestNothingListens(t *testing.T) {
	file := func(more string) string {
		return "use: local\nproviders:\n  - {name: local, host: \"" + stacktest.Nobody(t) + "\"" + more + "}\n"
	}
	checks := examine(t, file(", binary: /bin/sh"), nil)
	has(t, checks, "local: server", Warn, "starts Ollama with the next request", "tandem engine start")
	if Failed(checks) {
		t.Error("what tandem starts by itself is no failure")
	}
	has(t, examine(t, file(", binary: /nonexistent"), nil), "local: binary", Warn, "cannot be run", "set `binary`")
	has(t, examine(t, file(", binary: /nonexistent"), nil), "local: server", Fail, "nothing is listening", "install Ollama")
	has(t, examine(t, file(", managed: false"), nil), "local: server", Fail, "nothing is listening", "start Ollama there")
}

func TestHostedChecks(t *testing.T) {
	models := map[string]string{"/v1/models": `{"object":"list","data":[{"id":"big"},{"id":"bigger"}]}`}
	strict := server(t, canary, models).URL
	open := server(t, "", models).URL
	env := map[string]string{"GOOD": canary, "BAD": "sk-wrong", "EMPTY": ""}
	loose := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(loose, []byte(canary), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		provider string
		top      string
		check    string
		status   Status
		words    []string
	}{
		"key accepted":     {provider: strict + `/v1", api_key: "env:GOOD`, check: "hosted: server", status: OK, words: []string{"accepts the key", "2 models"}},
		"key present":      {provider: strict + `/v1", api_key: "env:GOOD`, check: "hosted: key", status: OK, words: []string{"env:GOOD"}},
		"model listed":     {provider: strict + `/v1", api_key: "env:GOOD`, check: "hosted: model", status: OK, words: []string{"big"}},
		"key wrong":        {provider: strict + `/v1", api_key: "env:BAD`, check: "hosted: server", status: Fail, words: []string{"denied", "tandem keys set hosted"}},
		"key missing":      {provider: strict + `/v1", api_key: "env:EMPTY`, check: "hosted: key", status: Fail, words: []string{"EMPTY is not set"}},
		"key file loose":   {provider: strict + `/v1", api_key: "file:` + loose, check: "hosted: key", status: Fail, words: []string{"0644", "chmod 600"}},
		"key file missing": {provider: strict + `/v1", api_key: "file:/nonexistent/key`, check: "hosted: key", status: Fail, words: []string{"no key file"}},
		"key not asked":    {provider: open + `/v1", api_key: "env:BAD`, check: "hosted: server", status: OK, words: []string{"without a key too"}},
		"no key":           {provider: open + `/v1`, check: "hosted: server", status: OK, words: []string{"answers and lists 2 models"}},
		"key wanted":       {provider: strict + `/v1`, check: "hosted: server", status: Fail, words: []string{"needs a key", "keyring:hosted"}},
		"base_url":         {provider: open, check: "hosted: server", status: Fail, words: []string{"base_url: " + open + "/v1"}},
		"nobody there":     {provider: "http://" + stacktest.Nobody(t) + "/v1", check: "hosted: server", status: Fail, words: []string{"nothing is listening", "base_url"}},
		"offline":          {provider: "http://192.0.2.1/v1", top: "offline: true\n", check: "hosted: server", status: Fail, words: []string{"offline: false"}},
		"private":          {provider: "http://192.0.2.1/v1", top: "privacy: local\n", check: "hosted: server", status: Fail, words: []string{"never used"}},
	} {
		t.Run(name, func(t *testing.T) {
			checks := examine(t, "use: hosted\n"+c.top+"providers:\n  - {name: hosted, kind: openai, model: big, base_url: \""+c.provider+"\"}\n", env)
			has(t, checks, c.check, c.status, c.words...)
			if want := c.status == Fail; Failed(checks) != want {
				t.Errorf("failed is %v, want %v: %+v", !want, want, checks)
			}
		})
	}
	checks := examine(t, "use: hosted\nproviders:\n  - {name: hosted, kind: openai, model: none, base_url: \""+open+"/v1\"}\n", env)
	has(t, checks, "hosted: model", Warn, "none is not in the server's list", "tandem models list hosted")
}

func TestOnlyTheFirstMustWork(t *testing.T) {
	well, ill := ollama(t, nil), stacktest.Nobody(t)
	file := func(use string) string {
		return "use: [" + use + "]\nproviders:\n  - {name: well, kind: ollama, host: \"" + well + "\", model: small}\n" +
			"  - {name: ill, kind: ollama, host: \"" + ill + "\", model: small, managed: false}\n  - {name: worse, kind: ollama, host: \"" + ill + "\", model: small, managed: false}\n"
	}
	checks := examine(t, file("well, ill"), nil)
	has(t, checks, "ill: server", Warn, "nothing is listening")
	if Failed(checks) {
		t.Error("a stand-in that is unwell fails the whole")
	}
	checks = examine(t, file("ill, worse, well"), nil)
	has(t, checks, "ill: server", Fail)
	has(t, checks, "worse: server", Fail)
	has(t, checks, "well: server", OK)
	if !Failed(checks) {
		t.Error("the first is unwell, and nothing fails")
	}
}

func TestAConfigurationThatIsWrongIsOneCheckOfMany(t *testing.T) {
	checks := examine(t, "use: local\ntemprature: 1\nseed: many\n", nil)
	has(t, checks, "config", Fail, "config.yaml:2:1", `"temprature"`, `did you mean "temperature"?`)
	has(t, checks, "config", Fail, "config.yaml:3:7", "whole number")
	has(t, checks, "machine", OK)
	for _, c := range checks {
		if c.Name == "config: user" {
			t.Errorf("the file that is wrong is called %+v", c)
		}
	}
	checks = examineFile(t, config.LoadOptions{UserFile: filepath.Join(t.TempDir(), "none.yaml")}, nil)
	has(t, checks, "config", Fail, "none.yaml")
	has(t, checks, "machine", OK)
}

func TestAnUntrustedProjectIsAFailureAndNobodyIsAsked(t *testing.T) {
	var asked atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer srv.Close()
	dir := t.TempDir()
	text := "providers:\n  - {name: openai, base_url: \"" + srv.URL + "/v1\"}\nuse: openai\n"
	if err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	checks := examineFile(t, config.LoadOptions{Dir: dir}, map[string]string{"OPENAI_API_KEY": canary, "HOME": t.TempDir()})
	has(t, checks, "openai: trust", Fail, "config.yaml:2", srv.URL, "tandem config trust")
	has(t, checks, "machine", OK)
	if asked.Load() != 0 {
		t.Error("the project's server was asked")
	}
}

func TestAFileThatOthersMayChange(t *testing.T) {
	if windows {
		t.Skip("modes do not tell there")
	}
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte("use: local\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o666); err != nil {
		t.Fatal(err)
	}
	has(t, examineFile(t, config.LoadOptions{UserFile: file}, nil), "config", Warn, file, "others may change it", "chmod go-w")
	has(t, examineFile(t, config.LoadOptions{ProjectFile: file}, map[string]string{"HOME": t.TempDir()}), "config: project", Warn, "any user", "chmod o-w")
}
