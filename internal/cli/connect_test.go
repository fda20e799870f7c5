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
		{"named", "codex", "gpu/other", `{"capabilities":["completion"]}`, "other:latest cannot use tools, and Codex needs them"},
		{"vectors only", "vscode", "", `{"capabilities":["embedding"]}`, "cannot use tools, and VS Code needs them in its agent mode"},
		{"a chain", "cline", "chain:president", `{"capabilities":["completion","tools"]}`, "a chain cannot use tools, and Cline needs them"},
		{"it has them", "claude", "", `{"capabilities":["completion","tools"]}`, ""},
		{"not told", "claude", "", `{}`, ""},
		{"an error", "claude", "", `not JSON`, ""},
		{"a client without tools", "aider", "", `{"capabilities":["completion"]}`, ""},
	} {
		engine := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			switch r.URL.Path {
			case "/api/show":
				fmt.Fprint(w, tc.show)
			default:
				fmt.Fprint(w, `{"version":"0.33.3","models":[{"name":"small:latest"},{"name":"other:latest"}]}`)
			}
		})
		args := []string{"connect", tc.client}
		if tc.model != "" {
			args = append(args, "--model", tc.model)
		}
		code, out, errs := askedOf(t, engine, "", args...)
		said := strings.Join(strings.Fields(errs), " ")
		if code != exitOK || tc.tools == "" && strings.Contains(said, "tools") || !strings.Contains(said, tc.tools) {
			t.Errorf("%s: %d\n%s%s", tc.what, code, out, errs)
		}
	}
}

// The settings do not claim what the warning denies, and a model that no engine has is
// not written.
func TestConnectSettingsAreTrueOfTheModel(t *testing.T) {
	for _, tc := range []struct {
		what, client, model, capabilities string
		code                              int
		want, never                       string
	}{
		{"no tools", "zed", "", `["completion"]`, exitOK, `"tools": false`, `"tools": true`},
		{"no tools", "vscode", "", `["completion"]`, exitOK, `"toolCalling": false`, `"toolCalling": true`},
		{"no tools", "llm", "", `["completion"]`, exitOK, "supports_tools: false", "supports_tools: true"},
		{"a chain", "zed", "chain:president", `["completion","tools"]`, exitOK, `"tools": false`, `"tools": true`},
		{"tools", "zed", "", `["completion","tools"]`, exitOK, `"tools": true`, `"tools": false`},
		{"not told", "vscode", "", `null`, exitOK, `"toolCalling": true`, `"toolCalling": false`},
		{"installed", "zed", "small", `["completion","tools"]`, exitOK, `"small"`, "no model"},
		{"mistyped", "zed", "smalll", `["completion","tools"]`, exitModelNotFound, "small", "available_models"},
		{"mistyped, with a provider", "zed", "gpu/smalll", `["completion","tools"]`, exitModelNotFound, "small", "available_models"},
	} {
		engine := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if r.URL.Path == "/api/show" {
				fmt.Fprintf(w, `{"capabilities":%s}`, tc.capabilities)
				return
			}
			fmt.Fprint(w, `{"version":"0.33.3","models":[{"name":"small:latest"}]}`)
		})
		args := []string{"connect", tc.client}
		if tc.model != "" {
			args = append(args, "--model", tc.model)
		}
		code, out, errs := askedOf(t, engine, "", args...)
		if said := out + errs; code != tc.code || !strings.Contains(said, tc.want) || strings.Contains(said, tc.never) {
			t.Errorf("%s %s: %d\n%s", tc.client, tc.what, code, said)
		}
	}
}

// askedOf runs tandem with an Ollama that answers as engine does, and is all that is
// configured: its model small, by the name of gpu.
func askedOf(t *testing.T, engine http.Handler, typed string, args ...string) (code int, out, errs string) {
	t.Helper()
	server := httptest.NewServer(engine)
	defer server.Close()
	home := t.TempDir()
	file := filepath.Join(home, "tandem.yaml")
	text := "use: [gpu]\nproviders:\n- {name: gpu, kind: ollama, managed: false, host: '" + strings.TrimPrefix(server.URL, "http://") + "', model: small}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var o, e bytes.Buffer
	code = Main(t.Context(), append(args, "--config", file), []string{"HOME=" + home, "USERPROFILE=" + home}, strings.NewReader(typed), &o, &e)
	return code, o.String(), e.String()
}

// Settings for a gateway that does not run are shown, with a word of that.
func TestConnectSaysThatTheGatewayIsNotRunning(t *testing.T) {
	running := func(status int) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		t.Cleanup(s.Close)
		return s.URL
	}
	dead := httptest.NewServer(nil)
	dead.Close()
	for _, tc := range []struct{ what, url, want string }{
		{"nothing there", dead.URL, "nothing answers at " + dead.URL + "; start the gateway with `tandem serve`"},
		{"another server", running(http.StatusNotFound), "is not `tandem serve`"},
		{"it runs", running(http.StatusOK), ""},
		{"it runs, and knows another name", running(http.StatusMisdirectedRequest), ""},
	} {
		for _, write := range []bool{false, true} {
			home := t.TempDir()
			args := []string{"connect", "zed", "--config", "none", "--url", tc.url}
			if write {
				args = append(args, "--write")
			}
			var out, errs bytes.Buffer
			code := Main(t.Context(), args, []string{"HOME=" + home, "USERPROFILE=" + home, "APPDATA=" + home}, strings.NewReader(""), &out, &errs)
			said := strings.Join(strings.Fields(errs.String()), " ")
			if code != exitOK || !strings.Contains(said, tc.want) || tc.want == "" && strings.Contains(said, "tandem serve") {
				t.Errorf("%s, --write %v: %d\n%s%s", tc.what, write, code, &out, &errs)
			}
		}
	}
}
