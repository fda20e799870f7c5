//go:build unix

package attack

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestAKilledBatchLosesNothing kills `tandem batch` and `tandem batch resume` with
// SIGKILL at random moments until the batch has finished, and begins another one. No
// row is lost or doubled, the order is kept, and no more calls are repeated than were
// under way.
func TestAKilledBatchLosesNothing(t *testing.T) {
	const rows, atOnce = 80, 4
	r := random(t)
	server := newRowServer(t)
	h := newHome(t, server.config())
	kills, batches, repeated, most := 0, 0, 0, 0
	for kills < tries(25, 500) {
		batches++
		name := fmt.Sprintf("b%d", batches)
		rowFile(t, h, name, rows)
		before := server.total()
		for tried := 0; ; tried++ {
			args := next(t, h, name)
			if args == nil {
				break
			}
			if tried == 300 {
				t.Fatalf("the batch %s does not come to its end", name)
			}
			o := killed(t, h, time.Duration(r.IntN(140))*time.Millisecond, args...)
			if o.crashed() || o.code > 0 {
				t.Fatalf("%v: exit code %d, %s", args, o.code, o.stderr)
			}
			if o.code == -1 {
				kills++
			}
		}
		if err := answersOf(h, name, rows); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		again := server.total() - before - rows
		repeated += again
		most = max(most, again)
	}
	if bound := kills * 2 * atOnce; repeated > bound {
		t.Errorf("%d calls were repeated after %d kills, of at most %d under way", repeated, kills, bound)
	}
	if where := h.leaked(t, outcome{}); where != nil {
		t.Errorf("the key stands in %v", where)
	}
	t.Logf("%d kills of %d batches of %d rows: %d calls repeated, %.2f a kill, at most %d in a batch", kills, batches, rows, repeated, float64(repeated)/float64(kills), most)
}

// batchProcess is `tandem batch`, or what goes on with it, while it runs.
type batchProcess struct {
	cmd   *exec.Cmd
	errs  *bytes.Buffer
	ended chan struct{}
}

// startBatch starts the batch b, and returns when it has asked so many rows.
func startBatch(t *testing.T, h *home, server *rowServer, calls int) *batchProcess {
	t.Helper()
	return startProcess(t, h, server.after(calls), next(t, h, "b")...)
}

// startProcess starts tandem, and returns when ready is closed.
func startProcess(t *testing.T, h *home, ready <-chan struct{}, args ...string) *batchProcess {
	t.Helper()
	p := &batchProcess{ended: make(chan struct{})}
	p.cmd, _, p.errs = h.command(t.Context(), append([]string{program}, args...)...)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.ended)
	}()
	select {
	case <-ready:
	case <-p.ended:
		t.Fatalf("%v ended before it had asked so often: exit code %d, %s", args, p.cmd.ProcessState.ExitCode(), p.errs)
	}
	return p
}

// wait waits for its end.
func (p *batchProcess) wait() { <-p.ended }

// TestASignalEndsABatchInOrder sends a batch the signals that end it: what runs is
// stored, so that no call is repeated, and it says how to go on.
func TestASignalEndsABatchInOrder(t *testing.T) {
	for _, c := range []struct {
		signal os.Signal
		code   int
	}{{os.Interrupt, 130}, {syscall.SIGTERM, 143}, {syscall.SIGHUP, 129}} {
		const rows = 400
		server := newRowServer(t)
		h := newHome(t, server.config())
		rowFile(t, h, "b", rows)
		b := startBatch(t, h, server, 40)
		if err := b.cmd.Process.Signal(c.signal); err != nil {
			t.Fatal(err)
		}
		b.wait()
		if code := b.cmd.ProcessState.ExitCode(); code != c.code || !strings.Contains(b.errs.String(), "continue with `tandem batch resume ") {
			t.Errorf("%v: exit code %d, %s", c.signal, code, b.errs)
		}
		if state, done := batchState(t, h); state != "waiting" || done != server.total() || done >= rows {
			t.Errorf("%v: %s, %d rows of %d calls", c.signal, state, done, server.total())
		}
		if o := h.run(t, "batch", "resume"); o.code != 0 {
			t.Errorf("%v: exit code %d, %s", c.signal, o.code, o.stderr)
		}
		if err := answersOf(h, "b", rows); err != nil || server.total() != rows {
			t.Errorf("%v: %v, %d calls for %d rows", c.signal, err, server.total(), rows)
		}
	}
}

