// Package files reads files that somebody else may have put where they lie: a
// regular file of a bounded size, and nothing that could be waited for or read
// without end, such as a pipe, a device, or a link to one. It also makes files that
// take the place of others when they are complete, see [Draft].
package files

import (
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Error is a file that is not read for what it is. Errors of the system come
// back as they are.
type Error struct {
	Path string
	What string // "is a directory", "is larger than 1 MiB"
}

// Error names the file and says what it is.
func (e *Error) Error() string { return e.Path + " " + e.What }

// Read returns the bytes of a regular file, at most limit of them.
func Read(path string, limit int64) ([]byte, error) {
	return read(path, limit, os.Stat, openFile(os.OpenFile))
}

// ReadIn is Read for a file in a directory or below. Links may not lead out.
func ReadIn(root *os.Root, name string, limit int64) ([]byte, error) {
	return read(name, limit, root.Stat, openFile(root.OpenFile))
}

func read(path string, limit int64, stat func(string) (fs.FileInfo, error), open func(string) (fs.File, error)) ([]byte, error) {
	info, err := stat(path) // first: opening a device may do something
	if err == nil {
		err = Check(path, info, limit)
	}
	if err != nil {
		return nil, err
	}
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err = f.Stat() // again: it may be another by now
	if err == nil {
		err = Check(path, info, limit)
	}
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, tooLarge(path, limit)
	}
	return data, nil
}

// Check refuses what is not a regular file of at most limit bytes.
func Check(path string, info fs.FileInfo, limit int64) error {
	if err := Regular(path, info.Mode()); err != nil {
		return err
	}
	if info.Size() > limit {
		return tooLarge(path, limit)
	}
	return nil
}

// Regular refuses what is not a regular file.
func Regular(path string, mode fs.FileMode) error {
	what := "something else"
	switch {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		return &Error{Path: path, What: "is a directory"}
	case mode&fs.ModeNamedPipe != 0:
		what = "a pipe"
	case mode&fs.ModeSocket != 0:
		what = "a socket"
	case mode&fs.ModeDevice != 0:
		what = "a device"
	}
	return &Error{Path: path, What: "is not a regular file but " + what}
}

func tooLarge(path string, limit int64) error {
	size := fmt.Sprintf("%d MiB", limit>>20)
	if limit < 1<<20 {
		size = fmt.Sprintf("%d KiB", limit>>10)
	}
	return &Error{Path: path, What: "is larger than " + size}
}
