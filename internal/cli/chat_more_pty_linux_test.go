package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// wide sets the terminal's width before the program starts.
func (s *session) resize(width uint16) {
	s.t.Helper()
	if err := unix.IoctlSetWinsize(int(s.keys.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: width}); err != nil {
		s.t.Fatal(err)
	}
}

// In a chat a tool's question is answered by what is typed after it, and by nothing
// else; what allows for good holds for the next message, and Ctrl-C ends the answer.
func TestChatAsksBeforeATool(t *testing.T) {
	f := newFake()
	defer f.Close()
	for _, kind := range []string{"xterm", "dumb"} {
		for answer, runs := range map[string]bool{"y\r": true, "yes\r": true, "a\r": true, "\r": false, "n\r": false, "yy\r": false, "\x03": false} {
			if kind == "dumb" && answer == "\x03" {
				continue // there it ends the program
			}
			t.Run(fmt.Sprintf("%s %q", kind, answer), func(t *testing.T) {
				home := t.TempDir()
				q := questions()["ask --tool"]
				cmd := q.prepare(t, f, home)
				cmd.Args = []string{cmd.Args[0], "chat", "--tool", "mine/repeat"}
				cmd.Env = append(slices.DeleteFunc(cmd.Env, func(kv string) bool { return strings.HasPrefix(kv, "TERM=") }), "TERM="+kind)
				s := started(t, cmd, "")
				prompt := ready
				if kind == "dumb" {
					prompt = `> $`
				}
				s.expect(prompt)
				s.types("{\"text\":\"hi\"}\ry\ra\ry\r") // all but the first line is typed too early
				s.expect(q.question)
				if q.done(home) {
					t.Fatal("it ran before it was asked")
				}
				s.types(answer)
				switch {
				case answer == "\x03":
					s.expect(`Interrupted before any answer; this message will be left out`)
				case runs:
					s.expect(`It says: repeated hi`)
				default:
					s.expect(`It says: Error: not run: the user did not allow it`)
				}
				if q.done(home) != runs {
					t.Errorf("it ran: %v", !runs)
				}
				s.expect(prompt)
				if answer == "a\r" {
					s.types("{\"text\":\"again\"}\r")
					s.expect(`It says: repeated again`)
					s.expect(prompt)
				}
				s.types("/quit\r")
				if code := s.ends(); code != 0 {
					t.Errorf("exit code %d", code)
				}
				harmless(t, s.all.String())
			})
		}
	}
}

// What is typed while a tool's question is open echoes, and nothing of it is a
// message afterwards.
func TestChatAnswersEcho(t *testing.T) {
	f := newFake()
	defer f.Close()
	home := t.TempDir()
	q := questions()["ask --tool"]
	cmd := q.prepare(t, f, home)
	cmd.Args = []string{cmd.Args[0], "chat", "--tool", "mine/repeat"}
	s := started(t, cmd, "")
	s.expect(ready)
	s.types("{\"text\":\"hi\"}\r")
	s.expect(q.question)
	s.types("yex\x7fs\r")
	s.expect(`yex\x08 \x08s\r+\n`)
	s.expect(`It says: repeated hi`)
	s.expect(ready)
	s.types("\x04")
	s.expect("saved as")
	s.ends()
}

