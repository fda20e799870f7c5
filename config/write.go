package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// WriteFile replaces a file that only its owner may read (0600) as a whole or
// not at all, and makes its directory (0700) if need be. A link is followed, and
// its target replaced. No error shows any of the data.
func WriteFile(path string, data []byte) error { return writeFile(path, data, 0o600) }

func writeFile(path string, data []byte, mode os.FileMode) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the directory %s: %w", dir, bare(err))
	}
	f, err := newDraftFile(dir, filepath.Base(path))
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
		err = f.publish(path)
	}
	if err = errors.Join(err, f.discard()); err != nil {
		return fmt.Errorf("writing %s: %w", path, bare(err))
	}
	return nil
}

// draftFile is a file that has no name yet, or one that begins with a dot, and
// is to take another's place.
type draftFile struct {
	*os.File
	name string // empty: it has none, and is gone with the process
}

// namedDraft makes a file beside the one called base. A process that is killed
// leaves it behind.
func namedDraft(dir, base string) (*draftFile, error) {
	f, err := os.CreateTemp(dir, "."+base+".*")
	if err != nil {
		return nil, err
	}
	return &draftFile{f, f.Name()}, nil
}

// publish gives the file its name, in place of what has it.
func (f *draftFile) publish(path string) error {
	if f.name == "" {
		placed, err := f.link(path)
		if err != nil || placed {
			return err
		}
	}
	if err := f.Close(); err != nil { // Windows renames no open file
		return err
	}
	if err := os.Rename(f.name, path); err != nil {
		return err
	}
	f.name = ""
	return nil
}

// discard closes the file, and removes what was not published.
func (f *draftFile) discard() error {
	if f.name != "" {
		_ = os.Remove(f.name)
	}
	if err := f.Close(); !errors.Is(err, os.ErrClosed) {
		return err
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
