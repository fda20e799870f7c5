package main

import (
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"testing"
)

// Every command waits for what the linked packages do before main: together they
// take less than 1.4 MiB of memory, of which NATS takes 0.27. A library that compiles its tables there takes
// more than that, and milliseconds.
func TestStartingIsLight(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^$")
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	inits := regexp.MustCompile(`(?m)^init .* (\d+) bytes, \d+ allocs$`).FindAllSubmatch(out, -1)
	if len(inits) < 20 {
		t.Fatalf("the runtime tells of %d packages:\n%s", len(inits), out)
	}
	total := 0
	for _, line := range inits {
		n, err := strconv.Atoi(string(line[1]))
		if err != nil {
			t.Fatal(err)
		}
		total += n
	}
	if total > 7<<20/5 {
		t.Errorf("%d bytes:\n%s", total, out)
	}
}
