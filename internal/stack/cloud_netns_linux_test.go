package stack_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/stacktest"
	"github.com/tandem-llm/tandem/internal/testengine"
)

// TestInANamespaceNothingReachesACloudModel asks the real newest Ollama for
// models that it hands to ollama.com, in whose place is a server of the test's:
// what comes there has left. In a network namespace, so that nothing else does.
func TestInANamespaceNothingReachesACloudModel(t *testing.T) {
	testengine.NewestOllama(t)
	inANamespace(t, insideWithACloud, `[1-9][0-9]* commands that were to stay: nothing came.*`)
}

// ollamaCom stands in for ollama.com, and keeps what comes.
type ollamaCom struct {
	url  string
	mu   sync.Mutex
	came []string // path and body
}

func startOllamaCom(t *testing.T) *ollamaCom {
	t.Helper()
	o := &ollamaCom{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		o.mu.Lock()
		o.came = append(o.came, r.URL.Path+" "+string(body))
		o.mu.Unlock()
		switch r.URL.Path {
		case "/api/show":
			fmt.Fprint(w, `{"details":{"family":"gptoss"},"model_info":{"general.architecture":"gptoss"},"capabilities":["completion","embedding"]}`)
		case "/api/embed":
			fmt.Fprint(w, `{"model":"gpt-oss:120b","embeddings":[[1,2]],"prompt_eval_count":1}`)
		default:
			fmt.Fprintln(w, `{"model":"gpt-oss:120b","message":{"role":"assistant","content":"from there"},"done":true,"done_reason":"stop","prompt_eval_count":1,"eval_count":1}`)
		}
	}))
	t.Cleanup(s.Close)
	o.url = s.URL
	return o
}

func (o *ollamaCom) taken() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	came := o.came
	o.came = nil
	return came
}

func insideWithACloud(t *testing.T, bin string) {
	t.Helper()
	address(t)
	dir := home(t)
	cloud := startOllamaCom(t)
	for name, value := range map[string]string{
		"OLLAMA_CLOUD_BASE_URL": cloud.url, "OLLAMA_REMOTES": "127.0.0.1", "OLLAMA_MODELS": filepath.Join(dir, "models"), "OLLAMA_NO_CLOUD": "",
	} {
		t.Setenv(name, value)
	}
	newest := testengine.NewestOllama(t)
	host := stacktest.Nobody(t)
	server := exec.Command(newest, "serve")
	server.Env = append(os.Environ(), "OLLAMA_HOST="+host)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	answers(t, host)
	post(t, "http://"+host+"/api/create", `{"model":"alias","from":"gpt-oss:120b-cloud","stream":false}`)
	post(t, "http://"+host+"/api/copy", `{"source":"alias","destination":"copied"}`)
	cloud.taken()

	run := func(args ...string) (int, string) {
		t.Helper()
		out, err := exec.Command(bin, args...).CombinedOutput()
		if err != nil && !strings.HasPrefix(err.Error(), "exit status") {
			t.Fatal(err)
		}
		code := 0
		if err != nil {
			_, _ = fmt.Sscanf(err.Error(), "exit status %d", &code)
		}
		return code, string(out)
	}
	file := write(t, filepath.Join(dir, "config.yaml"), fmt.Sprintf(
		"use: o\nproviders:\n  - {name: o, kind: ollama, host: '%s', model: zz, managed: false}\n", host))
	texts := write(t, filepath.Join(dir, "texts.txt"), secret)

	// The count counts: where it may, the prompt goes there, and is said to.
	names := []string{"gpt-oss:120b-cloud", "gpt-oss:120b-CLOUD", "gpt-oss:Cloud", "gpt-oss:20b:cLOUD", "me/gpt-oss:cloud", "alias", "alias:latest", "copied"}
	for _, model := range names {
		_, text := run("--config", file, "ask", "--json", "-m", "o/"+model, secret)
		var got struct {
			Answer string
			Route  struct {
				Local bool
				Cost  struct{ Basis string }
			}
		}
		if err := json.Unmarshal([]byte(text), &got); err != nil || got.Answer != "from there" || got.Route.Local || strings.HasPrefix(got.Route.Cost.Basis, "local") {
			t.Errorf("%s, where it may leave: %s", model, text)
		}
		if came := strings.Join(cloud.taken(), "\n"); !strings.Contains(came, secret) {
			t.Errorf("%s, where it may leave, the prompt did not: %s", model, came)
		}
	}

	commands := 0
	for i, model := range append(names, "gpt-oss-cloud", "gpt-oss:cloud/", "gpt-oss:120b-cloud:local", "gpt-oss%3Acloud") {
		step := write(t, filepath.Join(dir, "step.yaml"), fmt.Sprintf("name: c\nprivacy: local\nsteps:\n  - {name: one, prompt: '{q}', model: %q}\n", model))
		for _, args := range [][]string{
			{"--local-only", "ask", "-m", "o/" + model, secret},
			{"--offline", "ask", "-m", "o/" + model, secret},
			{"run", step, "-p", "q=" + secret},
			{"--local-only", "embed", fmt.Sprint("n", i), "-m", "o/" + model, texts},
			{"--offline", "models", "load", "o/" + model},
			{"--local-only", "models", "load", "--unload", "o/" + model},
			{"--local-only", "models", "show", "o/" + model},
		} {
			commands++
			code, text := run(append([]string{"--config", file}, args...)...)
			if came := cloud.taken(); len(came) > 0 || code == 0 && !strings.Contains(strings.Join(args, " "), "show") {
				t.Errorf("%q: code %d; %q came; %s", args, code, came, text)
			}
		}
	}
	t.Run("an Ollama that tandem starts", func(t *testing.T) { startedByTandem(t, run, dir, newest, cloud) })
	t.Logf("%d commands that were to stay: nothing came to ollama.com", commands)
}

