package attack

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// failures are the system calls that are made to fail, and how. Those without
// which Go's own runtime cannot live (mmap, futex, epoll) are not the program's
// to survive.
var failures = []struct {
	call   string
	errors []string
}{
	{"openat", []string{"EACCES", "EMFILE", "ENOSPC", "EIO"}},
	{"read", []string{"EIO"}},
	{"pread64", []string{"EIO"}},
	{"write", []string{"ENOSPC", "EIO", "EPIPE", "EDQUOT"}},
	{"pwrite64", []string{"ENOSPC", "EIO", "EDQUOT", "EFBIG"}},
	{"fsync", []string{"EIO", "ENOSPC"}},
	{"fdatasync", []string{"EIO", "ENOSPC"}},
	{"ftruncate", []string{"EIO", "ENOSPC"}},
	{"fallocate", []string{"ENOSPC", "EOPNOTSUPP"}},
	{"fcntl", []string{"EACCES", "EDEADLK", "ENOLCK"}},
	{"fstat", []string{"EIO"}},
	{"newfstatat", []string{"EACCES", "EIO"}},
	{"unlinkat", []string{"EACCES", "EIO"}},
	{"mkdirat", []string{"EACCES", "ENOSPC", "EROFS"}},
	{"connect", []string{"ECONNREFUSED", "ENETUNREACH", "ETIMEDOUT", "EMFILE"}},
	{"socket", []string{"EMFILE", "EACCES"}},
	{"getsockopt", []string{"ENOBUFS"}},
}

// TestNothingIsWrongWhenASystemCallFails makes one system call of `tandem ask`
// fail, each time another. Exit code 0 then still means the whole answer, the
// budget holds, no key shows, and the program does not crash.
func TestNothingIsWrongWhenASystemCallFails(t *testing.T) {
	strace, err := exec.LookPath(fromEnv("TANDEM_TEST_STRACE", "strace"))
	if err != nil {
		if os.Getenv("TANDEM_REQUIRE_ENGINES") == "1" {
			t.Fatal("strace is required (TANDEM_REQUIRE_ENGINES=1): run `make test`, which brings it")
		}
		t.Skip("strace is not on PATH: `make test` brings it and runs this test too")
	}
	r := random(t)
	server := newPaid(t)
	h := newHome(t, server.config(1000))
	args := []string{program, "ask", "--max-tokens", "20", "hi"}
	counts := callCounts(t, h, strace, args)
	for i := range tries(24, 600) {
		f := failures[i%len(failures)]
		if counts[f.call] == 0 {
			continue
		}
		inject := fmt.Sprintf("inject=%s:error=%s:when=%d", f.call, f.errors[r.IntN(len(f.errors))], 1+r.IntN(counts[f.call]))
		if r.IntN(3) == 0 {
			inject += "+" // and all that follow
		}
		before := server.calls.Load()
		o := h.exec(t, append([]string{strace, "-f", "-qq", "-o", os.DevNull, "-e", "trace=" + f.call, "-e", inject, "--"}, args...)...)
		if goItselfFailed(o) {
			continue
		}
		if o.crashed() {
			t.Errorf("%s: the program crashed:\n%s", inject, o.stderr)
		}
		if o.code == 0 && o.stdout != words+"\n" {
			t.Errorf("%s: exit code 0, and the answer is %q; %s", inject, o.stdout, o.stderr)
		}
		if o.code != 0 && o.stderr == "" && f.call != "write" {
			t.Errorf("%s: exit code %d without a word", inject, o.code)
		}
		if n := server.calls.Load() - before; n > 1 {
			t.Errorf("%s: `retries: 0`, and %d calls were sent", inject, n)
		}
		if where := h.leaked(t, o); where != nil {
			t.Errorf("%s: the key stands in %v", inject, where)
		}
	}
	if o := h.run(t, "cost", "--json"); o.code != 0 {
		t.Errorf("after all that, `tandem cost` ends with %d: %s", o.code, o.stderr)
	}
}

// goItselfFailed reports whether the call that failed was one of Go's runtime,
// without which no Go program starts or waits.
func goItselfFailed(o outcome) bool {
	for _, text := range []string{"fatal error: cannot open standard fds", "fatal error: runtime: netpoll"} {
		if strings.Contains(o.stderr, text) {
			return true
		}
	}
	return false
}

// callCounts counts how often a command makes each system call.
func callCounts(t *testing.T, h *home, strace string, args []string) map[string]int {
	t.Helper()
	log := filepath.Join(t.TempDir(), "calls")
	var names []string
	for _, f := range failures {
		names = append(names, f.call)
	}
	o := h.exec(t, append([]string{strace, "-f", "-qq", "-o", log, "-e", "trace=" + strings.Join(names, ","), "--"}, args...)...)
	if o.code != 0 || o.stdout != words+"\n" {
		t.Fatalf("with no failure: exit code %d, %q, %s", o.code, o.stdout, o.stderr)
	}
	data, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for line := range strings.Lines(string(data)) {
		_, call, _ := strings.Cut(line, " ") // PID CALL(…
		name, _, _ := strings.Cut(strings.TrimLeft(call, " "), "(")
		counts[name]++
	}
	return counts
}

func fromEnv(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}
