package config

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// newDraftFile makes a file without a name, which no one finds and no killed
// process leaves behind; where the file system has none such, one with a name.
func newDraftFile(dir, base string) (*draftFile, error) {
	f, err := os.OpenFile(dir, unix.O_TMPFILE|os.O_WRONLY, 0o600)
	if err != nil {
		return namedDraft(dir, base)
	}
	if _, err := os.Lstat(descriptor(f)); err != nil { // by which alone it gets a name
		_ = f.Close()
		return namedDraft(dir, base)
	}
	return &draftFile{File: f}, nil
}

func descriptor(f *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", f.Fd()) }

// link names the file path, or where that is taken, names it so that it can be
// renamed: placed says which.
func (f *draftFile) link(path string) (placed bool, err error) {
	err = f.linkAs(path)
	if !errors.Is(err, os.ErrExist) {
		return err == nil, err
	}
	name := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+rand.Text())
	if err := f.linkAs(name); err != nil {
		return false, err
	}
	f.name = name
	return false, nil
}

func (f *draftFile) linkAs(path string) error {
	return unix.Linkat(unix.AT_FDCWD, descriptor(f.File), unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW)
}