// TestAnotherProcessStopsABatch cancels a batch that runs, which then goes on, and is
// run by one process at a time.
func TestAnotherProcessStopsABatch(t *testing.T) {
	const rows = 2000
	server := newRowServer(t)
	h := newHome(t, server.config())
	rowFile(t, h, "b", rows)
	b := startBatch(t, h, server, 40)
	began := time.Now()
	if o := h.run(t, "batch", "resume"); o.code != 2 || !strings.Contains(o.stderr, fmt.Sprintf("is being run by process %d on ", b.cmd.Process.Pid)) {
		t.Errorf("a second process: exit code %d after %v, %s", o.code, time.Since(began), o.stderr)
	}
	if o := h.run(t, "batch", "cancel"); o.code != 0 {
		t.Errorf("exit code %d, %s", o.code, o.stderr)
	}
	b.wait()
	if code := b.cmd.ProcessState.ExitCode(); code != 3 || !strings.Contains(b.errs.String(), "it was cancelled") {
		t.Errorf("exit code %d, %s", code, b.errs)
	}
	if o := h.run(t, "batch", "resume"); o.code != 0 {
		t.Errorf("exit code %d, %s", o.code, o.stderr)
	}
	if err := answersOf(h, "b", rows); err != nil || server.total() != rows {
		t.Errorf("%v, %d calls", err, server.total())
	}
}

// TestAComparisonKilledWhileItIsJudged kills `tandem compare` when all rows have been
// answered and some judged. `tandem batch resume` judges the others, and writes the
// report: nothing is asked twice that was stored, and no flag has to be given again.
func TestAComparisonKilledWhileItIsJudged(t *testing.T) {
	const rows, before = 6, 5 // of 12 verdicts
	server := newRowServer(t)
	h := newHome(t, server.config())
	rowFile(t, h, "b", rows)
	blocked, done := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(done) })
	server.mu.Lock()
	server.called = func(r *http.Request, _, judged int) {
		if judged == before+1 {
			close(blocked)
		}
		if judged > before {
			select {
			case <-r.Context().Done():
			case <-done:
			}
		}
	}
	server.mu.Unlock()
	p := startProcess(t, h, blocked, "compare", "c.yaml", "--with", "s", "--temperature", "0,1", "--in", "b.csv", "--judge", "is it the same?", "--judge-model", "s", "-j", "1", "--html", "r.html")
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.wait()
	if state, ended := batchState(t, h); state != "waiting" || ended != 2*rows {
		t.Errorf("%s, %d rows", state, ended)
	}
	server.mu.Lock()
	server.called, server.judged = nil, 0
	server.mu.Unlock()
	o := h.run(t, "batch", "resume")
	if o.code != 0 || !strings.Contains(o.stdout, "Nothing is decided between ") {
		t.Errorf("exit code %d, %s%s", o.code, o.stdout, o.stderr)
	}
	if _, err := os.Stat(filepath.Join(h.project, "r.html")); err != nil {
		t.Error(err)
	}
	server.mu.Lock()
	defer server.mu.Unlock()
	if server.calls != 2*rows || server.judged != 2*rows-before {
		t.Errorf("%d answers and then %d verdicts were asked for, want %d and %d", server.calls, server.judged, 2*rows, 2*rows-before)
	}
	if state, _ := batchState(t, h); state != "finished" {
		t.Error(state)
	}
}
