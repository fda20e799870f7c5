package keys

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/files"
)

// readFile returns the value in the key's own file. Its error wraps
// config.ErrNoKey when there is no such file. A file that others may read is
// refused, as is what is not a regular file.
func (s *Store) readFile(name string) (string, error) {
	if s.dir == "" {
		return "", config.ErrNoKey // no home directory, no files
	}
	return config.ReadKeyFile(s.path(name, valueSuffix))
}

// write replaces a file of the store as a whole, with mode 0600, in a directory
// of mode 0700.
func (s *Store) write(path, value string) error {
	if s.dir == "" {
		return errors.New("no home directory for the key; set HOME")
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("making the directory %s: %w", s.dir, files.Bare(err))
	}
	if err := os.Chmod(s.dir, 0o700); err != nil { //nolint:gosec // a directory needs its x
		return fmt.Errorf("closing the directory %s to others: %w", s.dir, files.Bare(err))
	}
	unlock, _ := s.lock()
	defer unlock()
	return config.WriteFile(path, []byte(value))
}

// lock keeps other processes from writing, for as long as it takes to replace a
// file, and sweeps: what is half written then is nobody's. It returns the names
// of the keys of which there were such copies. Where there are no locks, it does
// not sweep.
func (s *Store) lock() (unlock func(), swept []string) {
	l := flock.New(filepath.Join(s.dir, lockFile))
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
	defer cancel()
	if ok, err := l.TryLockContext(ctx, 5*time.Millisecond); err != nil || !ok {
		return func() {}, nil
	}
	return func() { _ = l.Unlock() }, s.sweep()
}

// lockFile is locked by whoever writes.
const lockFile = ".lock"

// sweep removes what config.WriteFile leaves behind when it is killed:
// `.NAME.key.` and something. The caller has the lock.
func (s *Store) sweep() (swept []string) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		rest, hidden := strings.CutPrefix(e.Name(), ".")
		name, end, ours := cutLast(rest, valueSuffix+".")
		if !hidden || !ours || end == "" || strings.Contains(end, ".") || CheckName(name) != nil || !e.Type().IsRegular() {
			continue
		}
		if os.Remove(filepath.Join(s.dir, e.Name())) == nil {
			swept = append(swept, name)
		}
	}
	return swept
}

// cutLast is strings.Cut around the last sep.
func cutLast(text, sep string) (before, after string, found bool) {
	i := strings.LastIndex(text, sep)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(sep):], true
}

// removeFile deletes a file that may not be there.
func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing %s: %w", path, files.Bare(err))
	}
	return nil
}
