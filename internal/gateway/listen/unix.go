package listen

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// socket is a Unix socket that is removed with the listener.
type socket struct {
	net.Listener
	path  string
	made  os.FileInfo
	close sync.Once
}

// Addr is the path that clients use.
func (s *socket) Addr() net.Addr { return &net.UnixAddr{Name: s.path, Net: "unix"} }

// Close removes the socket, unless another process has put its own there.
func (s *socket) Close() error {
	s.close.Do(func() {
		if now, err := os.Lstat(s.path); err == nil && os.SameFile(now, s.made) {
			_ = os.Remove(s.path)
		}
	})
	return s.Listener.Close()
}

// lockTime is how long another process may take to open the same socket.
const lockTime = 5 * time.Second

// openUnix listens on a path that only this user can reach: the socket is made in a
// folder of its own, closed to others, and then put in its place. What lies there is
// replaced only if it is a socket on which nobody listens.
func openUnix(ctx context.Context, path string) (l net.Listener, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	dir := filepath.Dir(path)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("there is no folder %s for the socket; make it first", dir)
	}
	limited, cancel := context.WithTimeout(ctx, lockTime)
	defer cancel()
	lock := flock.New(path + ".lock")
	if ok, err := lock.TryLockContext(limited, 5*time.Millisecond); err != nil || !ok {
		return nil, fmt.Errorf("%s.lock cannot be locked; see who owns the folder, and whether another process starts", path)
	}
	defer lock.Close()
	if err := makePlace(ctx, path); err != nil {
		return nil, err
	}
	private, err := os.MkdirTemp(dir, ".s") // mode 0700; short, since a socket's path has to be
	if err != nil {
		return nil, fmt.Errorf("making the socket %s: %w", path, bare(err))
	}
	defer func() { _ = os.RemoveAll(private) }() // an empty folder may stay
	draft := filepath.Join(private, "s")
	made, err := net.ListenUnix("unix", &net.UnixAddr{Name: draft, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("making the socket %s: %w; its path may be too long", path, bare(err))
	}
	made.SetUnlinkOnClose(false)
	info, err := os.Lstat(draft)
	if err == nil {
		err = os.Chmod(draft, 0o600)
	}
	if err == nil {
		err = os.Rename(draft, path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making the socket %s: %w", path, bare(err)), made.Close())
	}
	return &socket{Listener: made, path: path, made: info}, nil
}

// makePlace makes place for a socket.
func makePlace(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("looking at %s: %w", path, bare(err))
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s is not a socket, and is left as it is; choose another path", path)
	}
	c, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "unix", path)
	if err == nil {
		_ = c.Close()
		return takenPath(ctx, path)
	}
	if !refused(err) { // it may be another user's, or its queue is full
		return &TakenError{Address: "unix:" + path}
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("removing the socket %s, on which nobody listens: %w", path, bare(err))
	}
	return nil
}

// bare is the error without the path and the call that it repeats.
func bare(err error) error {
	var (
		op   *net.OpError
		call *os.SyscallError
		path *fs.PathError
		link *os.LinkError
	)
	switch {
	case errors.As(err, &call):
		return call.Err
	case errors.As(err, &op):
		return op.Err
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}
