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
