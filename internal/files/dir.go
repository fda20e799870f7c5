package files

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// Dir is a directory whose files are read, and nothing outside it: a directory
// on disk, where symbolic links may not lead out either, or one of an fs.FS.
type Dir struct {
	root *os.Root // nil: fsys
	fsys fs.FS
	path string // of fsys, in the fs.FS that it is a part of
}

// OpenDir opens a directory of fsys; nil: of the file system. Close it.
func OpenDir(fsys fs.FS, dir string) (*Dir, error) {
	if fsys == nil {
		root, err := os.OpenRoot(dir)
		if err != nil {
			return nil, err
		}
		return &Dir{root: root}, nil
	}
	return (&Dir{fsys: fsys, path: "."}).Sub(filepath.ToSlash(dir))
}

// Close closes the directory.
func (d *Dir) Close() error {
	if d.root == nil {
		return nil
	}
	return d.root.Close()
}

// Sub opens a directory in it. Close it, too.
func (d *Dir) Sub(dir string) (*Dir, error) {
	if d.root != nil {
		root, err := d.root.OpenRoot(filepath.FromSlash(dir))
		if err != nil {
			return nil, err
		}
		return &Dir{root: root}, nil
	}
	dir = path.Clean(dir)
	sub, err := fs.Sub(d.fsys, dir)
	if err != nil {
		return nil, err
	}
	return &Dir{fsys: sub, path: path.Join(d.path, dir)}, nil
}

// Read returns the bytes of a regular file in it or below, at most limit of
// them.
func (d *Dir) Read(name string, limit int64) ([]byte, error) {
	if d.root != nil {
		return ReadIn(d.root, name, limit)
	}
	name = path.Clean(filepath.ToSlash(name))
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("path escapes from the directory")}
	}
	return read(name, limit, func(name string) (fs.FileInfo, error) { return fs.Stat(d.fsys, name) }, d.fsys.Open)
}

// Place says where in it a file lies. The file and its directory are told from
// others by Place.Same, whatever paths lead to them.
type Place struct {
	file, dir fs.FileInfo
	path      string // in an fs.FS
}

// Place finds a file; false: there is no such file.
func (d *Dir) Place(name string) (p Place, ok bool) {
	if d.root == nil {
		name = path.Clean(filepath.ToSlash(name))
		_, err := fs.Stat(d.fsys, name)
		return Place{path: path.Join(d.path, name)}, err == nil
	}
	var err error
	if p.file, err = d.root.Stat(name); err != nil {
		return p, false
	}
	p.dir, err = d.root.Stat(filepath.Dir(name))
	return p, err == nil
}

// Same reports whether both are one file in one directory.
func (p Place) Same(q Place) bool {
	if p.file == nil || q.file == nil {
		return p.file == nil && q.file == nil && p.path == q.path
	}
	return os.SameFile(p.file, q.file) && os.SameFile(p.dir, q.dir)
}

// openFile is how a file of the file system is opened: a pipe is not waited for.
func openFile(open func(string, int, fs.FileMode) (*os.File, error)) func(string) (fs.File, error) {
	return func(name string) (fs.File, error) {
		f, err := open(name, os.O_RDONLY|nonblock, 0)
		if err != nil {
			return nil, err // and no *os.File that is nil
		}
		return f, nil
	}
}

var _ io.Closer = (*Dir)(nil)
