package keys

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/tandem-llm/tandem/config"
)

// readFile returns the value in the key's own file. Its error wraps
// config.ErrNoKey when there is no such file. A file that others may read is
// refused, as is what is no regular file.
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
		return errors.New("there is no home directory to keep the key in; set HOME")
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("making the directory %s: %w", s.dir, cause(err))
	}
	if err := os.Chmod(s.dir, 0o700); err != nil { //nolint:gosec // a directory needs its x
		return fmt.Errorf("closing the directory %s to others: %w", s.dir, cause(err))
	}
	return config.WriteFile(path, []byte(value))
}

// remove deletes a file that may not be there.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing %s: %w", path, cause(err))
	}
	return nil
}

// cause is the error without the path that it repeats.
func cause(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}
