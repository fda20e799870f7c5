package cli_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// asking is a command that asks before it does something, and how to see
// whether it did.
type asking struct {
	question string
	prepare  func(t *testing.T, f *fake, home string) *exec.Cmd
	done     func(home string) bool
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

// questions are all that allow something.
func questions() map[string]asking {
	tools := func(manner string, args ...string) func(*testing.T, *fake, string) *exec.Cmd {
		return func(t *testing.T, f *fake, home string) *exec.Cmd {
			cmd := prepared(t, f, home, "xterm", args...)
			server := filepath.Join(home, "mcp-server")
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(self, server); err != nil {
				t.Fatal(err)
			}
			text := fmt.Sprintf("use: p\nproviders:\n  - {name: p, kind: openai, base_url: '%s/%s/v1', model: big}\nmcp_servers:\n  - {name: mine, command: ['%s'], local: true, env: {RAN: '%s/ran'}}\n", f.URL, manner, server, home)
			if err := os.WriteFile(filepath.Join(home, "config.yaml"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			return cmd
		}
	}
	ran := func(home string) bool { return exists(filepath.Join(home, "ran")) }
	return map[string]asking{
		"ask --tool": {`Run it\? .*: $`, tools("calls", "ask", "--tool", "mine/repeat", `{"text":"hi"}`), ran},
		"config trust": {`Do you agree\? \[y/N\] $`, func(t *testing.T, f *fake, home string) *exec.Cmd {
			cmd := prepared(t, f, home, "xterm", "config", "trust")
			cmd.Dir = t.TempDir()
			cmd.Env = slices.DeleteFunc(cmd.Env, func(kv string) bool { return strings.HasPrefix(kv, "TANDEM_CONFIG=") })
			text := "use: [elsewhere]\nproviders:\n  - {name: elsewhere, kind: openai, base_url: 'http://198.51.100.1/v1', model: big}\n"
			if err := os.WriteFile(filepath.Join(cmd.Dir, "config.yaml"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			return cmd
		}, nil},
		"logs clear": {`Remove the whole log\? \[y/N\] $`, func(t *testing.T, f *fake, home string) *exec.Cmd {
			if out, err := prepared(t, f, home, "xterm", "ask", "-m", "ok", "hi").CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			return prepared(t, f, home, "xterm", "logs", "clear")
		}, nil},
		"chats rm": {`Remove 1.{13}, “hi”\? \[y/N\] $`, func(t *testing.T, f *fake, home string) *exec.Cmd {
			if out, err := prepared(t, f, home, "xterm", "chat", "-m", "ok", "hi").CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			return prepared(t, f, home, "xterm", "chats", "rm", "1")
		}, nil},
	}
}

// What was typed before a question is not an answer to it; what is typed then is,
// and nothing but yes is yes.
func TestQuestionsTakeNothingTypedAhead(t *testing.T) {
	f := newFake()
	defer f.Close()
	for name, q := range questions() {
		for answer, yes := range map[string]bool{
			"y\r": true, "yes\r": true, "YES\r\n": true, " y \n": true, "\r": false, "n\r": false, "yy\r": false, "yes please\r": false, "ye\x04\x04": false, "y\x04\x04": false, "\x04": false, "\x03": false,
			"y" + strings.Repeat(" ", 200) + "\r": false,
		} {
			t.Run(fmt.Sprintf("%s %.12q", name, answer), func(t *testing.T) {
				home := t.TempDir()
				s := started(t, q.prepare(t, f, home), "y\ryes\ra\ry\ny")
				s.expect(q.question)
				if q.done != nil && q.done(home) {
					t.Fatal("it was done before it was asked")
				}
				s.types(answer)
				code := s.ends()
				did := code == 0
				if q.done != nil {
					did = q.done(home)
				}
				if did != yes {
					t.Errorf("done: %v, exit code %d, shown: %q", did, code, s.all.String())
				}
				if answer == "\x03" && code != 130 {
					t.Errorf("exit code %d after Ctrl-C", code)
				}
			})
		}
	}
}

// What is piped in answers nothing.
func TestQuestionsAreNotAnsweredByAPipe(t *testing.T) {
	f := newFake()
	defer f.Close()
	for name, q := range questions() {
		t.Run(name, func(t *testing.T) {
			home := t.TempDir()
			cmd := q.prepare(t, f, home)
			_, terminal := pty(t)
			cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader("y\ny\ny\n"), terminal, terminal
			err := cmd.Run()
			if q.done == nil && err == nil || q.done != nil && q.done(home) {
				t.Error("it was done")
			}
		})
	}
}

// All of a call's arguments are shown, or it does not run.
func TestArgumentsAreShownWhole(t *testing.T) {
	f := newFake()
	defer f.Close()
	for size, shown := range map[int]bool{10: true, 5 << 10: true, 60 << 10: true, 70 << 10: false} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			home := t.TempDir()
			args, err := json.Marshal(map[string]string{"text": strings.Repeat("x", size) + "\u202e\u009b; rm -rf"})
			if err != nil {
				t.Fatal(err)
			}
			q := questions()["ask --tool"]
			cmd := q.prepare(t, f, home)
			cmd.Args = append(cmd.Args[:4], string(args))
			s := started(t, cmd, "")
			if !shown {
				s.expect(`too many to review here`)
				if s.ends(); q.done(home) {
					t.Error("it ran")
				}
				return
			}
			if got := s.expect(q.question); !strings.Contains(got, `x\u202e\u009b; rm -rf"}`) || strings.Count(got, "x") < size {
				t.Errorf("the question shows %q", got[max(0, len(got)-300):])
			}
			s.types("y\r")
			if s.ends() != 0 || !q.done(home) {
				t.Errorf("it did not run: %q", s.all.String())
			}
		})
	}
}
