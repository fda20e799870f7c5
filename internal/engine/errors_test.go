//go:build unix

package engine

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	psprocess "github.com/shirou/gopsutil/v4/process"
)

// refuses checks that Ensure fails in these words, and leaves no process.
func refuses(t *testing.T, cfg Config, words ...string) {
	t.Helper()
	err := New(cfg).Ensure(context.Background(), nil)
	if err == nil {
		t.Fatal("Ensure succeeded")
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q\ndoes not say %q", err, w)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error %q has more than one line", err)
	}
}

func TestAPortThatIsTaken(t *testing.T) {
	for name, handle := range map[string]http.HandlerFunc{
		"a web server":         func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"one that knows no us": http.NotFound,
		"other JSON":           func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"ok":true}`)) },
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://example.com/", http.StatusFound)
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(handle)
			defer srv.Close()
			cfg := fake(t, "")
			cfg.Host = srv.Listener.Addr().String()
			refuses(t, cfg, cfg.Host, "not Ollama", "another `host`")
		})
	}
	for name, answer := range map[string]string{"says nothing": "", "speaks something else": "SSH-2.0-OpenSSH\r\n"} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					_, _ = c.Write([]byte(answer))
					defer c.Close()
				}
			}()
			cfg := fake(t, "")
			cfg.Host = l.Addr().String()
			refuses(t, cfg, cfg.Host, "does not answer as Ollama does", "another `host`")
		})
	}
}

func TestABinaryThatCannotRun(t *testing.T) {
	file := func(mode os.FileMode, text string) string {
		path := filepath.Join(t.TempDir(), "ollama")
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, c := range map[string]struct {
		binary string
		words  []string
	}{
		"missing":        {filepath.Join(t.TempDir(), "ollama"), []string{"cannot be run", "no such file", "set `binary`"}},
		"not executable": {file(0o600, "x"), []string{"cannot be run", "permission denied", "set `binary`"}},
		"a directory":    {t.TempDir(), []string{"cannot be run", "set `binary`"}},
		"not on PATH":    {"no-such-ollama", []string{"no-such-ollama cannot be run", "not found"}},
		"no program":     {file(0o700, "\x7fELF nonsense"), []string{"exited before it answered", "ollama.log"}},
	} {
		t.Run(name, func(t *testing.T) {
			refuses(t, configure(t, c.binary), c.words...)
		})
	}
}

func TestNoOllamaAnywhere(t *testing.T) {
	cfg := configure(t, "")
	t.Setenv("PATH", t.TempDir())
	t.Setenv("TANDEM_CACHE", t.TempDir())
	if path, err := FindBinary(""); err == nil {
		t.Skipf("this machine has one in a usual place, %s", path)
	}
	if err := New(cfg).Ensure(context.Background(), nil); !errors.Is(err, ErrNoBinary) {
		t.Errorf("got %v, want ErrNoBinary", err)
	}
}

func TestTheOneThatSetUpBuiltIsFound(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("TANDEM_CACHE", t.TempDir())
	built := filepath.Join(CacheDir(), "bin", "ollama")
	if err := os.MkdirAll(filepath.Dir(built), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(built, nil, 0o700); err != nil {
		t.Fatal(err)
	}
	path, err := FindBinary("")
	if err != nil || (path != built && !slices.Contains(usualPlaces(), path)) {
		t.Errorf("got %q, %v; want %s", path, err, built)
	}
}

func TestAServerThatEndsAtOnceIsQuoted(t *testing.T) {
	cfg := fake(t, "exit")
	refuses(t, cfg, "exited before it answered", "Error: the fake is out of order", New(cfg).LogPath())
	// The next one says nothing: the words of the last are not its own.
	cfg.Env[0] = modeVariable + "=mute exit"
	refuses(t, cfg, "last log lines: fake ollama starts")
	cfg.Env[0] = modeVariable + "="
	ensure(t, cfg) // and neither is in the way
}

func TestASlowStart(t *testing.T) {
	cfg := fake(t, "silent")
	cfg.StartTimeout = 500 * time.Millisecond
	refuses(t, cfg, "did not answer", "500ms", New(cfg).LogPath())
	if !New(cfg).owned() {
		t.Error("the server that is slow was given up; it may be up in a moment")
	}
	// Somebody who comes while another waits gives up in time too.
	waits := caller(t, cfg)
	if out, err := waits.CombinedOutput(); err == nil || !strings.Contains(string(out), "did not answer") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestAStartThatIsInterrupted(t *testing.T) {
	cfg := fake(t, "silent")
	ctx, cancel := context.WithCancel(context.Background())
	err := New(cfg).Ensure(ctx, func(string) { cancel() })
	if err != context.Canceled {
		t.Errorf("got %v, want the caller's own error", err)
	}
	eventually(t, "the supervisor holds what was started", func() bool { return New(cfg).owned() })
}

func TestASupervisorThatCannotRun(t *testing.T) {
	cfg := fake(t, "")
	cfg.Supervisor = []string{"/nonexistent/tandem"}
	refuses(t, cfg, "starting the engine's supervisor", "no such file")
	cfg.Supervisor = []string{"/bin/false"}
	refuses(t, cfg, "exited 3 times without an error")
}

func TestAStateDirectoryThatCannotBeWritten(t *testing.T) {
	cfg := fake(t, "")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.Dir = filepath.Join(file, "engine")
	refuses(t, cfg, "directory of the engine's state", "not a directory", "XDG_STATE_HOME")
	cfg.Dir = t.TempDir()
	if err := os.Mkdir(New(cfg).path(startLock), 0o700); err != nil {
		t.Fatal(err)
	}
	refuses(t, cfg, "locking the engine's state", "XDG_STATE_HOME")
}

func TestALargeLogIsPutAside(t *testing.T) {
	cfg := fake(t, "")
	e := New(cfg)
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	old := bytes.Repeat([]byte("old\n"), maxLog/4+1)
	if err := os.WriteFile(e.LogPath(), old, 0o600); err != nil {
		t.Fatal(err)
	}
	ensure(t, cfg)
	aside, err := os.ReadFile(e.LogPath() + ".1")
	if err != nil || !bytes.Equal(aside, old) {
		t.Errorf("put aside: %d bytes (%v), want %d", len(aside), err, len(old))
	}
	if now, err := os.ReadFile(e.LogPath()); err != nil || !bytes.HasPrefix(now, []byte("fake ollama starts")) {
		t.Errorf("the log: %.40q (%v)", now, err)
	}
	// And while it runs.
	if err := os.WriteFile(e.LogPath(), old[:len(old)-4], 0o600); err != nil {
		t.Fatal(err)
	}
	e.rotate()
	if info, err := os.Stat(e.LogPath()); err != nil || info.Size() != int64(len(old)-4) {
		t.Errorf("a log of just the size was rotated: %v (%v)", info, err)
	}
	if err := os.WriteFile(e.LogPath(), old, 0o600); err != nil {
		t.Fatal(err)
	}
	e.rotate()
	for name, want := range map[string]int64{e.LogPath(): 0, e.LogPath() + ".1": int64(len(old))} {
		if info, err := os.Stat(name); err != nil || info.Size() != want || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v (%v), want %d bytes of mode 0600", name, info, err, want)
		}
	}
}

func TestSecretsDoNotReachTheServer(t *testing.T) {
	const canary = "sk-canary-7f3a9"
	each(t, func(t *testing.T, cfg Config) {
		for _, name := range []string{"OPENAI_API_KEY", "ANTHROPIC_AUTH_TOKEN", "AWS_SECRET_ACCESS_KEY", "DB_PASSWORD", "odd_name", "OTEL_EXPORTER_OTLP_HEADERS", "OLLAMA_API_KEY", "DATABASE_URL"} {
			t.Setenv(name, canary)
		}
		t.Setenv("OLLAMA_HOST", "127.0.0.1:9") // the configured host counts
		st := ensure(t, cfg)
		pids := marked(t)
		if len(pids) != 2 || !slices.Contains(pids, st.PID) {
			t.Fatalf("processes %v, want the supervisor's and %d", pids, st.PID)
		}
		for _, pid := range pids {
			p, err := psprocess.NewProcess(int32(pid))
			if err != nil {
				t.Fatal(err)
			}
			env, err := p.Environ()
			if err != nil || !slices.ContainsFunc(env, func(kv string) bool { return strings.HasPrefix(kv, "PATH=") }) {
				t.Fatalf("no environment of %d to look at: %v", pid, err)
			}
			if pid == st.PID && !slices.Contains(env, "OLLAMA_HOST="+cfg.Host) {
				t.Errorf("the server's OLLAMA_HOST is not %s", cfg.Host)
			}
			args, err := p.Cmdline()
			if all := strings.Join(env, "\n") + args; err != nil || strings.Contains(all, canary) {
				t.Errorf("the key reached process %d: %s", pid, all)
			}
		}
		for _, name := range []string{stateFile, "ollama.log"} {
			data, err := os.ReadFile(New(cfg).path(name))
			if err != nil || len(data) == 0 || bytes.Contains(data, []byte(canary)) {
				t.Errorf("%s: %d bytes (%v), want some without the key", name, len(data), err)
			}
		}
	})
}

func TestStateDirHasNoSeparatorsOfTheHost(t *testing.T) {
	for host, want := range map[string]string{"127.0.0.1:11434": "127.0.0.1_11434", "[::1]:11434": "__1_11434", "a/../b:1": "a_.._b_1"} {
		if got := filepath.Base(StateDir("/s", host)); got != want || filepath.Dir(StateDir("/s", host)) != "/s/engine" {
			t.Errorf("%s: %s, want /s/engine/%s", host, StateDir("/s", host), want)
		}
	}
}