// startedByTandem: an Ollama that is started for a prompt that stays has nothing
// run elsewhere, for whoever asks, until it is stopped; another has.
func startedByTandem(t *testing.T, run func(...string) (int, string), dir, newest string, cloud *ollamaCom) {
	t.Helper()
	step := write(t, filepath.Join(dir, "local.yaml"), "name: c\nsteps:\n  - {name: one, prompt: '{q}', privacy: local}\n")
	for what, tc := range map[string]struct {
		top  string
		args []string
		no   bool
	}{
		"--local-only":           {args: []string{"--local-only", "ask", secret}, no: true},
		"--offline":              {args: []string{"--offline", "ask", secret}, no: true},
		"a step":                 {args: []string{"run", step, "-p", "q=" + secret}, no: true},
		"the configuration":      {top: "privacy: local", args: []string{"models", "list"}, no: true},
		"engine start":           {args: []string{"--local-only", "engine", "start", "m"}, no: true},
		"nothing forbids it":     {args: []string{"ask", secret}},
		"nothing forbids it yet": {args: []string{"engine", "start", "m"}},
	} {
		host := stacktest.Nobody(t)
		file := write(t, filepath.Join(dir, "managed.yaml"), fmt.Sprintf(
			"%s\nuse: m\nproviders:\n  - {name: m, kind: ollama, host: '%s', model: zz, binary: '%s'}\n", tc.top, host, newest))
		_, text := run(append([]string{"--config", file}, tc.args...)...)
		answers(t, host)
		resp, err := http.Get("http://" + host + "/api/status") //nolint:noctx // it is on this machine
		if err != nil {
			t.Fatal(err)
		}
		var status struct{ Cloud struct{ Disabled bool } }
		err = json.NewDecoder(resp.Body).Decode(&status)
		resp.Body.Close()
		if err != nil || status.Cloud.Disabled != tc.no {
			t.Errorf("started by %s: it may run nothing elsewhere: %v, want %v (%v); %s", what, status.Cloud.Disabled, tc.no, err, text)
		}
		cloud.taken()
		if tc.top == "" {
			code, text := run("--config", file, "ask", "-m", "m/gpt-oss:120b-cloud", secret)
			came := cloud.taken()
			if tc.no && (code == 0 || len(came) > 0 || !strings.Contains(text, "tandem engine stop m")) || !tc.no && (code != 0 || len(came) == 0) {
				t.Errorf("started by %s, asked for a cloud model: code %d, %q came; %s", what, code, came, text)
			}
		}
		if code, text := run("--config", file, "engine", "stop", "m"); code != 0 {
			t.Errorf("engine stop: %s", text)
		}
	}
}

// answers waits until an Ollama answers.
func answers(t *testing.T, host string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		resp, err := http.Get("http://" + host + "/api/version") //nolint:noctx // it is on this machine
		if err == nil {
			resp.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the newest Ollama does not come up: %v", err)
		}
	}
}

func post(t *testing.T, url, body string) {
	t.Helper()
	resp, err := http.Post(url, "application/json", bytes.NewBufferString(body)) //nolint:noctx // it is on this machine
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK || bytes.Contains(text, []byte(`"error"`)) {
		t.Fatalf("%s: %s %s", url, resp.Status, text)
	}
}
