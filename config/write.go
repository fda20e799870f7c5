package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/tandem-llm/tandem/internal/files"
)

// WriteFile replaces a file that only its owner may read (0600) as a whole or
// not at all, and makes its directory (0700) if need be. A link is followed, and
// its target replaced. No error shows any of the data.
func WriteFile(path string, data []byte) error { return writeFile(path, data, 0o600) }

func writeFile(path string, data []byte, mode os.FileMode) error {
	target, err := files.Target(path)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, bare(err))
	}
	path = target
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the directory %s: %w", dir, bare(err))
	}
	f, err := files.NewDraft(dir, filepath.Base(path), 0o600)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, bare(err))
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
		return fmt.Errorf("writing %s: %w", path, bare(err))
	}
	return nil
}

// bare is the cause without the temporary file's name.
func bare(err error) error {
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

// writableByOthers reports whether others than the owner may change the file;
// on Windows, whose modes don't tell, it is false.
func writableByOthers(path string) bool {
	info, err := os.Stat(path)
	return err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o022 != 0
}
