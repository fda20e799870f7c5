package docs

import (
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func packaged(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "packaging", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestUnitsAreClosed holds the files that run the gateway to what docs/serve-operation.md
// says of them: loopback only, no root, no privileges.
func TestUnitsAreClosed(t *testing.T) {
	for name, wants := range map[string][]string{
		"systemd/tandem.socket":  {"\nListenStream=127.0.0.1:11500\n"},
		"systemd/tandem.service": {"\nExecStart=tandem serve\n", "\nNoNewPrivileges=yes\n", "\nProtectSystem=strict\n", "\nRequires=tandem.socket\n", "\nUMask=0077\n"},
		"Dockerfile":             {"\nFROM scratch\n", "CGO_ENABLED=0 ", "\nUSER 65532:65532\n", "\nCOPY --from=build --chown=65532:65532 /out/home /home\n", " mkdir -m 0700 /out/home/tandem\n", "\nENTRYPOINT [\"/usr/local/bin/tandem\"]\n"},
	} {
		text := packaged(t, name)
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not have %q", name, want)
			}
		}
	}
	d := xml.NewDecoder(strings.NewReader(packaged(t, "launchd/io.github.tandem-llm.tandem.plist")))
	for {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	var compose struct {
		Services map[string]struct {
			Command  []string `yaml:"command"`
			Ports    []string `yaml:"ports"`
			ReadOnly bool     `yaml:"read_only"`
			Drop     []string `yaml:"cap_drop"`
		} `yaml:"services"`
	}
	if err := yaml.Unmarshal([]byte(packaged(t, "compose.yaml")), &compose); err != nil {
		t.Fatal(err)
	}
	tandem, ollama := compose.Services["tandem"], compose.Services["ollama"]
	if len(tandem.Ports) != 1 || !strings.HasPrefix(tandem.Ports[0], "127.0.0.1:") || len(ollama.Ports) != 0 {
		t.Errorf("ports beyond this machine: %v, %v", tandem.Ports, ollama.Ports)
	}
	if !tandem.ReadOnly || len(tandem.Drop) != 1 || tandem.Drop[0] != "ALL" || strings.Join(tandem.Command, " ") != "serve --listen 0.0.0.0:11500 --expose" {
		t.Errorf("%+v", tandem)
	}
}
