package cli_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/engine"
)

func TestEngineOfTheUsers(t *testing.T) {
	d := newDesk(t)
	for _, verb := range []string{"status", "start"} {
		out, _ := d.run(0, "engine", verb)
		says(t, out, "local: Ollama 0.17.4 runs on 127.0.0.1:", "tandem did not start it")
	}
	_, errs := d.run(1, "engine", "stop")
	says(t, errs, "was not started by tandem; stop it the way it was started")
	_, errs = d.run(1, "engine", "logs")
	says(t, errs, "there is no log yet", "tandem engine start")
	out, _ := d.run(0, "engine", "status", "--json")
	var st map[string]any
	if err := json.Unmarshal([]byte(out), &st); err != nil || st["answering"] != true || st["started_by_tandem"] != false || st["version"] != "0.17.4" {
		t.Errorf("--json: %s (%v)", out, err)
	}
}

func TestEngineThatIsNotThere(t *testing.T) {
	d := newDesk(t)
	host := deserted(t)
	d.configure("use: local\nproviders:\n  - {name: local, host: \"" + host + "\", binary: /nonexistent/ollama}\n")
	out, _ := d.run(0, "engine", "status")
	says(t, out, "is not running", "tandem engine start")
	_, errs := d.run(1, "engine", "stop")
	says(t, errs, "no Ollama runs on "+host)
	_, errs = d.run(5, "engine", "start")
	says(t, errs, "/nonexistent/ollama cannot be run", "set `binary`")
}

func TestEngineWhosePortIsTaken(t *testing.T) {
	d := newDesk(t)
	d.ollama["/api/version"] = http.NotFound
	out, _ := d.run(0, "engine", "status")
	says(t, out, "is used by a program that is not Ollama", "another `host`")
	_, errs := d.run(2, "engine", "start")
	says(t, errs, "is used by a program that is not Ollama", "another `host`")
}

func TestEngineOfAWrongProvider(t *testing.T) {
	d := newDesk(t)
	_, errs := d.run(2, "engine", "status", "openai")
	says(t, errs, "openai is not managed by tandem")
	_, errs = d.run(2, "engine", "stop", "nosuch")
	says(t, errs, `there is no provider "nosuch"; there are: local, openai`)
	_, errs = d.run(2, "engine", "restart")
	says(t, errs, `unknown command "tandem engine restart"`)
	_, errs = d.run(2, "engine", "supervise")
	says(t, errs, "this command is internal")
	d.configure("use: local\nproviders:\n  - {name: local, managed: false}\n")
	_, errs = d.run(2, "engine", "start")
	says(t, errs, "no provider is managed by tandem")
}

func TestEngineLogs(t *testing.T) {
	d := newDesk(t)
	host := strings.TrimPrefix(d.local.URL, "http://")
	dir := engine.StateDir(filepath.Join(os.Getenv("XDG_STATE_HOME"), "tandem"), host)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]map[string]string{
		"a\nb\nc\n":   {"0": "a\nb\nc\n", "1": "c\n", "2": "b\nc\n", "9": "a\nb\nc\n"},
		"a\nb":        {"1": "b", "2": "a\nb"},
		"":            {"0": "", "1": ""},
		"\x1b[31ma\n": {"1": "a\n"},
	} {
		if err := os.WriteFile(filepath.Join(dir, "ollama.log"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for n, lines := range want {
			if out, _ := d.run(0, "engine", "logs", "-n", n); out != lines {
				t.Errorf("the last %s lines of %q: %q, want %q", n, text, out, lines)
			}
		}
	}
	_, errs := d.run(2, "engine", "logs", "-n", "-1")
	says(t, errs, "expected 0 (all) or more")
}
