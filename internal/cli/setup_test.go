package cli_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

func TestSetupOfWhatIsThere(t *testing.T) {
	d := newDesk(t)
	pulls := atomic.Int32{}
	d.ollama["/api/pull"] = func(http.ResponseWriter, *http.Request) { pulls.Add(1) }
	out, errs := d.run(0, "setup")
	says(t, out, "ok    local: model: small")
	says(t, errs, "ready; try: tandem ask", "tandem models pull all-minilm")
	if pulls.Load() != 0 {
		t.Error("a model that is there was downloaded")
	}
	if _, errs = d.run(0, "setup", "-q"); errs != "" {
		t.Errorf("--quiet says %q", errs)
	}
	_, errs = d.run(2, "setup", "now")
	says(t, errs, "takes no arguments")
}

// missing makes the model appear with its download.
func (d *desk) missing(pull http.HandlerFunc) {
	there := atomic.Bool{}
	show := d.ollama["/api/show"]
	d.ollama["/api/show"] = func(w http.ResponseWriter, r *http.Request) {
		if there.Load() {
			show(w, r)
			return
		}
		status(404, `{"error":"model 'small' not found"}`)(w, r)
	}
	d.ollama["/api/pull"] = func(w http.ResponseWriter, r *http.Request) {
		pull(w, r)
		there.Store(true)
	}
}

func TestSetupDownloadsTheModel(t *testing.T) {
	d := newDesk(t)
	d.missing(lines(`{"status":"pulling manifest"}`, `{"status":"success"}`))
	out, errs := d.run(0, "setup")
	says(t, errs, "· small is missing; downloading it", "· pulling manifest", "local has small", "ready")
	says(t, out, "ok    local: model: small")
}

func TestSetupWithoutARegistry(t *testing.T) {
	d := newDesk(t)
	d.missing(lines(`{"error":"pull model manifest: Get \"https://registry.ollama.ai/v2/\": dial tcp: lookup registry.ollama.ai: no such host"}`))
	out, errs := d.run(5, "setup")
	says(t, errs, "Ollama cannot reach the registry", "ollama create", "make demo", "tandem setup")
	if strings.Contains(errs, "ready") || out != "" {
		t.Errorf("it goes on: %q %q", out, errs)
	}
}

func TestSetupWhereAStandInIsUnwell(t *testing.T) {
	d := newDesk(t)
	host := strings.TrimPrefix(d.local.URL, "http://")
	d.configure(`
use: [local, second]
providers:
  - {name: local, host: "` + host + `", model: small}
  - {name: second, kind: ollama, host: "` + deserted(t) + `", model: small, binary: /nonexistent/ollama}
`)
	out, errs := d.run(0, "setup")
	says(t, errs, "/nonexistent/ollama cannot be run", "ready")
	says(t, out, "ok    local: model", "warn  second: server")
}

func TestSetupFailsAsTheDoctorDoes(t *testing.T) {
	d := newDesk(t)
	t.Setenv("OPENAI_API_KEY", "")
	out, errs := d.run(1, "setup", "--use", "openai")
	says(t, out, "fail  openai: key")
	if strings.Contains(errs, "ready") {
		t.Errorf("it says ready: %q", errs)
	}
}
