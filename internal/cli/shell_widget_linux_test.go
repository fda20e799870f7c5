package cli_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// suggesting answers with a command that would do something to the terminal, in
// several lines; what is asked with "failing" in it, it refuses.
func suggesting(t *testing.T) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || strings.Contains(string(body), "failing") {
			http.Error(w, `{"error":{"message":"no such luck"}}`, http.StatusBadRequest)
			return
		}
		text, err := json.Marshal("Sure:\n```sh\n$ echo \x1b]0;owned\x07fi''rst\ntouch ran\n```\n")
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"model":"big","choices":[{"index":0,"message":{"role":"assistant","content":%s},"finish_reason":"stop"}]}`, text)
	}))
	t.Cleanup(s.Close)
	return s
}

// In a real shell the key puts the command on the line, runs nothing, and leaves the
// line as it was where there is no command.
func TestShellWidget(t *testing.T) {
	for shell, c := range map[string]struct {
		rc   string // the file that it reads at its start
		text string
		args []string
	}{
		"bash": {"rc", "PS1='READY> '\nbind 'set enable-bracketed-paste off'\neval \"$(tandem shell-widget bash)\"\n", []string{"--noprofile", "--rcfile", "rc", "-i"}},
		"zsh":  {".zshrc", "PS1='READY> '\neval \"$(tandem shell-widget zsh)\"\n", []string{"-i"}},
		"fish": {"rc", "function fish_prompt; echo -n 'READY> '; end\nset -g fish_autosuggestion_enabled 0\nfunction fish_greeting; end\ntandem shell-widget fish | source\n", []string{"-i", "--no-config", "-C", "source rc"}},
	} {
		t.Run(shell, func(t *testing.T) {
			path := shellPath(t, shell)
			f := newFake()
			defer f.Close()
			home := t.TempDir()
			tandem := prepared(t, f, home, "xterm")
			config := "use: p\nproviders:\n  - {name: p, kind: openai, base_url: '" + suggesting(t).URL + "/v1', model: big}\n"
			for name, text := range map[string]string{c.rc: c.text, "config.yaml": config} {
				if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.Command(path, c.args...)
			cmd.Dir = home
			cmd.Env = append(tandem.Env, "ZDOTDIR="+home, "XDG_CONFIG_HOME="+filepath.Join(home, "xdg"), "XDG_DATA_HOME="+filepath.Join(home, "data"), "LC_ALL=C.UTF-8")
			for i, kv := range cmd.Env {
				if strings.HasPrefix(kv, "PATH=") {
					cmd.Env[i] = "PATH=" + filepath.Dir(tandem.Path) + ":" + os.Getenv("PATH")
				}
			}
			s := started(t, cmd, "")
			s.expect(`READY> `)
			s.types("a file, please\x1be")
			s.expect(`echo fi''rst; touch ran`)
			if exists(filepath.Join(home, "ran")) {
				t.Fatal("it ran before Enter")
			}
			s.types("; echo se''cond\r")
			s.expect(`first\s`)
			s.expect(`second\s`)
			s.expect(`READY> `)
			if !exists(filepath.Join(home, "ran")) {
				t.Error("it did not run after Enter")
			}
			if strings.Contains(s.all.String(), "\x1b]0;owned") {
				t.Errorf("the terminal got %q", s.all.String())
			}
			s.types("echo ke''pt failing\x1be")
			s.expect(`no such luck`)
			s.expect(`failing`)
			s.types("\r")
			s.expect(`kept failing`)
			s.types("exit\r")
			s.ends()
		})
	}
}
