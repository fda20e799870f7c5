//go:build unix

package engine

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/testengine"
)

// each runs a test on the fake and on the real Ollama.
func each(t *testing.T, f func(t *testing.T, cfg Config)) {
	t.Run("fake", func(t *testing.T) { f(t, fake(t, "")) })
	t.Run("ollama", func(t *testing.T) {
		e := testengine.Ollama(t)
		e.NeedBin(t)
		f(t, configure(t, e.Bin, "OLLAMA_MODELS="+e.ModelsDir, "OLLAMA_NOPRUNE=1"))
	})
}

func TestEnsureStartsAServerThatIsWatched(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		var said []string
		e := New(cfg)
		if st := e.Status(context.Background()); st.Answering || st.Ours || st.Log != "" {
			t.Errorf("before the start: %+v, want nothing", st)
		}
		if err := e.Ensure(context.Background(), func(s string) { said = append(said, s) }); err != nil {
			t.Fatal(err)
		}
		st := e.Status(context.Background())
		if !st.Answering || !st.Ours || !st.Watched || st.Version == "" || st.Binary == "" || st.Log == "" || st.StopsAt == nil {
			t.Errorf("after the start: %+v, want a server of ours, watched", st)
		}
		if len(said) != 1 || !strings.Contains(said[0], cfg.Host) || !strings.Contains(said[0], e.LogPath()) {
			t.Errorf("progress said %q, want one line with the host and the log", said)
		}
		if again := ensure(t, cfg); again.PID != st.PID {
			t.Errorf("a second Ensure made process %d of %d", again.PID, st.PID)
		}
	})
}

func TestTenProcessesAtOnceShareOneServer(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		var wg sync.WaitGroup
		var mu sync.Mutex
		var all bytes.Buffer
		for range 10 {
			cmd := caller(t, cfg)
			wg.Go(func() {
				out, err := cmd.CombinedOutput()
				mu.Lock()
				defer mu.Unlock()
				all.Write(out)
				if err != nil {
					t.Errorf("a caller failed: %s", out)
				}
			})
		}
		wg.Wait()
		// They have all ended; what they share stays.
		if st := ensure(t, cfg); !st.Ours || !st.Watched {
			t.Errorf("got %+v, want one server of ours", st)
		}
		if n := strings.Count(all.String(), "starts it"); n != 1 {
			t.Errorf("%d of ten callers started a server, want 1:\n%s", n, all.String())
		}
		eventually(t, "there are one supervisor and one server", func() bool {
			return len(supervisors(t)) == 1 && len(marked(t)) == 2
		})
	})
}

func TestStopEndsTheServerAndItsSupervisor(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		e := New(cfg)
		if err := e.Stop(context.Background()); err == nil || !strings.Contains(err.Error(), "no Ollama runs on "+cfg.Host) {
			t.Errorf("Stop with nothing there: %v", err)
		}
		first := ensure(t, cfg)
		if err := e.Stop(context.Background()); err != nil {
			t.Fatal(err)
		}
		if st := e.Status(context.Background()); st.Answering || st.Ours {
			t.Errorf("after Stop: %+v", st)
		}
		if second := ensure(t, cfg); second.PID == first.PID {
			t.Errorf("the process %d that was stopped serves", first.PID)
		}
	})
}

func TestAServerThatDoesNotHeedIsMadeToStop(t *testing.T) {
	t.Parallel()
	cfg := fake(t, "stubborn")
	ensure(t, cfg)
	if err := New(cfg).Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	if st := New(cfg).Status(context.Background()); st.Answering {
		t.Errorf("it still answers: %+v", st)
	}
}

func TestAnUnusedServerIsStopped(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		cfg.Idle = time.Second
		first := ensure(t, cfg)
		eventually(t, "the server and its supervisor are gone", func() bool { return len(marked(t)) == 0 })
		if st := New(cfg).Status(context.Background()); st.Answering || st.Ours {
			t.Errorf("after the idle time: %+v, want nothing", st)
		}
		if again := ensure(t, cfg); again.PID == first.PID {
			t.Errorf("process %d is there again", first.PID)
		}
	})
}

// stays fails unless the same process serves throughout.
func stays(t *testing.T, cfg Config, pid int, d time.Duration, meanwhile func()) {
	t.Helper()
	for until := time.Now().Add(d); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		meanwhile()
		if st := New(cfg).Status(context.Background()); !st.Answering || st.PID != pid {
			t.Fatalf("got %+v, want process %d serving", st, pid)
		}
	}
}

func TestAServerInUseIsNotStopped(t *testing.T) {
	t.Parallel()
	cfg := fake(t, "")
	cfg.Idle = 2 * time.Second
	st := ensure(t, cfg)
	stays(t, cfg, st.PID, 3*cfg.Idle, func() {
		if New(cfg).KeepAlive() {
			t.Error("Keep says that the server is about to stop")
		}
	})
	eventually(t, "unused, it stops", func() bool { return len(marked(t)) == 0 })
}

// Somebody else than tandem may be generating on a server of ours.
func TestAServerThatWorksForOthersIsNotStopped(t *testing.T) {
	t.Parallel()
	cfg := fake(t, "")
	cfg.Idle = 2 * time.Second
	st := ensure(t, cfg)
	ctx, cancel := context.WithCancel(context.Background())
	done := burn(ctx, cfg)
	stays(t, cfg, st.PID, 2*cfg.Idle, func() {})
	cancel()
	<-done
	eventually(t, "unused, it stops", func() bool { return len(marked(t)) == 0 })
}

func TestAnOllamaOfTheUsersIsUsedAndNeverStopped(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		cfg.Idle = time.Second
		own := exec.Command(cfg.Binary, "serve")
		own.Env = append(os.Environ(), append(cfg.Env, "OLLAMA_HOST="+cfg.Host)...)
		if err := own.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = own.Process.Kill(); _ = own.Wait() })
		e := New(cfg)
		eventually(t, "the user's server answers", func() bool { return e.Status(context.Background()).Answering })
		st := ensure(t, cfg)
		if st.Ours || st.Watched || st.PID != 0 {
			t.Errorf("got %+v, want a server that is not ours", st)
		}
		if err := e.Stop(context.Background()); err == nil || !strings.Contains(err.Error(), "not started by tandem") {
			t.Errorf("Stop: %v, want a refusal", err)
		}
		for until := time.Now().Add(2 * cfg.Idle); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
			if !e.Status(context.Background()).Answering {
				t.Fatal("the user's server was stopped")
			}
		}
		if pids := marked(t); len(pids) != 1 || pids[0] != own.Process.Pid {
			t.Errorf("processes %v, want the user's own %d alone", pids, own.Process.Pid)
		}
	})
}

// A runner that ends takes its processor time with it: the sum falls, and work
// after that is work still.
func TestWorkAfterARunnerHasEndedIsSeen(t *testing.T) {
	t.Parallel()
	cfg := fake(t, "")
	cfg.Idle = 2 * time.Second
	st := ensure(t, cfg)
	pid := runner(t, cfg, "busy")
	state, _, _ := New(cfg).ownedServer()
	eventually(t, "the runner has worked more than the rest of the test will", func() bool { return state.cpuSeconds() > 6 })
	kill(t, pid)
	ctx, cancel := context.WithCancel(context.Background())
	done := burn(ctx, cfg)
	stays(t, cfg, st.PID, 2*cfg.Idle, func() {})
	cancel()
	<-done
}
