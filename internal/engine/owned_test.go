//go:build unix

package engine

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestOwned: each fact alone that does not fit leaves the process alone.
func TestOwned(t *testing.T) {
	const pid = 4711
	type (
		onState func(*state)
		onFacts func(*processFacts)
	)
	for name, tc := range map[string]struct {
		change any
		want   string // part of the reason; "": it is ours
	}{
		"all fits":                         {nil, ""},
		"program replaced by an update":    {onFacts(func(f *processFacts) { f.exe += " (deleted)" }), ""},
		"updated before it was noted":      {onFacts(func(f *processFacts) { f.exe, f.binary = "/opt/ollama (deleted)", "/opt/ollama" }), ""},
		"not noted yet, the binary itself": {onState(func(s *state) { s.Exe = "" }), ""},
		"no environment, but it listens":   {onFacts(func(f *processFacts) { f.env, f.listens = nil, true }), ""},

		"id 0":                      {onState(func(s *state) { s.PID = 0 }), "cannot be a server's"},
		"id 1":                      {onState(func(s *state) { s.PID = 1 }), "cannot be a server's"},
		"negative id":               {onState(func(s *state) { s.PID = -pid }), "cannot be a server's"},
		"all processes":             {onState(func(s *state) { s.PID = -1 }), "cannot be a server's"},
		"own id":                    {onFacts(func(f *processFacts) { f.self = pid }), "tandem itself"},
		"own parent":                {onFacts(func(f *processFacts) { f.parent = pid }), "what started it"},
		"ended":                     {onFacts(func(f *processFacts) { f.birth = "" }), "has ended"},
		"another start time":        {onFacts(func(f *processFacts) { f.birth = "boot/8" }), "another time"},
		"another boot":              {onFacts(func(f *processFacts) { f.birth = "later boot/7" }), "another time"},
		"no start time in the file": {onState(func(s *state) { s.Birth = "" }), "another time"},
		"another program":           {onFacts(func(f *processFacts) { f.exe = "/home/me/ollama" }), "runs /home/me/ollama"},
		"a program not told":        {onFacts(func(f *processFacts) { f.exe = "" }), "does not show"},
		"not noted yet, a script":   {func(s *state, f *processFacts) { s.Exe, f.exe = "", "/usr/bin/python3" }, "runs /usr/bin/python3"},
		"a file of older days":      {func(s *state, _ *processFacts) { s.Exe, s.Token = "", "" }, "is incomplete"},
		"no token in the file":      {func(s *state, f *processFacts) { s.Token, f.env = "", []string{tokenVariable + "="} }, "is incomplete"},
		"in another's group":        {onFacts(func(f *processFacts) { f.leads = false }), "not a group leader"},
		"a thread":                  {onFacts(func(f *processFacts) { f.leads = false }), "not a group leader"},
		"another's token":           {onFacts(func(f *processFacts) { f.env = []string{tokenVariable + "=other"} }), "token"},
		"a longer token":            {onFacts(func(f *processFacts) { f.env = []string{tokenVariable + "=secretive"} }), "token"},
		"no token, though it listens": {
			onFacts(func(f *processFacts) { f.env, f.listens = []string{"OLLAMA_HOST=127.0.0.1:1"}, true }), "token",
		},
		"neither environment nor port": {onFacts(func(f *processFacts) { f.env = nil }), "does not listen"},
	} {
		t.Run(name, func(t *testing.T) {
			st := state{process: process{PID: pid, Birth: "boot/7"}, Binary: "/usr/bin/ollama", Exe: "/opt/ollama", Token: "secret"}
			f := processFacts{self: 10, parent: 9, birth: "boot/7", exe: "/opt/ollama", binary: "/opt/ollama", leads: true, env: []string{"A=1", tokenVariable + "=secret"}}
			switch change := tc.change.(type) {
			case onState:
				change(&st)
			case onFacts:
				change(&f)
			case func(*state, *processFacts):
				change(&st, &f)
			}
			ok, why := owned(st, f)
			if ok != (tc.want == "") || !strings.Contains(why, tc.want) {
				t.Errorf("got %v, %q; want %q", ok, why, tc.want)
			}
		})
	}
}

// stranger starts a program that is none of ours: the fake under its own name,
// idle, in a group of its own, with a child in it.
func stranger(t *testing.T, env ...string) (st state, child int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(t.TempDir(), "ollama")
	if err := os.Symlink(self, bin); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", "-c", `"$0" runner >/dev/null 2>&1 & echo $!; exec "$0" runner`, bin)
	cmd.SysProcAttr = grouped()
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); _ = cmd.Wait() })
	line := make([]byte, 16)
	n, err := out.Read(line)
	if err != nil && err != io.EOF {
		t.Fatal(err)
	}
	if child, err = strconv.Atoi(strings.TrimSpace(string(line[:n]))); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the program runs", func() bool { return exeOf(cmd.Process.Pid) == exeOf(os.Getpid()) })
	birth, err := birthOf(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	return state{process: process{PID: cmd.Process.Pid, Birth: birth}, Binary: bin, Exe: exeOf(cmd.Process.Pid), Token: "a token"}, child
}

