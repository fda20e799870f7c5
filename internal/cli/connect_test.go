package cli

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/connect"
)

// A program that is not installed is told how to install.
func TestConnectCheckOfAMissingProgram(t *testing.T) {
	home := t.TempDir()
	for _, c := range connect.Clients() {
		if !c.Runs() {
			continue
		}
		var out, errs bytes.Buffer
		code := Main(t.Context(), []string{"connect", c.Name, "--check", "--config", "none"}, []string{"HOME=" + home, "USERPROFILE=" + home, "PATH=" + home}, strings.NewReader(""), &out, &errs)
		if code != exitError || out.Len() > 0 || !strings.Contains(errs.String(), "is not installed") || !strings.Contains(errs.String(), c.Install) {
			t.Errorf("%s: %d\n%s%s", c.Name, code, &out, &errs)
		}
	}
}

func TestListenURL(t *testing.T) {
	for listen, want := range map[string]string{
		"": "http://127.0.0.1:11500", ":80": "http://127.0.0.1:80", "0.0.0.0:80": "http://127.0.0.1:80", "[::]:80": "http://127.0.0.1:80",
		"[::1]:80": "http://[::1]:80", "gpu:80": "http://gpu:80", "unix:/run/tandem.sock": "",
	} {
		if got, err := listenURL(listen); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", listen, got, err)
		}
	}
}

// A client that needs tools is told where the model has none; what is not known is not
// claimed.
func TestConnectWarnsOfAModelWithoutTools(t *testing.T) {
	for _, tc := range []struct {
		what, client, model, show, tools string
	}{
		{"none", "claude", "", `{"capabilities":["completion"]}`, "small:latest cannot use tools, and Claude Code needs them"},
		{"named", "codex", "gpu/other", `{"capabilities":["completion"]}`, "other cannot use tools, and Codex needs them"},
		{"vectors only", "vscode", "", `{"capabilities":["embedding"]}`, "cannot use tools, and VS Code needs them in its agent mode"},
		{"a chain", "cline", "chain:president", `{"capabilities":["completion","tools"]}`, "a chain cannot use tools, and Cline needs them"},
		{"it has them", "claude", "", `{"capabilities":["completion","tools"]}`, ""},
		{"not told", "claude", "", `{}`, ""},
		{"an error", "claude", "", `not JSON`, ""},
		{"a client without tools", "aider", "", `{"capabilities":["completion"]}`, ""},
	} {
		engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			switch r.URL.Path {
			case "/api/show":
				fmt.Fprint(w, tc.show)
			default:
				fmt.Fprint(w, `{"version":"0.33.3","models":[{"name":"small:latest"}]}`)
			}
		}))
		home := t.TempDir()
		file := filepath.Join(home, "tandem.yaml")
		text := "use: [gpu]\nproviders:\n- {name: gpu, kind: ollama, managed: false, host: '" + strings.TrimPrefix(engine.URL, "http://") + "', model: small}\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		args := []string{"connect", tc.client, "--config", file}
		if tc.model != "" {
			args = append(args, "--model", tc.model)
		}
		var out, errs bytes.Buffer
		code := Main(t.Context(), args, []string{"HOME=" + home, "USERPROFILE=" + home}, strings.NewReader(""), &out, &errs)
		said := strings.Join(strings.Fields(errs.String()), " ")
		if code != exitOK || tc.tools == "" && strings.Contains(said, "tools") || !strings.Contains(said, tc.tools) {
			t.Errorf("%s: %d\n%s%s", tc.what, code, &out, &errs)
		}
		engine.Close()
	}
}
