package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// NewDraft makes a file without a name, which no one finds and no killed process
// leaves behind; where the file system has none such, one with a name. It is for the
// place of the file base in dir, and has the mode that the process's umask leaves.
func NewDraft(dir, base string, mode fs.FileMode) (*Draft, error) {
	f, err := os.OpenFile(dir, unix.O_TMPFILE|os.O_WRONLY, mode)
	if err != nil {
		return named(dir, base, mode)
	}
	if _, err := os.Lstat(descriptor(f)); err != nil { // by which alone it gets a name
		_ = f.Close()
		return named(dir, base, mode)
	}
	return &Draft{File: f}, nil
}

func descriptor(f *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", f.Fd()) }

// link names the file path, or where that is taken, names it so that it can be
// renamed: placed says which.
func (d *Draft) link(path string) (placed bool, err error) {
	err = d.linkAs(path)
	if !errors.Is(err, os.ErrExist) {
		return err == nil, err
	}
	name := hidden(filepath.Split(path))
	if err := d.linkAs(name); err != nil {
		return false, err
	}
	d.name = name
	return false, nil
}

func (d *Draft) linkAs(path string) error {
	return unix.Linkat(unix.AT_FDCWD, descriptor(d.File), unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW)
}
