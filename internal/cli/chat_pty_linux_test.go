package cli_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// session is tandem at a terminal.
type session struct {
	t    *testing.T
	keys *os.File
	cmd  *exec.Cmd
	done chan error
	mu   sync.Mutex
	all  bytes.Buffer // what came, ever
	seen int          // of it, what an expectation has passed
}

// atTerminal starts tandem at a terminal of 80 columns, with a fake as its
// providers.
func atTerminal(t *testing.T, f *fake, home string, args ...string) *session {
	t.Helper()
	return at(t, f, home, "xterm", args...)
}

// at is atTerminal, at one of that kind.
func at(t *testing.T, f *fake, home, kind string, args ...string) *session {
	t.Helper()
	return started(t, prepared(t, f, home, kind, args...), "")
}

// started starts a program at a terminal where something has been typed before.
func started(t *testing.T, cmd *exec.Cmd, before string) *session {
	t.Helper()
	return startedIn(t, 80, cmd, before)
}

// startedIn is started, at a terminal of that many columns.
func startedIn(t *testing.T, columns uint16, cmd *exec.Cmd, before string) *session {
	t.Helper()
	file, terminal := pty(t)
	if _, err := file.WriteString(before); err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(terminal.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
		t.Fatal(err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, terminal, terminal
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	terminal.Close() // the program alone has it now, so that its end is seen
	s := &session{t: t, keys: file, cmd: cmd, done: make(chan error, 1)}
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := file.Read(buf)
			s.mu.Lock()
			s.all.Write(buf[:n])
			s.mu.Unlock()
			if err != nil { // the other end is closed
				s.done <- cmd.Wait()
				return
			}
		}
	}()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return s
}

// prepared is tandem with a home of its own, and a fake as its providers.
func prepared(t *testing.T, f *fake, home, kind string, args ...string) *exec.Cmd {
	t.Helper()
	config := filepath.Join(home, "config.yaml")
	text := "use: echo\nproviders:\n"
	for _, manner := range []string{"ok", "echo", "hang", "escapes", "denied"} {
		text += fmt.Sprintf("  - {name: %s, kind: openai, base_url: %s/%[1]s/v1, model: big, local: true}\n", manner, f.URL)
	}
	text += "  - {name: far, kind: openai, base_url: 'http://192.0.2.1:9/v1', model: big}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "tandem") // the test binary serves as tandem under that name
	if err := os.Symlink(self, program); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, args...)
	cmd.Env = []string{"HOME=" + home, "XDG_STATE_HOME=" + filepath.Join(home, "state"), "TANDEM_CONFIG=" + config, "GORACE=atexit_sleep_ms=0", "TERM=" + kind, "PATH=" + os.Getenv("PATH")}
	return cmd
}

// types sends keys.
func (s *session) types(keys string) {
	s.t.Helper()
	if _, err := s.keys.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
}

// expect waits until what came since the last expectation matches, and returns
// what came up to there.
func (s *session) expect(pattern string) string {
	s.t.Helper()
	re := regexp.MustCompile(pattern)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		s.mu.Lock()
		fresh := s.all.String()[s.seen:]
		at := re.FindStringIndex(fresh)
		if at != nil {
			s.seen += at[1]
		}
		s.mu.Unlock()
		if at != nil {
			return fresh[:at[1]]
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%q does not come; what came is %q", pattern, fresh)
		}
	}
}

// ends waits for the program's end, and returns its exit code.
func (s *session) ends() int {
	s.t.Helper()
	select {
	case <-s.done:
		return s.cmd.ProcessState.ExitCode()
	case <-time.After(30 * time.Second):
		s.t.Fatal("it does not end")
		return 0
	}
}

const ready = `> \x1b\[0m\r\x1b\[2C$` // the prompt, and the cursor behind it

