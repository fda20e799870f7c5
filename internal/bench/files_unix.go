//go:build unix

package bench

import (
	"fmt"
	"syscall"
)

// descriptors raises the limit of open files, if need be, so that n streams
// can be open. The error says what to do where it cannot.
func descriptors(n int) error {
	const spare = 64
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return err
	}
	need := uint64(n) + spare  //nolint:gosec // n is a number of streams
	if uint64(l.Cur) >= need { //nolint:unconvert // signed on some systems
		return nil
	}
	hard := uint64(l.Max) //nolint:unconvert // signed on some systems
	l.Cur = l.Max
	if hard >= need {
		return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l)
	}
	return fmt.Errorf("%d streams need %d open files, and this process may have %d; raise it with `ulimit -Hn %[2]d`, or ask for fewer streams", n, need, hard)
}

// mostFiles is how many files a process may have open; 0: it is not known.
func mostFiles() int {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) != nil || uint64(l.Max) > 1<<30 { //nolint:unconvert // signed on some systems
		return 0
	}
	return int(l.Max) //nolint:gosec // at most 1<<30
}
