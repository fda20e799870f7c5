//go:build unix

package attack

import (
	"fmt"
	"os"
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
		cmd, _, errs := h.command(t.Context(), append([]string{program}, next(t, h, "b")...)...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(time.Minute); server.total() < 40 && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		if err := cmd.Process.Signal(c.signal); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != c.code || !strings.Contains(errs.String(), "continue with `tandem batch resume ") {
			t.Errorf("%v: exit code %d, %s", c.signal, code, errs)
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
	cmd, _, errs := h.command(t.Context(), append([]string{program}, next(t, h, "b")...)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); server.total() < 40 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	began := time.Now()
	if o := h.run(t, "batch", "resume"); o.code != 2 || !strings.Contains(o.stderr, fmt.Sprintf("is being run by process %d on ", cmd.Process.Pid)) {
		t.Errorf("a second process: exit code %d after %v, %s", o.code, time.Since(began), o.stderr)
	}
	if o := h.run(t, "batch", "cancel"); o.code != 0 {
		t.Errorf("exit code %d, %s", o.code, o.stderr)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 3 || !strings.Contains(errs.String(), "it was cancelled") {
		t.Errorf("exit code %d, %s", code, errs)
	}
	if o := h.run(t, "batch", "resume"); o.code != 0 {
		t.Errorf("exit code %d, %s", o.code, o.stderr)
	}
	if err := answersOf(h, "b", rows); err != nil || server.total() != rows {
		t.Errorf("%v, %d calls", err, server.total())
	}
}
