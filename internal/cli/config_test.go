package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/cli"
)

// canaryKey must appear in no output of any command but as a header upstream.
const canaryKey = "sk-canary-DO-NOT-LEAK-7f3a"

// person is someone at a shell: a home, a project's directory, an environment.
type person struct {
	t             *testing.T
	home, project string
}

func newPerson(t *testing.T) *person {
	t.Helper()
	p := &person{t, t.TempDir(), t.TempDir()}
	for _, name := range []string{
		"XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "AppData", "OLLAMA_HOST", "OPENAI_BASE_URL", "OPENAI_ORG_ID",
		"OPENAI_PROJECT_ID", "OPENAI_API_KEY", "TANDEM_CONFIG", "TANDEM_USE", "TANDEM_PRIVACY", "TANDEM_OFFLINE", "VISUAL", "EDITOR",
	} {
		t.Setenv(name, "")
	}
	t.Setenv("HOME", p.home)
	t.Setenv("USERPROFILE", p.home)
	t.Setenv("TANDEM_KEYRING", "file")
	t.Chdir(p.project)
	return p
}

func (p *person) userFile() string {
	return filepath.Join(p.home, ".config", "tandem", "config.yaml")
}

func (p *person) write(path, text string) string {
	p.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return path
}

// run runs tandem with a piped standard input.
func (p *person) run(stdin string, args ...string) (code int, out, errOut string) {
	p.t.Helper()
	var stdout, stderr bytes.Buffer
	code = cli.Main(context.Background(), args, os.Environ(), strings.NewReader(stdin), &stdout, &stderr)
	if strings.Contains(stdout.String()+stderr.String(), canaryKey) {
		p.t.Errorf("%q shows the key:\n%s%s", args, stdout.String(), stderr.String())
	}
	return code, stdout.String(), stderr.String()
}

// expect runs tandem and checks the code, and what the two outputs hold.
func (p *person) expect(code int, inOut, inErr string, args ...string) (out string) {
	p.t.Helper()
	got, out, errOut := p.run("", args...)
	if got != code || !strings.Contains(out, inOut) || !strings.Contains(errOut, inErr) {
		p.t.Errorf("tandem %q: code %d, want %d\n--- output, wants %q\n%s\n--- errors, want %q\n%s", args, got, code, inOut, out, inErr, errOut)
	}
	return out
}

func TestConfigShowAndExplain(t *testing.T) {
	p := newPerson(t)
	p.write(p.userFile(), "temperature: 1\nproviders:\n  - {name: openai, api_key: env:OPENAI_API_KEY}\n")
	p.write(filepath.Join(p.project, "config.yaml"), "use: [openai, local]\ntemperature: 0\n")
	t.Setenv("OPENAI_API_KEY", canaryKey)
	p.expect(0, "use: [openai, local]\ntemperature: 0\n", "", "config", "show")
	p.expect(0, "    api_key: env:OPENAI_API_KEY\n", "", "config", "show")
	var shown struct {
		Use       []string
		Providers []struct{ Name string }
	}
	if out := p.expect(0, "", "", "config", "show", "--json"); json.Unmarshal([]byte(out), &shown) != nil || len(shown.Use) != 2 || shown.Providers[0].Name != "local" {
		t.Errorf("%s: %+v", out, shown)
	}
	p.expect(0, "temperature: 0  from config.yaml:2:14\n", "", "config", "explain", "temperature")
	p.expect(0, p.userFile()+":1:14 (overridden)", "", "config", "explain", "temperature")
	p.expect(0, "from --use", "", "--use", "local", "config", "explain", "use")
	p.expect(0, "not set", "", "config", "explain", "seed")
	p.expect(0, `{"key":"seed","set":false,"value":null,"overrides":[]}`, "", "config", "explain", "seed", "--json")
	p.expect(2, "", `unknown key "temprature"; did you mean "temperature"?`, "config", "explain", "temprature")
	p.expect(2, "", "needs a key, such as `use`", "config", "explain")
}

func TestConfigPathAndCheck(t *testing.T) {
	p := newPerson(t)
	project := filepath.Join(p.project, "config.yaml")
	p.expect(0, "does not exist", "", "config", "path")
	p.expect(0, "ok: the built-in defaults\n", "", "config", "check")
	p.write(project, "temprature: 1\nuse: nobody\n")
	p.expect(0, "project  "+project, "", "config", "path")
	p.expect(0, `"role":"project"`, "", "config", "path", "--json")
	p.expect(2, "", `config.yaml:1:1: unknown key "temprature"; did you mean "temperature"?`, "config", "check")
	p.expect(2, "", `config.yaml:2:6: there is no provider "nobody"`, "config", "check")
	p.expect(2, "", `config.yaml:1:1: unknown key`, "config", "show")
	p.expect(0, "tandem ", "", "version") // which needs no configuration, and so reads none
	good := p.write(filepath.Join(p.home, "good.yaml"), "use: openai\n")
	p.expect(0, "ok: "+good+"\n", "", "config", "check", good)
	p.expect(2, "", "none.yaml: there is no such file", "config", "check", "none.yaml")
	p.expect(2, "", "takes at most a file", "config", "check", "a", "b")
	p.expect(0, "", "no file is read", "config", "path", "--config", "none")
}