// Whatever a state file says of a stranger, neither a start nor a stop ends it,
// or a process of its group.
func TestAStrangerIsNeverKilled(t *testing.T) {
	other, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*state){
		"another boot":                func(s *state) { s.Birth = "an-earlier-boot/4711" },
		"its own birth, no token":     func(*state) {},
		"a file of older days":        func(s *state) { s.Exe, s.Token = "", "" },
		"an empty token":              func(s *state) { s.Token = "" },
		"another program":             func(s *state) { s.Exe, s.Binary = other, other },
		"another boot, another file":  func(s *state) { s.Birth, s.Binary = "x/1", other },
		"the negative of its id":      func(s *state) { s.PID = -s.PID },
		"no birth":                    func(s *state) { s.Birth = "" },
		"to be stopped as it is idle": func(s *state) { s.Stopping, s.Idle = true, 1 },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := fake(t, "")
			if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
				t.Fatal(err)
			}
			st, child := stranger(t)
			pid := st.PID
			change(&st)
			e := New(cfg)
			if err := e.saveState(st); err != nil {
				t.Fatal(err)
			}
			if err := e.Stop(context.Background()); err == nil {
				t.Error("Stop took the stranger for the server")
			}
			if why := e.Status(context.Background()).Why; !strings.Contains(why, strconv.Itoa(st.PID)) {
				t.Errorf("the status does not tell of the process: %q", why)
			}
			ensure(t, cfg)
			if err := e.Stop(context.Background()); err != nil {
				t.Error(err)
			}
			if !lives(pid) || !lives(child) {
				t.Errorf("the stranger lives: %v, its child: %v", lives(pid), lives(child))
			}
		})
	}
}

// A server that became another program, with its id, its start time and its
// environment, is not a server any more.
func TestAnotherProgramUnderTheServersID(t *testing.T) {
	st, _ := stranger(t, tokenVariable+"=a token")
	e := New(fake(t, ""))
	if ok, why := owned(st, e.inspectProcess(st)); !ok {
		t.Fatalf("the test's own server is not known: %s", why)
	}
	st.Exe = "/usr/bin/ollama"
	if ok, _ := owned(st, e.inspectProcess(st)); ok {
		t.Error("a process that runs another program is taken for the server")
	}
}

// What stands where the state should is not waited for, followed or believed.
func TestAStateFileOfAnotherKind(t *testing.T) {
	for name, put := range map[string]func(path string) error{
		"pipe":      func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"directory": func(path string) error { return os.Mkdir(path, 0o700) },
		"huge":      func(path string) error { return os.WriteFile(path, []byte(strings.Repeat(" ", 1<<20)), 0o600) },
		"list":      func(path string) error { return os.WriteFile(path, []byte("[]"), 0o600) },
		"empty":     func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"id of no int": func(path string) error {
			return os.WriteFile(path, []byte(`{"pid":99999999999999999999,"birth":"x"}`), 0o600)
		},
		"link": func(path string) error {
			if err := os.WriteFile(path+".elsewhere", []byte(`{"pid":4711,"birth":"x"}`), 0o600); err != nil {
				return err
			}
			return os.Symlink(path+".elsewhere", path)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := New(Config{Host: "127.0.0.1:1", Dir: t.TempDir()})
			if err := put(e.path(stateFile)); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			st, why, ok := e.ownedServer()
			if ok || why == "" || time.Since(began) > time.Minute {
				t.Errorf("got %+v, %q, %v", st, why, ok)
			}
			e.sweep()
			if name == "directory" {
				return // nothing takes its place
			}
			if err := e.saveState(state{Token: "new"}); err != nil {
				t.Fatal(err)
			}
			if st, err := e.loadState(); err != nil || st.Token != "new" {
				t.Errorf("then got %+v, %v", st, err)
			}
			if data, err := os.ReadFile(e.path(stateFile) + ".elsewhere"); err == nil && strings.Contains(string(data), "new") {
				t.Error("it was written through the link")
			}
		})
	}
}

// TestTheServerIsKnownAtOnce: a stop right after a start finds its server, one
// that is started by a script too.
func TestTheServerIsKnownAtOnce(t *testing.T) {
	cfg := fake(t, "")
	script := filepath.Join(t.TempDir(), "wrapper")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nexec "+cfg.Binary+" \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	cfg.Binary = script
	e := New(cfg)
	if err := e.Ensure(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	if err := e.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}
