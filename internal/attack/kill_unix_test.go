//go:build unix

package attack

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestKilledCallsKeepTheBudget kills `tandem ask` with SIGKILL at a random
// moment, again and again. What the server was asked for never passes the
// budget, and the file still opens.
func TestKilledCallsKeepTheBudget(t *testing.T) {
	const perDay = 8.0
	r := random(t)
	server := newPaid(t)
	server.pause = 4 * time.Millisecond
	h := newHome(t, server.config(perDay))
	refused := 0
	for range tries(24, 600) {
		o := killed(t, h, time.Duration(r.IntN(90))*time.Millisecond, "ask", "--max-tokens", "20", "hi")
		if o.crashed() || o.code == 0 && o.stdout != words+"\n" {
			t.Fatalf("exit code %d, %q, %s", o.code, o.stdout, o.stderr)
		}
		if o.code == 6 {
			refused++
		}
	}
	if spent := float64(server.calls.Load()) * callCost; spent > perDay {
		t.Errorf("%d calls reached the server, $%.2f of a budget of $%.2f", server.calls.Load(), spent, perDay)
	}
	var cost struct{ Today struct{ Calls int } }
	o := h.run(t, "cost", "--json")
	if err := json.Unmarshal([]byte(o.stdout), &cost); err != nil || o.code != 0 {
		t.Fatalf("`tandem cost`: exit code %d, %v, %s", o.code, err, o.stderr)
	}
	if o := h.run(t, "logs", "list", "--json"); o.code != 0 || !json.Valid([]byte(o.stdout)) {
		t.Errorf("`tandem logs list`: exit code %d, %q, %s", o.code, o.stdout, o.stderr)
	}
	if where := h.leaked(t, outcome{}); where != nil {
		t.Errorf("the key stands in %v", where)
	}
	t.Logf("%d calls reached the server, %d were refused for the budget, %d counted", server.calls.Load(), refused, cost.Today.Calls)
}

// TestAKilledKeysSetLeavesNoCopy kills `tandem keys set` at a random moment.
// The key then lies in the key file, whole, or nowhere, and `keys rm` leaves
// nothing of it.
func TestAKilledKeysSetLeavesNoCopy(t *testing.T) {
	r := random(t)
	h := newHome(t, "use: local\n")
	secret := strings.ReplaceAll(canary, "canary", "stored")
	for range tries(12, 300) {
		key := filepath.Join(h.dir, "typed")
		if err := os.WriteFile(key, []byte(secret+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		in, err := os.Open(key)
		if err != nil {
			t.Fatal(err)
		}
		_ = os.Remove(key)
		cmd, _, errs := h.command(t.Context(), program, "keys", "set", "hosted")
		cmd.Stdin = in
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(r.IntN(30))*time.Millisecond, func() { _ = cmd.Process.Signal(syscall.SIGKILL) })
		_ = cmd.Wait()
		timer.Stop()
		in.Close()
		if o := (outcome{stderr: errs.String()}); o.crashed() {
			t.Fatal(o.stderr)
		}
	}
	_ = h.run(t, "keys", "set", "hosted") // with nothing on standard input: sweeps, or says what is wrong
	_ = h.run(t, "keys", "rm", "hosted")
	if where := h.leaked(t, outcome{}); where != nil {
		t.Errorf("after `keys rm` the key still stands in %v", where)
	}
}

// killed runs tandem and kills it after a time, if it still runs.
func killed(t *testing.T, h *home, after time.Duration, args ...string) outcome {
	t.Helper()
	cmd, out, errs := h.command(t.Context(), append([]string{program}, args...)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() { _ = cmd.Process.Signal(syscall.SIGKILL) })
	defer timer.Stop()
	if err := cmd.Wait(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}
