package attack

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestABatchSurvivesFailingWrites makes the n-th write, sync or truncation of a batch
// fail, as on a full or broken disk: exit code 0 means that everything is there, and
// after any other the batch goes on to its end.
func TestABatchSurvivesFailingWrites(t *testing.T) {
	strace, err := exec.LookPath(fromEnv("TANDEM_TEST_STRACE", "strace"))
	if err != nil {
		if os.Getenv("TANDEM_REQUIRE_ENGINES") == "1" {
			t.Fatal("strace is required (TANDEM_REQUIRE_ENGINES=1): run `make test`, which brings it")
		}
		t.Skip("strace is not on PATH: `make test` brings it and runs this test too")
	}
	const rows = 12
	server := newRowServer(t)
	h := newHome(t, server.config())
	faults := []struct{ call, error string }{
		{"pwrite64", "ENOSPC"}, {"fsync", "EIO"}, {"fdatasync", "ENOSPC"}, {"ftruncate", "ENOSPC"}, {"write", "ENOSPC"}, {"pwrite64", "EIO"},
	}
	// How often each is called where nothing fails.
	log := filepath.Join(t.TempDir(), "calls")
	rowFile(t, h, "whole", rows)
	start := func(name string) []string {
		return []string{program, "batch", "c.yaml", "--in", name + ".csv", "--out", name + ".jsonl", "-j", "2"}
	}
	if o := h.exec(t, append([]string{strace, "-f", "-qq", "-o", log, "-e", "trace=pwrite64,fsync,fdatasync,ftruncate,write", "--"}, start("whole")...)...); o.code != 0 {
		t.Fatalf("with no failure: exit code %d, %s", o.code, o.stderr)
	}
	data, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	batches, failed := 0, 0
	for _, f := range faults {
		n := strings.Count(string(data), " "+f.call+"(")
		step := max(1, n/tries(4, n))
		for at := 1; at <= n; at += step {
			for _, all := range []string{"", "+"} { // it alone, and all that follow
				batches++
				name := fmt.Sprintf("b%d", batches)
				rowFile(t, h, name, rows)
				inject := fmt.Sprintf("inject=%s:error=%s:when=%d%s", f.call, f.error, at, all)
				o := h.exec(t, append([]string{strace, "-f", "-qq", "-o", os.DevNull, "-e", "trace=" + f.call, "-e", inject, "--"}, start(name)...)...)
				if goItselfFailed(o) {
					continue
				}
				if o.crashed() {
					t.Errorf("%s: the program crashed:\n%s", inject, o.stderr)
				}
				if o.code == 0 {
					if err := answersOf(h, name, rows); err != nil {
						t.Errorf("%s: exit code 0, and %v", inject, err)
					}
					continue
				}
				failed++
				for range 3 { // what is left of it ends as it should
					args := next(t, h, name)
					if args == nil {
						break
					}
					if o := h.run(t, args...); o.crashed() {
						t.Fatalf("%s: then %v: %s", inject, args, o.stderr)
					}
				}
				if err := answersOf(h, name, rows); err != nil {
					t.Errorf("%s: %s; and then %v", inject, strings.TrimSpace(o.stderr), err)
				}
			}
		}
	}
	t.Logf("%d batches, of which %d met their fault", batches, failed)
}
