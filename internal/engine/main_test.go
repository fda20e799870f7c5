//go:build unix

package engine

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	psprocess "github.com/shirou/gopsutil/v4/process"
	"go.uber.org/goleak"
)

// The test binary plays all the parts: under the name ollama it is a small
// server in Ollama's place, and as supervise or ensure it is a process of
// tandem's. So everything but Ollama itself is tested everywhere.
const (
	asSupervisor = "supervise-for-tests"
	asCaller     = "ensure-for-tests"
	modeVariable = "TANDEM_FAKE_OLLAMA"   // what the fake does, see fakeOllama
	markVariable = "TANDEM_ENGINE_MARK"   // names the test whose process it is
	callVariable = "TANDEM_ENGINE_CALLER" // a caller's Config

	// The race detector would have each process sleep a second before it ends.
	noSleep = "GORACE=atexit_sleep_ms=0"
)

func TestMain(m *testing.M) {
	switch {
	case filepath.Base(os.Args[0]) == "ollama":
		fakeOllama(os.Getenv(modeVariable))
	case len(os.Args) > 1 && os.Args[1] == asSupervisor:
		supervise(os.Args[2:])
	case len(os.Args) > 1 && os.Args[1] == asCaller:
		call()
	default:
		goleak.VerifyTestMain(m)
	}
}

// fakeOllama answers as Ollama does to /api/version. POST /burn keeps a
// processor busy until the caller goes away; POST /runner starts a child that
// never ends by itself, and tells its process id.
func fakeOllama(mode string) {
	fmt.Fprintln(os.Stderr, "fake ollama starts")
	switch {
	case len(os.Args) > 2 && os.Args[2] == "busy":
		for range uint64(1) << 62 { //nolint:revive // it burns
		}
	case os.Args[1] == "runner", mode == "silent":
		select {}
	case mode == "exit":
		fmt.Fprintln(os.Stderr, "Error: the fake is out of order")
		os.Exit(1)
	case mode == "mute exit":
		os.Exit(1)
	case mode == "stubborn":
		signal.Ignore(syscall.SIGTERM)
	case mode == "dawdle":
		term := make(chan os.Signal, 1)
		signal.Notify(term, syscall.SIGTERM)
		go func() {
			<-term
			time.Sleep(700 * time.Millisecond)
			os.Exit(0)
		}()
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/api/version", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"version":"0.17.4"}`) })
	mux.HandleFunc("POST /burn", func(_ http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil { //nolint:revive // it burns
		}
	})
	mux.HandleFunc("POST /runner", func(w http.ResponseWriter, r *http.Request) {
		cmd := exec.Command(os.Args[0], "runner", r.URL.RawQuery)
		if err := cmd.Start(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprint(w, cmd.Process.Pid)
	})
	fmt.Fprintln(os.Stderr, "Error:", http.ListenAndServe(os.Getenv("OLLAMA_HOST"), mux)) //nolint:gosec // for tests
	os.Exit(1)
}

func supervise(args []string) {
	var cfg Config
	f := flag.NewFlagSet("", flag.ExitOnError)
	f.StringVar(&cfg.Host, "host", "", "")
	f.StringVar(&cfg.Dir, "dir", "", "")
	f.StringVar(&cfg.Binary, "binary", "", "")
	f.DurationVar(&cfg.Idle, "idle", 0, "")
	_ = f.Parse(args)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if Supervise(ctx, cfg) != nil {
		os.Exit(1)
	}
}

// call is a process that needs the server once, and ends.
func call() {
	var cfg Config
	if err := json.Unmarshal([]byte(os.Getenv(callVariable)), &cfg); err != nil {
		panic(err)
	}
	if err := New(cfg).Ensure(context.Background(), func(string) { fmt.Println("starts it") }); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// fake is the configuration of an engine whose Ollama is the fake.
func fake(t *testing.T, mode string) Config {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(t.TempDir(), "ollama")
	if err := os.Symlink(self, bin); err != nil {
		t.Fatal(err)
	}
	return configure(t, bin, modeVariable+"="+mode)
}

// configure is the configuration of an engine on a port of its own. When the
// test ends, nothing of it may be left but what Stop ends.
func configure(t *testing.T, bin string, env ...string) Config {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	host := freeHost(t)
	cfg := Config{
		Host: host, Binary: bin, Idle: time.Hour, Dir: StateDir(t.TempDir(), host),
		Env: append(env, markVariable+"="+t.Name(), noSleep), Supervisor: []string{self, asSupervisor},
	}
	t.Cleanup(func() {
		if e := New(cfg); e.owned() {
			if err := e.Stop(context.Background()); err != nil {
				t.Errorf("stopping what the test started: %v", err)
			}
		}
		eventually(t, "every process of the test ends", func() bool { return len(marked(t)) == 0 })
		for _, pid := range marked(t) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	return cfg
}

func (e *Engine) owned() bool { _, _, ok := e.ownedServer(); return ok }

func freeHost(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// marked are the processes that the running test started, at any remove.
func marked(t *testing.T) (pids []int) {
	t.Helper()
	all, err := psprocess.Processes()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		env, err := p.Environ()
		if _, ended := birthOf(int(p.Pid)); err == nil && ended == nil && slices.Contains(env, markVariable+"="+t.Name()) {
			pids = append(pids, int(p.Pid))
		}
	}
	return pids
}

// supervisors are the processes of marked that supervise.
func supervisors(t *testing.T) (pids []int) {
	t.Helper()
	for _, pid := range marked(t) {
		if p, err := psprocess.NewProcess(int32(pid)); err == nil {
			if line, err := p.Cmdline(); err == nil && strings.Contains(line, asSupervisor) {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

func kill(t *testing.T, pids ...int) {
	t.Helper()
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatalf("kill -9 %d: %v", pid, err)
		}
	}
}

// eventually fails the test when ok does not become true. The limit is for
// what never comes, not for what comes late.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Errorf("not seen within 30 s: %s", what)
}

// caller runs Ensure in a process of its own.
func caller(t *testing.T, cfg Config) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, asCaller)
	cmd.Env = append(os.Environ(), callVariable+"="+string(data), noSleep)
	return cmd
}

func ensure(t *testing.T, cfg Config) Status {
	t.Helper()
	e := New(cfg)
	if err := e.Ensure(context.Background(), nil); err != nil {
		t.Fatalf("Ensure: %v", err)
	}
	st := e.Status(context.Background())
	if !st.Answering {
		t.Fatalf("after Ensure nothing answers: %+v", st)
	}
	return st
}
