package cli_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A managed engine gets none of the keys, neither as arguments nor in its
// environment: not of tandem's providers, not of its servers of tools, not of
// the collector, and not what the user's shell has besides. What it writes last
// is shown without keys.
func TestAManagedEngineGetsNoKey(t *testing.T) {
	const key = "sk-canary-Z9y8X7w6V5u4T3"
	home := t.TempDir()
	program := filepath.Join(home, "tandem") // the test binary serves as tandem under that name, and its supervisor, too
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Link(self, program); err != nil {
		copyFile(t, self, program)
	}
	seen := filepath.Join(home, "seen")
	engine := `#!/bin/sh
tr '\0' '\n' < /proc/$$/cmdline > ` + seen + `
tr '\0' '\n' < /proc/$$/environ >> ` + seen + `
for pid in $$ $PPID; do cat /proc/$pid/cmdline /proc/$pid/environ | tr '\0' '\n' >> ` + seen + `; done
echo "cannot start: ` + key + `" >&2
exit 3
`
	config := `use: [local]
mcp_servers: [{name: mine, command: [none], env: {TOKEN: "env:OWN"}}]
providers:
  - {name: local, host: "127.0.0.1:9", model: m, binary: ` + filepath.Join(home, "ollama") + `}
  - {name: openai, api_key: "env:OPENAI_API_KEY"}
  - {name: gateway, kind: openai, base_url: "https://gateway.example/v1", model: m, api_key: "env:MY_GATEWAY"}
`
	for name, text := range map[string]string{"ollama": engine, "config.yaml": config} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o700); err != nil { //nolint:gosec // one is a program
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), program, "ask", "-v", "hi")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TANDEM_CONFIG=" + filepath.Join(home, "config.yaml"), "TANDEM_KEYRING=file", "OLLAMA_NOPRUNE=1"}
	for _, name := range []string{"OPENAI_API_KEY", "MY_GATEWAY", "OWN", "OTEL_EXPORTER_OTLP_HEADERS", "OLLAMA_API_KEY", "AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "HTTPS_PROXY_PASSWORD", "LC_KEY"} {
		cmd.Env = append(cmd.Env, name+"="+key)
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err == nil || !strings.Contains(out.String(), "cannot start: ") || strings.Contains(out.String(), key[:12]) {
		t.Errorf("%v: %s", err, out.String())
	}
	data, err := os.ReadFile(seen)
	if err != nil || !bytes.Contains(data, []byte("serve\n")) || !bytes.Contains(data, []byte("OLLAMA_NOPRUNE=1")) || !bytes.Contains(data, []byte("OLLAMA_HOST=")) {
		t.Errorf("%v; the engine was given\n%s", err, data)
	}
	if bytes.Contains(data, []byte(key[:12])) {
		t.Errorf("the engine was given a key:\n%s", data)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o700) //nolint:gosec // it is a program
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}
