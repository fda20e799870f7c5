package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// suggesting answers a line by the word that it ends with, and tells the lines that it got.
func suggesting(t *testing.T) (server *httptest.Server, lines chan string) {
	lines = make(chan string, 16)
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Messages []struct{ Content string } }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || len(body.Messages) == 0 {
			t.Errorf("it was sent %+v, %v", body, err)
			return
		}
		line := body.Messages[len(body.Messages)-1].Content
		lines <- line
		answer := map[string]string{
			"please":  "Sure:\n```sh\n$ echo \x1b]0;owned\x07fi''rst\n$ touch ran\n```\n",
			"quoted":  "```\necho 'thi\n\nrd' | tr -d '\\n'\n```",
			"prose":   "You can list files with\nrm -rf, \x1b]0;owned\x07which is a tool.",
			"nothing": "```sh\n# nothing\n```",
		}[line[strings.LastIndex(line, " ")+1:]]
		switch {
		case strings.HasSuffix(line, "hang"):
			<-r.Context().Done()
			return
		case answer == "":
			http.Error(w, `{"error":{"message":"no such \u001b]0;owned\u0007luck"}}`, http.StatusBadRequest)
			return
		}
		text, err := json.Marshal(answer)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"model":"big","choices":[{"index":0,"message":{"role":"assistant","content":%s},"finish_reason":"stop"}]}`, text)
	}))
	t.Cleanup(server.Close)
	return server, lines
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
			server, lines := suggesting(t)
			config := "use: p\nproviders:\n  - {name: p, kind: openai, base_url: '" + server.URL + "/v1', model: big}\n"
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
			asked := `it's "!x" $(touch ran) ` + "`touch ran` ünï 日本 please"
			s.types(asked + "\x1be")
			if got := <-lines; got != asked {
				t.Errorf("the model was asked %q", got)
			}
			s.expect(`echo fi''rst`)
			s.expect(`touch ran`)
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
			s.types("quoted\x1be")
			s.expect(`tr -d`)
			s.types("\r")
			s.expect(`third`)
			for _, c := range []struct{ line, reason string }{
				{"failing", `no such luck`},
				{"prose", `no code block: “You can list files with rm -rf, which is a tool`},
				{"nothing", `no code block`},
			} {
				s.expect(`READY> `)
				s.types("echo ke''pt " + c.line + "\x1be")
				s.expect(strings.ReplaceAll(c.reason, " ", `\s+`))
				s.types("\r")
				s.expect(`kept ` + c.line)
			}
			s.expect(`READY> `)
			s.types("echo ke''pt hang\x1be")
			s.expect(`(asking|waiting for) p`)
			s.types("\x03")
			s.expect(`hang`)
			s.types("\r")
			s.expect(`kept hang`)
			s.expect(`READY> `)
			if shown := s.all.String(); strings.Contains(shown, "\x1b]0;owned") || strings.Contains(shown, "interrupted") {
				t.Errorf("the terminal got %q", shown)
			}
			s.types("exit\r")
			s.ends()
		})
	}
}