func TestConfigTrust(t *testing.T) {
	p := newPerson(t)
	project := filepath.Join(p.project, "config.yaml")
	p.expect(0, "", "nothing to trust", "config", "trust")
	p.expect(2, "", "this directory has no Tandem configuration", "config", "trust", "--revoke")
	p.write(project, "use: openai\nproviders:\n  - {name: openai, base_url: https://llm.example/v1}\n")
	p.expect(2, "", "config.yaml:3:30: this project wants to send prompts and the key env:OPENAI_API_KEY to https://llm.example:443/v1", "ask", "hello")
	p.expect(0, "use: [openai]", "not trusted", "config", "show")
	p.expect(2, "", "run `tandem config trust` if you agree", "config", "check")
	p.expect(2, "config.yaml:3:30: it wants to send prompts and the key env:OPENAI_API_KEY to https://llm.example:443/v1\n", "run `tandem config trust --yes`", "config", "trust")
	p.expect(0, "it wants to send", "trusted "+project, "config", "trust", "--yes")
	p.expect(0, "it wants to send", "already trusted", "config", "trust")
	p.expect(0, "ok: ", "", "config", "check")
	p.expect(0, "", "is no longer trusted", "config", "trust", "--revoke")
	p.expect(0, "", "was not trusted", "config", "trust", "--revoke")
	p.expect(2, "", "this project wants", "config", "check")
}

// TestWhatHasNoEffectIsSaid: someone who loosens privacy where it is tight must
// not believe that it is loose.
func TestWhatHasNoEffectIsSaid(t *testing.T) {
	p := newPerson(t)
	p.write(p.userFile(), "privacy: local\n")
	t.Setenv("TANDEM_PRIVACY", "any")
	const warning = "warning: TANDEM_PRIVACY: privacy: any has no effect; "
	p.expect(2, "", warning, "models", "list", "nobody")
	if _, _, errOut := p.run("", "models", "list", "nobody", "--quiet"); strings.Contains(errOut, "warning") {
		t.Errorf("--quiet warns: %s", errOut)
	}
	p.expect(0, "ok: ", warning, "config", "check")
	p.expect(0, "no effect: "+p.userFile()+":1:10 sets local, which can only be tightened", "", "config", "explain", "privacy")
}

// editor makes $EDITOR a script that gets the file's name as $1.
func (p *person) editor(script string) {
	path := p.write(filepath.Join(p.home, "my editor"), "#!/bin/sh\n"+script+"\n")
	if err := os.Chmod(path, 0o700); err != nil {
		p.t.Fatal(err)
	}
	p.t.Setenv("EDITOR", `"`+path+`" --wait`)
}

func TestConfigEdit(t *testing.T) {
	p := newPerson(t)
	p.expect(2, "", "set $EDITOR", "config", "edit")

	p.editor(`test "$1" = --wait && grep -q "use: local" "$2" && echo "use: openai" > "$2"`)
	p.expect(0, "", "wrote "+p.userFile(), "config", "edit")
	if data, _ := os.ReadFile(p.userFile()); string(data) != "use: openai\n" {
		t.Errorf("wrote %q", data)
	}
	p.editor("true")
	p.expect(0, "", "nothing was changed", "config", "edit")

	p.editor(`echo "api_kye: ` + canaryKey + `" > "$2"`)
	code, _, errOut := p.run("", "config", "edit")
	if code != 2 || !strings.Contains(errOut, p.userFile()+":1:1: unknown key \"api_kye\"") || !strings.Contains(errOut, "was not changed") {
		t.Errorf("a broken file: %d, %s", code, errOut)
	}
	if data, _ := os.ReadFile(p.userFile()); string(data) != "use: openai\n" {
		t.Errorf("a broken file took the good one's place: %q", data)
	}
	_, kept, ok := strings.Cut(strings.TrimSpace(errOut), "your text is in ")
	if info, err := os.Stat(kept); !ok || err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the text is lost: %q, %v", kept, err)
	}
	os.RemoveAll(filepath.Dir(kept))

	p.editor("exit 3")
	p.expect(1, "", "failed: exit status 3. Nothing was changed", "config", "edit")
	t.Setenv("VISUAL", "true")
	p.expect(0, "", "nothing was changed", "config", "edit")

	other := filepath.Join(p.home, "other.yaml")
	p.expect(0, "", "wrote "+other, "--config", other, "config", "edit")
	if data, _ := os.ReadFile(other); !strings.Contains(string(data), "docs/configuration.md") {
		t.Errorf("no template: %q", data)
	}
	p.expect(2, "", "there is no configuration file to edit", "--config", "none", "config", "edit")
}
