package cli_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is tandem with its output in pipes, and a priced fake.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	out  io.ReadCloser
	errs bytes.Buffer
}

func begun(t *testing.T, f *fake, home, first string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: prepared(t, f, home, "dumb", args...)}
	priced(t, f, home)
	if first != "" { // through a shell that does something first
		p.cmd.Args = append([]string{"sh", "-c", first + `; exec "$0" "$@"`, p.cmd.Path}, args...)
		p.cmd.Path = "/bin/sh"
	}
	var err error
	if p.out, err = p.cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	p.cmd.Stderr = &p.errs
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	return p
}

// priced gives the fakes a price.
func priced(t *testing.T, f *fake, home string) {
	t.Helper()
	text := "use: ok\nproviders:\n"
	for _, manner := range []string{"ok", "hang"} {
		text += "  - {name: " + manner + ", kind: openai, base_url: " + f.URL + "/" + manner + "/v1, model: big, price: {input: 1, output: 1}}\n"
	}
	if err := os.WriteFile(filepath.Join(home, "config.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// says waits for words on standard output.
func (p *process) says(want string) {
	p.t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(p.out, got); err != nil || string(got) != want {
		p.t.Fatalf("it says %q, %v; standard error: %s", got, err, p.errs.String())
	}
}

func (p *process) signal(sigs ...syscall.Signal) {
	p.t.Helper()
	for _, s := range sigs {
		if err := p.cmd.Process.Signal(s); err != nil {
			p.t.Fatal(err)
		}
	}
}

// ends waits for the end, and returns the exit code and what was said last.
func (p *process) ends() (code int, rest string) {
	p.t.Helper()
	late := time.AfterFunc(30*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	data, err := io.ReadAll(p.out)
	if err != nil {
		p.t.Fatal(err)
	}
	_ = p.cmd.Wait() // its code is what matters
	return p.cmd.ProcessState.ExitCode(), string(data)
}

// object runs a command and returns the object that it prints.
func object(t *testing.T, f *fake, home string, v any, args ...string) {
	t.Helper()
	p := begun(t, f, home, "", args...)
	code, out := p.ends()
	if err := json.Unmarshal([]byte(out), v); err != nil || code != 0 {
		t.Fatalf("%v: exit code %d, %v: %s%s", args, code, err, out, p.errs.String())
	}
}

type shown struct {
	Calls []struct {
		Answer string
		Error  struct{ Kind string }
	}
}

// broken checks that the newest run is one that broke off after some words, and
// that it counts.
func broken(t *testing.T, f *fake, home, answer string) {
	t.Helper()
	var run shown
	object(t, f, home, &run, "logs", "show", "--json")
	if len(run.Calls) != 1 || run.Calls[0].Answer != answer || run.Calls[0].Error.Kind != "interrupted" {
		t.Errorf("the log has %+v", run)
	}
	var cost struct{ Today struct{ Calls int } }
	object(t, f, home, &cost, "cost", "--json")
	if cost.Today.Calls != 1 {
		t.Errorf("%d calls are counted", cost.Today.Calls)
	}
}

// Whatever signal ends an answer, what came of it is written down, and the exit
// code tells which it was.
func TestSignalsWriteDown(t *testing.T) {
	f := newFake()
	defer f.Close()
	for _, c := range []struct {
		name  string
		first string
		sigs  []syscall.Signal
		code  int
		says  string
	}{
		{"Ctrl-C", "", []syscall.Signal{syscall.SIGINT}, 130, "interrupted"},
		{"the end", "", []syscall.Signal{syscall.SIGTERM}, 143, "SIGTERM"},
		{"a closed terminal", "", []syscall.Signal{syscall.SIGHUP}, 129, "SIGHUP"},
		{"closed, and told so more than once", "", []syscall.Signal{syscall.SIGHUP, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGTERM}, -1, "ended by"},
		{"nohup", `trap "" HUP`, []syscall.Signal{syscall.SIGHUP, syscall.SIGHUP, syscall.SIGINT}, 130, "interrupted"},
	} {
		for _, chain := range []bool{false, true} {
			t.Run(c.name, func(t *testing.T) {
				home := t.TempDir()
				args := []string{"ask", "--use", "hang", "hi"}
				if chain {
					file := filepath.Join(home, "c.yaml")
					if err := os.WriteFile(file, []byte("prompt: hi\n"), 0o600); err != nil {
						t.Fatal(err)
					}
					args = []string{"run", "--use", "hang", file}
				}
				p := begun(t, f, home, c.first, args...)
				p.says("Hello")
				p.signal(c.sigs...)
				code, _ := p.ends()
				if code != c.code && (c.code >= 0 || code != 129 && code != 143) || !strings.Contains(p.errs.String(), c.says) {
					t.Errorf("exit code %d, want %d; it says %s", code, c.code, p.errs.String())
				}
				broken(t, f, home, "Hello")
			})
		}
	}
}

// The object of --json has the exit code of the process.
func TestASignalInJSON(t *testing.T) {
	f := newFake()
	defer f.Close()
	home := t.TempDir()
	p := begun(t, f, home, "", "ask", "--use", "hang", "--json", "hi")
	for f.hits.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	p.signal(syscall.SIGTERM)
	code, out := p.ends()
	var env struct {
		Error struct {
			Kind string
			Code int `json:"exit_code"`
		}
	}
	if err := json.Unmarshal([]byte(out), &env); err != nil || code != 143 || env.Error.Code != 143 || env.Error.Kind != "interrupted" {
		t.Errorf("exit code %d, %v: %s", code, err, out)
	}
}

// Nobody reads standard output any more, as with `| head -1`: the call is
// written down, and there is nothing to complain about.
func TestNobodyReadsTheAnswer(t *testing.T) {
	f := newFake()
	defer f.Close()
	home := t.TempDir()
	p := begun(t, f, home, "", "ask", "--use", "ok", "hi")
	p.out.Close()
	_ = p.cmd.Wait() // its code is read below
	if code := p.cmd.ProcessState.ExitCode(); code != 141 || p.errs.Len() > 0 && strings.Contains(p.errs.String(), "tandem:") {
		t.Errorf("exit code %d; it says %s", code, p.errs.String())
	}
	broken(t, f, home, "Hello")
}

// heldBy locks the file as another program does, until the test ends.
func heldBy(t *testing.T, home string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(home, "state", "tandem", "tandem.db")+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback(); _ = db.Close() })
}

// atOnce is how long an end at once may take on a machine that is busy.
const atOnce = 3 * time.Second

// A second Ctrl-C ends the process at once, also while it waits for a file that
// another program keeps locked.
func TestASecondInterruptEndsAtOnce(t *testing.T) {
	f := newFake()
	defer f.Close()
	home := t.TempDir()
	if code, _ := begun(t, f, home, "", "ask", "hi").ends(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	heldBy(t, home)
	p := begun(t, f, home, "", "ask", "hi")
	p.says("Hello wörld\n")
	ended := make(chan struct{})
	go func() { defer close(ended); p.ends() }()
	began := time.Now()
	for over := false; !over; {
		_ = p.cmd.Process.Signal(syscall.SIGINT) // one that comes as it ends finds no process
		select {
		case <-ended:
			over = true
		case <-time.After(20 * time.Millisecond):
		}
	}
	if took := time.Since(began); took > atOnce || p.cmd.ProcessState.ExitCode() != 130 {
		t.Errorf("it ends after %s, with %d; it says %s", took, p.cmd.ProcessState.ExitCode(), p.errs.String())
	}
}

// At a terminal whose keys the chat reads itself it is no different, and the
// terminal is put back.
func TestASecondCtrlCInAChat(t *testing.T) {
	f := newFake()
	defer f.Close()
	home := t.TempDir()
	if code, _ := begun(t, f, home, "", "ask", "hi").ends(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	heldBy(t, home)
	s := atTerminal(t, f, home, "chat")
	s.expect(ready)
	s.types("hello\r") // it cannot be kept
	s.expect(`hello\r\x1b\[7C\r\r\n$`)
	began := time.Now()
	s.types("\x03")
	s.types("\x03")
	if code := s.ends(); code != 130 || time.Since(began) > atOnce {
		t.Errorf("exit code %d after %s; it shows %q", code, time.Since(began), s.all.String())
	}
}
