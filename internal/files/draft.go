package files

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Draft is a file that is to take another's place when it is complete. It has no name
// until then, or one that begins with a dot.
type Draft struct {
	*os.File
	name string // empty: it has none, and is gone with the process
}

// named makes a draft beside the file called base. A process that is killed leaves it
// behind.
func named(dir, base string, mode fs.FileMode) (*Draft, error) {
	for {
		name := hidden(dir, base)
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if err == nil {
			return &Draft{f, name}, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
}

// hidden is a name that nothing has, for the place of the file base.
func hidden(dir, base string) string {
	return filepath.Join(dir, "."+base+"."+rand.Text()+".tmp")
}

// Publish closes the file and gives it its name, in place of what has it. What was
// written must have been synced.
func (d *Draft) Publish(path string) error {
	if d.name == "" {
		placed, err := d.link(path)
		if err != nil {
			return err
		}
		if placed {
			syncDir(path)
			return nil
		}
	}
	if err := d.Close(); err != nil { // Windows renames no open file
		return err
	}
	if err := os.Rename(d.name, path); err != nil {
		return err
	}
	d.name = ""
	syncDir(path)
	return nil
}

// syncDir has a directory remember its new name; not every system can.
func syncDir(path string) {
	if dir, err := os.Open(filepath.Dir(path)); err == nil {
		_ = dir.Sync()
		_ = dir.Close()
	}
}

// Discard closes the file, and removes it unless it was published.
func (d *Draft) Discard() error {
	if d.name != "" {
		_ = os.Remove(d.name)
	}
	if err := d.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

// maxLinks is how many links are followed, one after another.
const maxLinks = 40

// Target is the file that is meant by a path: where that is a link, what it leads to,
// whether or not there is such a file.
func Target(path string) (string, error) {
	for range maxLinks {
		to, err := os.Readlink(path)
		if err != nil {
			return path, nil //nolint:nilerr // it is no link; opening it tells what is wrong with it
		}
		if !filepath.IsAbs(to) {
			dir, err := filepath.EvalSymlinks(filepath.Dir(path)) // ".." leads out of that one
			if err != nil {
				return "", err
			}
			to = filepath.Join(dir, to)
		}
		path = to
	}
	return "", &fs.PathError{Op: "open", Path: path, Err: syscall.ELOOP}
}
