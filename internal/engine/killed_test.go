//go:build unix

package engine

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/testengine"
)

func burn(ctx context.Context, cfg Config) (done <-chan struct{}) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+cfg.Host+"/burn", nil)
		if err != nil {
			panic(err)
		}
		tr := &http.Transport{DisableKeepAlives: true}
		if resp, err := tr.RoundTrip(req); err == nil {
			resp.Body.Close()
		}
	}()
	return ended
}

// runner makes the server start a runner, which does nothing or is busy, and
// returns its process id.
func runner(t *testing.T, cfg Config, manner ...string) int {
	t.Helper()
	resp, err := http.Post("http://"+cfg.Host+"/runner?"+strings.Join(manner, ""), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()
	pid, err := strconv.Atoi(string(data))
	if err != nil {
		t.Fatalf("the fake said %q", data)
	}
	return pid
}

func lives(pid int) bool { _, err := birthOf(pid); return err == nil }

func TestAKilledCallerLeavesAStartThatGoesOn(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		cmd := caller(t, cfg)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.Contains(line, "starts it") {
			t.Fatalf("the caller said %q (%v)", line, err)
		}
		kill(t, cmd.Process.Pid) // it holds the start lock
		_ = cmd.Wait()
		ensure(t, cfg)
		eventually(t, "there is one server, watched", func() bool {
			return len(supervisors(t)) == 1 && len(marked(t)) == 2
		})
	})
}

func TestAKilledSupervisorIsReplaced(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		first := ensure(t, cfg)
		kill(t, supervisors(t)...)
		e := New(cfg)
		eventually(t, "nobody watches", func() bool { return !e.Status(context.Background()).Watched })
		cfg.Idle = time.Second
		second := ensure(t, cfg)
		if second.PID != first.PID || !second.Watched {
			t.Errorf("got %+v, want process %d, watched again", second, first.PID)
		}
		eventually(t, "the new supervisor stops it when idle", func() bool { return len(marked(t)) == 0 })
	})
}

func TestStopAfterTheSupervisorWasKilled(t *testing.T) {
	cfg := fake(t, "")
	ensure(t, cfg)
	pid := runner(t, cfg)
	kill(t, supervisors(t)...)
	if err := New(cfg).Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the runner ends with its server", func() bool { return !lives(pid) })
	if _, err := os.Stat(New(cfg).path(stateFile)); err == nil {
		t.Error("the state of the stopped server is left")
	}
}

func TestAKilledServerIsStartedAgain(t *testing.T) {
	cfg := fake(t, "")
	first := ensure(t, cfg)
	pid := runner(t, cfg)
	kill(t, first.PID)
	second := ensure(t, cfg)
	if second.PID == first.PID || !second.Watched {
		t.Errorf("got %+v, want another process than %d, watched", second, first.PID)
	}
	eventually(t, "the runner that it left ends", func() bool { return !lives(pid) })
}

// With a supervisor that took over, the server's end is seen without its
// parent's help.
func TestAServerKilledAfterATakeOverIsStartedAgain(t *testing.T) {
	cfg := fake(t, "")
	first := ensure(t, cfg)
	kill(t, supervisors(t)...)
	ensure(t, cfg)
	kill(t, first.PID)
	if second := ensure(t, cfg); second.PID == first.PID {
		t.Errorf("process %d serves, and it was killed", first.PID)
	}
}

func TestAllKilledLeavesNothingInTheWay(t *testing.T) {
	cfg := fake(t, "")
	first := ensure(t, cfg)
	pid := runner(t, cfg)
	kill(t, append(supervisors(t), first.PID)...)
	if !lives(pid) {
		t.Fatal("the fake's runner ended with it; the test tests nothing")
	}
	second := ensure(t, cfg)
	if second.PID == first.PID || !second.Ours || !second.Watched {
		t.Errorf("got %+v, want a new server of ours", second)
	}
	eventually(t, "the orphaned runner is ended", func() bool { return !lives(pid) })
}

func TestARealRunnerDoesNotOutliveItsServer(t *testing.T) {
	ollama := testengine.Ollama(t)
	ollama.NeedBin(t)
	for _, dead := range []string{"server", "server and supervisor"} {
		t.Run(dead, func(t *testing.T) {
			cfg := configure(t, ollama.Bin, "OLLAMA_MODELS="+ollama.ModelsDir, "OLLAMA_NOPRUNE=1")
			first := ensure(t, cfg)
			generate(t, cfg, ollama.Model)
			pids := marked(t)
			if len(pids) < 3 {
				t.Fatalf("processes %v, want supervisor, server and runner", pids)
			}
			victims := []int{first.PID}
			if dead != "server" {
				victims = append(supervisors(t), first.PID)
			}
			kill(t, victims...)
			ensure(t, cfg)
			eventually(t, "supervisor and server alone are left", func() bool { return len(marked(t)) == 2 })
			generate(t, cfg, ollama.Model)
		})
	}
}

func generate(t *testing.T, cfg Config, model string) {
	t.Helper()
	body := `{"model":"` + model + `","prompt":"Hi","stream":false,"options":{"num_predict":2,"num_ctx":256}}`
	tr := &http.Transport{DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: tr}).Post("http://"+cfg.Host+"/api/generate", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if data, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("generate: %d %s (%v)", resp.StatusCode, data, err)
	}
}

// A process id comes again. State that names a stranger's is not a server of ours.
func TestStateOfADeadServerDoesNotNameAStranger(t *testing.T) {
	cfg := fake(t, "")
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	stranger := exec.Command("sleep", "1000")
	stranger.SysProcAttr = grouped()
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stranger.Process.Kill(); _ = stranger.Wait() })
	e := New(cfg)
	err := e.saveState(state{process: process{PID: stranger.Process.Pid, Birth: "another boot/1"}, Binary: cfg.Binary})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Stop(context.Background()); err == nil {
		t.Error("Stop took the stranger for the server")
	}
	ensure(t, cfg)
	if !lives(stranger.Process.Pid) {
		t.Error("the stranger was killed")
	}
}

// The same where the dead server's group lives on as a stranger's.
func TestOnlyRunnersAreSweptUp(t *testing.T) {
	cfg := fake(t, "")
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	leader := exec.Command("sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $!")
	leader.SysProcAttr = grouped()
	out, err := leader.Output()
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(t, pid) })
	e := New(cfg)
	if err := e.saveState(state{process: process{PID: leader.Process.Pid, Birth: "dead"}, Binary: cfg.Binary}); err != nil {
		t.Fatal(err)
	}
	ensure(t, cfg)
	if !lives(pid) {
		t.Error("a program that is no runner was killed")
	}
}

// Garbage, and half a file, are what a crash of the machine leaves.
func TestDamagedFilesDoNotBlock(t *testing.T) {
	cfg := fake(t, "")
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{stateFile, stateFile + ".new", failedFile, usedFile, startLock, supervisorLock} {
		if err := os.WriteFile(New(cfg).path(name), []byte(`{"pid":`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if st := ensure(t, cfg); !st.Watched {
		t.Errorf("got %+v", st)
	}
}