// Tab completes what follows a command.
func TestChatCompletes(t *testing.T) {
	f := newFake()
	defer f.Close()
	home := t.TempDir()
	for _, name := range []string{"my cat.png", "notes.txt", "notes.md", "vile\x1b]0;owned\x07.txt", ".hidden"} {
		if err := os.WriteFile(filepath.Join(home, name), []byte("one line"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(home, "src"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := prepared(t, f, home, "xterm", "chat")
	cmd.Dir = home
	s := started(t, cmd, "")
	s.expect(ready)
	clearLine := func() {
		t.Helper()
		s.types("\x15")
		s.expect(ready)
	}
	s.types("/file no\t")
	s.expect(`/file notes\.\r`)
	s.types("\t")
	s.expect(`notes\.md  notes\.txt\r+\n`)
	s.types("t\t\r")
	s.expect(`goes with the next message: notes\.txt \(8 bytes\)`)
	s.expect(ready)
	s.types("/image my\t")
	s.expect(`/image my cat\.png`)
	clearLine()
	s.types("/file sr\t")
	s.expect(`/file src/`)
	clearLine()
	s.types("/file v\t")
	clearLine()
	s.types("/model ec\t")
	s.expect(`/model echo`)
	s.types("/b\t")
	s.expect(`/model echo/big`)
	clearLine()
	s.types("/res\t")
	s.expect(`/resume `)
	clearLine()
	s.types("/tool o\t\x15")
	s.expect(ready)
	s.types("/schema no\t")
	s.expect(`/schema notes\.`)
	clearLine()
	s.types("/mod\t\t")
	s.expect(`/model  +/models\r+\n`)
	clearLine()
	s.types("What?\r")
	s.expect(`one line`)
	s.expect(ready)
	s.types("/clear\r")
	saved := regexp.MustCompile(`saved as ([0-9a-z]{14})`).FindStringSubmatch(s.expect(`saved as [0-9a-z]{14}`))[1]
	s.expect(ready)
	s.types("/resume 1\t\r")
	s.expect("resuming " + saved)
	s.expect(`> What\? \(with notes\.txt \(8 bytes\)\)`)
	s.expect(ready)
	s.types("/rename Rivers \x1b]0;x\x07 of India\r") // keys, not text: they do nothing
	s.expect(`this conversation is now “Rivers`)
	s.expect(ready)
	s.types("/models\r")
	s.expect(`(?s)echo.*configured`)
	s.expect(ready)
	s.types("/quit\r")
	s.ends()
	harmless(t, s.all.String())

	// Its whole id behind -c resumes it; another word is a message.
	for word, want := range map[string]string{saved: `"content":"And now?"}]`, "1234567890": `"content":"1234567890 And now?"}]`} {
		if out, err := prepared(t, f, home, "xterm", "chat", "-c", word, "And now?").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if !strings.Contains(f.last(), want) || !strings.Contains(f.last(), `What?"`) {
			t.Errorf("-c %s sent %s", word, f.last())
		}
	}
	out, err := prepared(t, f, home, "xterm", "chat", "-c", saved[:13]+"u", "And now?").CombinedOutput() // u: no id has it
	if err == nil || !strings.Contains(string(out), "there is no conversation") {
		t.Errorf("an id that nothing has: %v: %s", err, out)
	}
}

// What is shown of a conversation that is resumed is its end, and it does nothing
// to the terminal, whatever a model, a file's name or a title has in it.
func TestChatResumes(t *testing.T) {
	f := newFake()
	defer f.Close()
	home := t.TempDir()
	name := filepath.Join(home, "f\x1b[35m\u202e.txt")
	if err := os.WriteFile(name, []byte("file"), 0o600); err != nil {
		t.Fatal(err)
	}
	answer := "first line\n```go\n" + strings.Repeat("code\n", 20) + "last code\n```\n**end** \x1b[35m\x1b]0;owned\x07\u202e"
	if out, err := prepared(t, f, home, "xterm", "chat", "-f", name, answer).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, width := range []uint16{40, 80, 120} {
		cmd := prepared(t, f, home, "xterm", "chat", "-c")
		s := started(t, cmd, "")
		s.resize(width)
		s.expect(`resuming`)
		s.expect(`lines above`)
		got := s.expect(`/help shows the commands`)
		if strings.Contains(got, "first line") || !strings.Contains(got, "last code") || !strings.Contains(got, "\x1b[0;1mend") {
			t.Errorf("%d columns: it shows %q", width, got)
		}
		s.expect(ready)
		s.types("/help\r")
		s.expect(`The conversation`)
		s.expect(ready)
		s.types("/quit\r")
		s.ends()
		harmless(t, s.all.String())
	}
}

// The clipboard gets what we write, and no sequence of a model's.
func TestChatCopies(t *testing.T) {
	f := newFake()
	defer f.Close()
	s := atTerminal(t, f, t.TempDir(), "chat", "```\nls -l\n```")
	s.expect(ready)
	s.types("/copy code\r")
	s.expect("\x1b\\]52;c;bHMgLWw=\x07")
	s.expect(ready)
	s.types("/extract\r")
	s.expect(`\nls -l\r\n`)
	s.expect(ready)
	s.types("/model escapes\r")
	s.expect(ready)
	s.types("hi\r")
	s.expect(ready)
	s.types("/copy\r")
	s.expect("\x1b\\]52;c;YWJyZWRjCmQ=\x07") // abredc, d
	s.expect(ready)
	s.types("/quit\r")
	s.ends()
}

// A conversation that stays on this machine fetches no page from elsewhere, although
// the configuration would allow it.
func TestALocalConversationFetchesNoPage(t *testing.T) {
	f := newFake()
	defer f.Close()
	s := atTerminal(t, f, t.TempDir(), "chat")
	s.expect(`> `)
	s.types("/local\r")
	s.expect(`stays on this machine`)
	for _, address := range []string{"http://192.0.2.1/?q=secret", "https://outside.invalid/"} {
		s.types("/file " + address + "\r")
		s.expect(`the\s+prompt\s+must\s+stay\s+on\s+this\s+machine`)
	}
	s.types("/exit\r")
	s.ends()
}