func TestChatAtATerminal(t *testing.T) {
	f := newFake()
	defer f.Close()
	home := t.TempDir()
	s := atTerminal(t, f, home, "chat")
	s.expect(`/help shows the commands`)
	s.expect(ready)

	// Editing, and a message of many lines.
	s.types("helo\x1b[Dl\r")
	s.expect(`\r\r\nhello\r\n`)
	s.expect(`answered by echo \(big\)`)
	s.expect(ready)
	s.types("\x1b[200~pasted\r\ntext\x1b[201~")
	s.expect(`\. text`)
	if !strings.Contains(f.last(), `"content":"hello"`) || strings.Contains(f.last(), "pasted") {
		t.Errorf("a paste was sent before Enter: %s", f.last())
	}
	s.types("\r")
	s.expect(ready)
	if !strings.Contains(f.last(), `"content":"pasted\ntext"}]`) {
		t.Errorf("a pasted message was sent as %s", f.last())
	}
	s.types("\"\"\"\rone\rtwo\"\"\"\r")
	s.expect(ready)
	if !strings.Contains(f.last(), `"content":"one\ntwo"}]`) {
		t.Errorf("a quoted message was sent as %s", f.last())
	}

	// Undo, from the history another message, and a command that is none.
	s.types("/undo\r")
	s.expect(`removed: “one two”; 2 turns left`)
	s.expect(ready)
	s.types("/undp\r")
	s.expect(`did you mean /undo\?`)
	s.expect(ready)
	s.types("\x12hello\r")
	s.expect(ready)
	if strings.Contains(f.last(), "one\\ntwo") || !strings.HasSuffix(strings.SplitN(f.last(), `}],`, 2)[0], `"content":"hello"`) {
		t.Errorf("after undo and search this was sent: %s", f.last())
	}

	// Ctrl-C ends the answer, and not the chat; the generation ends upstream.
	s.types("/model hang\r")
	s.expect(`from now on hang \(big\)`)
	s.expect(ready)
	s.types("a long one\r")
	s.expect(`\r\r\nHello`)
	s.types("not sent\r\x03\x1b[200~typed\nmeanwhile\x1b[201~") // what is typed is kept, and not sent by an Enter before Ctrl-C
	s.expect(`Interrupted; the next message marks this answer as incomplete\.`)
	s.expect(`> \x1b\[0mnot sent\r+\n\. typed\r+\n\. meanwhile`)
	select {
	case <-f.left:
	case <-time.After(10 * time.Second):
		t.Error("the generation goes on upstream")
	}
	s.types("\x15\x7f\x15\x7f\x15/model ok\r")
	s.expect(ready)
	s.types("go on\r")
	s.expect(`Hello wörld`)
	s.expect(`! ok \(big\) answered this time, echo \(big\) the last time`)
	s.expect(ready)
	if !strings.Contains(f.last(), `Hello\n\n[This answer broke off here.]`) {
		t.Errorf("the answer that broke off was sent as %s", f.last())
	}

	// In a message Ctrl-C empties it; in an empty one it leaves at the second.
	s.types("never sent\x03")
	s.expect(`\^C`)
	s.types("\x03")
	s.expect(`press Ctrl-C again`)
	s.types("\x03")
	s.expect("saved as [0-9a-z]{14}; `tandem chat -c` resumes it")
	if code := s.ends(); code != 0 {
		t.Errorf("exit code %d", code)
	}

	// It goes on, and the keyboard's end leaves.
	s = atTerminal(t, f, home, "chat", "-c")
	s.expect(`resuming [0-9a-z]{14}, “hello” \(5 turns\)`)
	s.expect(`> go on.*\r\nHello wörld\r\n`)
	s.expect(`ok \(big\) on this machine`)
	s.expect(ready)
	s.types("\x1b[A")
	s.expect(`go on`)
	s.types("\x15and now?\r")
	s.expect(`Hello wörld`)
	s.expect(ready)
	if !strings.Contains(f.last(), `"content":"pasted\ntext"`) || !strings.Contains(f.last(), `"content":"and now?"}]`) {
		t.Errorf("the conversation went on with %s", f.last())
	}
	s.types("\x04")
	if code := s.ends(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// Answers are formatted on a terminal, and a hostile one does nothing to it.
func TestChatShowsAnswers(t *testing.T) {
	f := newFake()
	defer f.Close()
	s := atTerminal(t, f, t.TempDir(), "chat", "# Rivers: **Ganges**")
	s.expect(`\x1b\[0;1;4mRivers: Ganges\x1b\[0m\r\n`)
	s.expect(ready)
	s.types("/model escapes\r")
	s.expect(ready)
	s.types("hi\r")
	got := s.expect(`answered by escapes \(big\) ·`)
	if strings.Contains(got, "owned") || strings.Contains(got, "\x1b[31m") || !strings.Contains(got, "abred") {
		t.Errorf("a hostile answer is shown as %q", got)
	}
	s.expect(ready)
	s.types("/quit\r")
	if code := s.ends(); code != 0 {
		t.Errorf("exit code %d", code)
	}

	s = atTerminal(t, f, t.TempDir(), "chat", "--plain", "**Ganges**")
	s.expect(`\*\*Ganges\*\*\r\n`)
	s.expect(ready)
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil { // from elsewhere: it ends the program
		t.Fatal(err)
	}
	if code := s.ends(); code != 130 {
		t.Errorf("exit code %d after an interrupt", code)
	}
}

// A terminal that cannot move its cursor gets lines, and nothing but lines.
func TestChatAtADumbTerminal(t *testing.T) {
	f := newFake()
	defer f.Close()
	s := at(t, f, t.TempDir(), "dumb", "chat")
	s.expect(`/help shows the commands`)
	s.expect(`> $`)
	s.types("**hello**\r")
	s.expect(`\n\*\*hello\*\*\r\n`)
	s.expect(`> $`)
	s.types("/model denied\r")
	s.expect(`> $`)
	s.types("and now?\r")
	s.expect(`denied .*401`)
	s.expect(`> $`)
	s.types("/quit\r")
	if code := s.ends(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if out := s.all.String(); strings.Contains(out, "\x1b") {
		t.Errorf("it got control sequences: %q", out)
	}
}

// What another process does with the conversation meanwhile is not lost, and
// what it makes local stays.
func TestChatGoneOnWithElsewhere(t *testing.T) {
	f := newFake()
	defer f.Close()
	home := t.TempDir()
	s := atTerminal(t, f, home, "chat")
	s.expect(ready)
	s.types("one\r")
	s.expect(ready)
	elsewhere := func(args ...string) string {
		t.Helper()
		out, err := prepared(t, f, home, "xterm", args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return string(out)
	}
	elsewhere("chat", "-c", "--local-only", "two")
	s.types("/model far\r")
	s.expect(ready)
	s.types("three\r")
	s.expect(`another tandem process has continued this conversation; from here on,\s+this is a separate one`)
	s.expect(`privacy: local`)
	s.expect(ready)
	s.types("/quit\r")
	s.ends()
	list := elsewhere("chats", "list")
	if got := regexp.MustCompile(`(?m) 2 +local +one$`).FindAllString(list, -1); len(got) != 2 {
		t.Errorf("there are these conversations:\n%s", list)
	}
}
