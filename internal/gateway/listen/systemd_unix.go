//go:build unix

package listen

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// firstPassed is the first file descriptor that systemd passes.
const firstPassed = 3

// maxPassed is how many are taken for credible.
const maxPassed = 64

// Inherited returns the sockets that systemd passed to this process (LISTEN_PID,
// LISTEN_FDS), and takes the variables away, so that no child takes them for its own.
// None: it passed none, or the variables were meant for another process.
func Inherited() ([]net.Listener, error) {
	pid, fds := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS")
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID"} {
		_ = os.Unsetenv(name)
	}
	if pid != strconv.Itoa(os.Getpid()) || fds == "" {
		return nil, nil
	}
	n, err := strconv.Atoi(fds)
	if err != nil || n < 0 || n > maxPassed {
		return nil, fmt.Errorf("LISTEN_FDS says %q, which is not a number of sockets", fds)
	}
	return passed(firstPassed, n)
}

// passed makes listeners of n file descriptors.
func passed(first, n int) (all []net.Listener, err error) {
	for fd := first; fd < first+n; fd++ {
		unix.CloseOnExec(fd)
	}
	for fd := first; fd < first+n; fd++ {
		l, err := listener(fd)
		if err != nil {
			closeAll(all)
			return nil, fmt.Errorf("systemd passed the file descriptor %d, on which no connection comes in: %w; see ListenStream= in the socket unit", fd, err)
		}
		all = append(all, l)
	}
	return all, nil
}

func listener(fd int) (net.Listener, error) {
	switch listens, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN); {
	case err != nil:
		return nil, err
	case listens == 0:
		return nil, errors.New("it does not listen")
	}
	f := os.NewFile(uintptr(fd), "systemd")
	defer f.Close()
	l, err := net.FileListener(f) // a copy, closed in children
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false) // it is systemd's
	}
	return l, err
}
