package files

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Replace writes a file as a whole or not at all, with that mode, and makes its
// directory (0700) if need be. A link is followed, and its target replaced. No
// error shows any of the data.
func Replace(path string, data []byte, mode os.FileMode) error {
	target, err := Target(path)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, Bare(err))
	}
	path = target
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the directory %s: %w", dir, Bare(err))
	}
	f, err := NewDraft(dir, filepath.Base(path), 0o600)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, Bare(err))
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = f.Publish(path)
	}
	if err = errors.Join(err, f.Discard()); err != nil {
		return fmt.Errorf("writing %s: %w", path, Bare(err))
	}
	return nil
}

// Bare is an error of a file without the path and the call, which the caller says.
func Bare(err error) error {
	var (
		pathErr *os.PathError
		linkErr *os.LinkError
	)
	switch {
	case errors.As(err, &pathErr):
		return pathErr.Err
	case errors.As(err, &linkErr):
		return linkErr.Err
	}
	return err
}
