package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAnMCPServerShowsNoKey runs a server that writes its own key to standard
// error in pieces and says it in a JSON-RPC error, and that writes down its
// arguments and its environment: of the keys it has its own only.
func TestAnMCPServerShowsNoKey(t *testing.T) {
	const own, other = "own-canary-A1b2C3d4E5f6", "sk-canary-Z9y8X7w6V5u4T3"
	home := t.TempDir()
	for _, name := range []string{"XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"} {
		t.Setenv(name, "")
	}
	t.Setenv("HOME", home)
	t.Setenv("TANDEM_KEYRING", "file")
	t.Setenv("OWN", own)
	t.Setenv("OPENAI_API_KEY", other)
	t.Setenv("MY_GATEWAY", "plain-"+other)
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "authorization=Bearer "+other)
	t.Chdir(home)
	files := map[string]string{
		"server": `#!/bin/sh
tr '\0' '\n' < /proc/$$/cmdline > seen
tr '\0' '\n' < /proc/$$/environ >> seen
end=${TOKEN#????????????}
printf '%s' "lost ${TOKEN%$end}" >&2
printf '%s\n' "$end" >&2
read -r line
id=$(printf '%s' "$line" | sed 's/.*"id":\([0-9]*\).*/\1/')
printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32000,"message":"no %s"}}\n' "$id" "$TOKEN"
`,
		".config/tandem/config.yaml": "mcp_servers:\n  - {name: mine, command: [" + filepath.Join(home, "server") + "], env: {TOKEN: \"env:OWN\"}}\n" +
			"providers:\n  - {name: openai, api_key: \"env:OPENAI_API_KEY\"}\n",
	}
	for name, text := range files {
		path := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil { //nolint:gosec // one is a program
			t.Fatal(err)
		}
	}
	var out, errs bytes.Buffer
	code := Main(t.Context(), []string{"tools", "list", "mine"}, os.Environ(), strings.NewReader(""), &out, &errs)
	if said := out.String() + errs.String(); code == 0 || shows([]byte(said), own) != "" || !strings.Contains(said, "[redacted]") {
		t.Errorf("exit code %d: %s", code, said)
	}
	seen, err := os.ReadFile(filepath.Join(home, "seen"))
	if err != nil || !bytes.Contains(seen, []byte("TOKEN="+own)) || bytes.Contains(seen, []byte("canary-Z9y8")) {
		t.Errorf("%v; the server was given\n%s", err, seen)
	}
}
