package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// shells are those in which completion is tried at a terminal, and how each
// starts with nothing but tandem's script. Bash is on every machine that runs
// these tests; of the others, those that are installed.
func shells() map[string]func(home string) ([]string, error) {
	write := func(file, text string) error { return os.WriteFile(file, []byte(text), 0o600) }
	return map[string]func(home string) ([]string, error){
		"bash": func(home string) ([]string, error) {
			rc := filepath.Join(home, "bashrc")
			return []string{"--noprofile", "--rcfile", rc, "-i"}, write(rc, "PS1='$ '\nbind 'set enable-bracketed-paste off'\nbind 'set bell-style none'\nsource <(tandem completion bash)\necho all ready\n")
		},
		"zsh": func(home string) ([]string, error) {
			return []string{"-i"}, write(filepath.Join(home, ".zshrc"), "PS1='$ '\nunsetopt zle_bracketed_paste 2>/dev/null\nautoload -Uz compinit\ncompinit -u -D\nsource <(tandem completion zsh)\necho all ready\n")
		},
		"fish": func(home string) ([]string, error) {
			rc := filepath.Join(home, "rc.fish")
			return []string{"-i", "--no-config", "-C", "source " + rc}, write(rc, "function fish_prompt; echo '$ '; end\nset -g fish_autosuggestion_enabled 0\nfunction fish_greeting; end\ntandem completion fish | source\necho all ready\n")
		},
	}
}

// A real shell completes to models (whose names have colons), providers, inputs of
// the chain on the line and files, and nothing is sent anywhere.
func TestCompletionInShells(t *testing.T) {
	for name, start := range shells() {
		t.Run(name, func(t *testing.T) {
			path := shellPath(t, name)
			f := newFake()
			defer f.Close()
			home := t.TempDir()
			cmd := prepared(t, f, home, "xterm")
			bin := filepath.Dir(cmd.Path)
			chain := "inputs: {country: {type: text}, city: {}}\nsteps:\n  - {name: a, prompt: 'In {country} is {city}'}\n"
			config := "use: local\nproviders:\n  - {name: local, kind: ollama, host: '" + f.URL + "/stocked', model: 'qwen3:8b', managed: false}\n  - {name: farther, kind: openai, base_url: 'http://192.0.2.1:9/v1', model: 'vendor/big:free'}\n"
			for file, text := range map[string]string{"places.yaml": chain, "notes.txt": "", "tandem.yaml": config} {
				if err := os.WriteFile(filepath.Join(home, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			args, err := start(home)
			if err != nil {
				t.Fatal(err)
			}
			shell := exec.Command(path, args...)
			shell.Dir = home
			shell.Env = []string{
				"HOME=" + home, "ZDOTDIR=" + home, "XDG_STATE_HOME=" + filepath.Join(home, "state"), "XDG_CONFIG_HOME=" + filepath.Join(home, "xdg"), "XDG_DATA_HOME=" + filepath.Join(home, "data"),
				"TANDEM_CONFIG=" + filepath.Join(home, "tandem.yaml"), "TERM=xterm", "PATH=" + bin + ":" + os.Getenv("PATH"), "LC_ALL=C.UTF-8",
			}
			s := started(t, shell, "")
			s.expect(`all ready`)
			for _, c := range []struct{ typed, completed string }{
				{"tandem ask -m old", `er:1b`},
				{"tandem ask -m older:", `1b`},
				{"tandem ask -m farther/", `vendor/big:free`},
				{"tandem ask --use fa", `rther`},
				{"tandem run places.yaml -p co", `untry=`},
				{"tandem ask -f no", `tes\.txt`},
				{"tandem ask --think me", `dium`},
				{"tandem config explain providers.farther.ba", `se_url`},
			} {
				s.tab(c.typed, c.completed)
			}
			s.types("exit\r")
			s.ends()
			if n := f.hits.Load(); n != 0 {
				t.Errorf("%d generations were asked for", n)
			}
		})
	}
}

// shellPath is where a shell is. `make test` brings those that are missing.
func shellPath(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err != nil && (name == "bash" || os.Getenv("TANDEM_REQUIRE_ENGINES") != ""):
		t.Fatalf("%s is not on PATH: `make test` brings it, and so does apt-get install %[1]s", name)
	case err != nil:
		t.Skipf("%s is not on PATH: `make test` brings it, and so does apt-get install %[1]s", name)
	}
	return path
}

// tabTime is how long a Tab may take.
const tabTime = 3 * time.Second

// tab types a line and Tab until the line is completed so, and drops the line. On
// a busy machine the first Tab may come to nothing: completion ends after its time.
func (s *session) tab(typed, completed string) {
	s.t.Helper()
	s.types(typed)
	s.expect(regexp.QuoteMeta(typed[len(typed)-2:]))
	for range 10 {
		s.types("\t")
		if s.comes(completed, tabTime) {
			s.types("\x15\r") // the line is dropped
			s.expect(`\$ `)
			return
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.t.Errorf("%s<Tab> is not completed to %s: %q", typed, completed, s.all.String()[s.seen:])
	s.types("\x15\r")
}

// comes reports whether what came since the last expectation matches in time.
func (s *session) comes(pattern string, within time.Duration) bool {
	re := regexp.MustCompile(pattern)
	for end := time.Now().Add(within); ; time.Sleep(5 * time.Millisecond) {
		s.mu.Lock()
		at := re.FindStringIndex(s.all.String()[s.seen:])
		if at != nil {
			s.seen += at[1]
		}
		s.mu.Unlock()
		if at != nil || time.Now().After(end) {
			return at != nil
		}
	}
}
