//go:build unix

package engine

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"github.com/tandem-llm/tandem/internal/httpx"
)

// Who asks whether a supervisor lives holds its lock for a moment. One that
// starts just then must not take that for another supervisor.
func TestAQuestionDoesNotKeepASupervisorFromStarting(t *testing.T) {
	cfg := fake(t, "")
	e := New(cfg)
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	question := flock.New(e.path(supervisorLock))
	if ok, err := question.TryLock(); !ok {
		t.Fatal(err)
	}
	t.Setenv(modeVariable, "")
	t.Setenv(markVariable, t.Name())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Supervise(ctx, cfg) }()
	time.Sleep(50 * time.Millisecond)
	_ = question.Close()
	eventually(t, "the server is started", func() bool { return e.Status(ctx).Answering })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A supervisor that is stopping an idle server lives for a while yet. Who needs
// the server then must not wait for it in vain.
func TestEnsureWhileTheSupervisorIsStopping(t *testing.T) {
	cfg := fake(t, "dawdle") // stopping takes its time
	first := ensure(t, cfg)
	e := New(cfg)
	st, _, _ := e.ownedServer()
	st.Stopping = true
	if err := e.saveState(st); err != nil {
		t.Fatal(err)
	}
	if !e.KeepAlive() {
		t.Error("Keep does not say that the server is being stopped")
	}
	// What the supervisor does on its way out.
	stopped := make(chan error, 1)
	go func() { stopped <- stopTree(context.Background(), st) }()
	second := ensure(t, cfg)
	if second.PID == first.PID {
		t.Errorf("process %d was taken, which is being stopped", first.PID)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// A server that ends drops the question it was just asked; its successor listens
// by the time that is looked into, and is no other program.
func TestAServerThatReplacesAnotherIsNotAnotherProgram(t *testing.T) {
	cfg := fake(t, "")
	l, err := net.Listen("tcp", cfg.Host)
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int32
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 1 {
			panic(http.ErrAbortHandler) // the end of the old one
		}
		_, _ = w.Write([]byte(`{"version":"0.17.4"}`))
	})}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	defer func() { _ = srv.Close(); <-served }()
	if err := New(cfg).Ensure(t.Context(), nil); err != nil {
		t.Errorf("Ensure: %v", err)
	}
}

// A supervisor killed between its word and its deed must not make a server
// unusable for good.
func TestAServerThatWasNotStoppedAfterAllIsUsed(t *testing.T) {
	cfg := fake(t, "")
	first := ensure(t, cfg)
	kill(t, supervisors(t)...)
	e := New(cfg)
	st, _, _ := e.ownedServer()
	st.Stopping = true
	if err := e.saveState(st); err != nil {
		t.Fatal(err)
	}
	if second := ensure(t, cfg); second.PID != first.PID {
		t.Errorf("process %d in place of %d", second.PID, first.PID)
	}
	eventually(t, "the new supervisor clears the mark", func() bool { st, _, ok := e.ownedServer(); return ok && !st.Stopping })
}

// Whoever has noted a use before the supervisor's mark is heard.
func TestAUseInTheLastMomentIsSeen(t *testing.T) {
	cfg := fake(t, "")
	cfg.Idle = 300 * time.Millisecond
	e := New(cfg)
	for range 20 {
		if err := e.Ensure(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		if _, err := e.loadState(); err != nil {
			continue // on a busy machine the supervisor has not noted the server yet, or has stopped it again
		}
		kept := time.Now()
		if e.KeepAlive() {
			continue // it says so: the caller starts it again
		}
		// Where nothing listens the caller starts it, too: on a busy machine it was
		// idle before Keep was asked, or has been since.
		if _, err := e.version(context.Background()); err != nil && !httpx.Refused(err) && time.Since(kept) < cfg.Idle {
			t.Fatalf("Keep promised a server, and it goes away: %v", err)
		}
		time.Sleep(cfg.Idle - 10*time.Millisecond)
	}
}

// The process id is on disk before the server runs: a supervisor killed
// between the two leaves no server that nobody knows.
func TestASupervisorKilledBeforeItKnowsTheServerLeavesNone(t *testing.T) {
	cfg := fake(t, "")
	cmd, gate, err := gated(cfg.Binary)
	if err != nil || gate == nil {
		t.Fatal("no gate", err)
	}
	cmd.Env = append(os.Environ(), append(cfg.Env, "OLLAMA_HOST="+cfg.Host)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	gate.Close() // what the supervisor's death does
	_ = cmd.Wait()
	if pids := marked(t); len(pids) != 0 {
		t.Errorf("processes %v are left", pids)
	}
}

func TestStateIsReadableByItsOwnerOnly(t *testing.T) {
	cfg := fake(t, "")
	ensure(t, cfg)
	entries, err := os.ReadDir(cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			continue
		}
		seen++
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %04o, want 0600", entry.Name(), info.Mode().Perm())
		}
	}
	if info, err := os.Stat(cfg.Dir); err != nil || info.Mode().Perm() != 0o700 || seen < 4 {
		t.Errorf("the directory: %v (%v), %d files; want mode 0700", info.Mode(), err, seen)
	}
	data, err := os.ReadFile(New(cfg).path(stateFile))
	var st state
	if err != nil || json.Unmarshal(data, &st) != nil || st.PID == 0 {
		t.Errorf("state %q (%v)", data, err)
	}
}
