package cli_test

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestDoctor(t *testing.T) {
	d := newDesk(t)
	d.ollama["/api/ps"] = text(`{"models":[{"name":"small:latest","size":2147483648,"size_vram":1073741824}]}`)
	out, errs := d.run(0, "doctor")
	says(t, out, "ok    config: user: ", "ok    local: server: Ollama 0.17.4 answers", "ok    openai: key: present, from env:OPENAI_API_KEY", "accepts the key",
		"warn  local: processor: 1.0 GiB of 2.0 GiB", "      → lower num_ctx")
	if errs != "" {
		t.Errorf("standard error: %q", errs)
	}
	out, _ = d.run(0, "doctor", "--json")
	var got struct {
		OK     bool
		Checks []map[string]string
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || !got.OK || len(got.Checks) < 8 || got.Checks[0]["name"] != "config: user" || got.Checks[0]["status"] != "ok" {
		t.Errorf("--json: %s (%v)", out, err)
	}
}

func TestDoctorFails(t *testing.T) {
	d := newDesk(t)
	d.ollama["/api/show"] = status(404, `{"error":"model 'small' not found"}`)
	out, errs := d.run(1, "doctor")
	says(t, out, "fail  local: model: small is not on this server", "      → get it with `tandem models pull small`")
	if errs != "" {
		t.Errorf("standard error repeats: %q", errs)
	}
	out, _ = d.run(1, "doctor", "--json")
	says(t, out, `{"ok":false,"checks":[`, `"status":"fail"`, `"remedy":"get it with`)
	// A server's words stay on their line.
	d.ollama["/api/show"] = status(500, `{"error":"boom\n\u001b[31mok    all is well"}`)
	out, _ = d.run(1, "doctor")
	for _, line := range strings.Split(out, "\n") {
		if strings.HasPrefix(line, "ok    all") {
			t.Errorf("a server forged a line: %q", out)
		}
	}
}

func TestDoctorOnAWrongConfiguration(t *testing.T) {
	d := newDesk(t)
	d.configure("use: local\ntemprature: 1\n")
	out, errs := d.run(1, "doctor")
	says(t, out, "fail  config: ", `config.yaml:2:1: unknown key "temprature"`, `      → did you mean "temperature"?`, "ok    machine: ")
	if errs != "" {
		t.Errorf("standard error: %q", errs)
	}
	out, _ = d.run(1, "doctor", "--json")
	says(t, out, `"ok":false`, `config.yaml:2:1`)
}
