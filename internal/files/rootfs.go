package files

import (
	"io/fs"
	"os"
	"path/filepath"
)

// RootFS is the directory dir as an fs.FS: nothing outside it is opened, whatever links
// lead there, and a pipe is not waited for. The directory is looked up each time, so it
// may be replaced.
func RootFS(dir string) fs.FS { return rootFS(dir) }

type rootFS string

var (
	_ fs.StatFS    = rootFS("")
	_ fs.ReadDirFS = rootFS("")
)

// in calls f with the directory.
func in[T any](dir rootFS, op, name string, f func(*os.Root, string) (T, error)) (zero T, err error) {
	if !fs.ValidPath(name) {
		return zero, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	root, err := os.OpenRoot(string(dir))
	if err != nil {
		return zero, err
	}
	defer root.Close()
	return f(root, filepath.FromSlash(name))
}

// Open opens a file or a directory.
func (d rootFS) Open(name string) (fs.File, error) {
	return in(d, "open", name, func(root *os.Root, name string) (fs.File, error) {
		return openFile(root.OpenFile)(name)
	})
}

// Stat describes what a name leads to.
func (d rootFS) Stat(name string) (fs.FileInfo, error) {
	return in(d, "stat", name, func(root *os.Root, name string) (fs.FileInfo, error) { return root.Stat(name) })
}

// ReadDir lists a directory by name.
func (d rootFS) ReadDir(name string) ([]fs.DirEntry, error) {
	return in(d, "readdir", name, func(root *os.Root, name string) ([]fs.DirEntry, error) {
		return fs.ReadDir(root.FS(), filepath.ToSlash(name))
	})
}
