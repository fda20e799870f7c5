package yamlx

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"unicode/utf8"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/files"
	"github.com/tandem-llm/tandem/internal/textx"
)

// MaxSize is the most bytes a file may have: 1 MiB.
const MaxSize = 1 << 20

// Read returns the text of a file: a regular file of at most [MaxSize] bytes
// of UTF-8 without NUL. A byte order mark at its start is dropped. Every error
// is an [*diag.Error]; errors.Is(err, fs.ErrNotExist) works.
func Read(path string) ([]byte, error) {
	data, err := files.Read(path, MaxSize)
	return checked(path, data, err)
}

// ReadIn is Read for a file in a directory or below: a path that is absolute,
// or that leads out of it, also by a symbolic link, is an error.
func ReadIn(dir *files.Dir, name string) ([]byte, error) {
	data, err := dir.Read(name, MaxSize)
	return checked(name, data, err)
}

func checked(path string, data []byte, err error) ([]byte, error) {
	if err != nil {
		return nil, unreadable(path, err)
	}
	return Text(path, data)
}

// Text returns data as [Read] would, had it been in the named file.
func Text(file string, data []byte) ([]byte, error) {
	if len(data) > MaxSize {
		return nil, &diag.Error{File: file, Message: "is larger than 1 MiB", Remedy: "name the right file"}
	}
	data = textx.TrimBOM(data)
	if i := bytes.IndexByte(data, 0); i >= 0 {
		line, column := place(data, i)
		return nil, &diag.Error{File: file, Line: line, Column: column, Message: "there is a NUL byte", Remedy: "this is a binary file, or text in UTF-16; text in UTF-8 is needed"}
	}
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			line, column := place(data, i)
			return nil, &diag.Error{File: file, Line: line, Column: column, Message: fmt.Sprintf("byte 0x%02x is not UTF-8", data[i]), Remedy: "save the file as UTF-8"}
		}
		i += size
	}
	return data, nil
}

// place turns an offset in data into a line and a column.
func place(data []byte, offset int) (line, column int) {
	before := data[:max(0, min(offset, len(data)))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return bytes.Count(before, []byte("\n")) + 1, utf8.RuneCount(before[start:]) + 1
}

func unreadable(path string, err error) *diag.Error {
	e := &diag.Error{File: path, Err: err}
	var pathErr *fs.PathError
	var refused *files.Error
	switch {
	case errors.As(err, &refused):
		e.Message, e.Remedy = refused.What, "name the right file"
	case errors.Is(err, fs.ErrNotExist):
		e.Message, e.Remedy = "there is no such file", "check the path"
	case errors.Is(err, fs.ErrPermission):
		e.Message, e.Remedy = "permission denied", readers(path)
	case errors.As(err, &pathErr) && strings.Contains(pathErr.Err.Error(), "escapes"): // os.Root has no error value for it
		e.Message, e.Remedy = "leads out of the directory", "only files in or below it can be named, so copy it there"
	case errors.As(err, &pathErr):
		e.Message = "cannot be read: " + pathErr.Err.Error()
	default:
		e.Message = "cannot be read: " + err.Error()
	}
	return e
}
