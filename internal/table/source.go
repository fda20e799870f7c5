package table

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/textx"
)

// source is a file's text, which it checks, and keeps from the beginning of the
// row that is being read.
type source struct {
	file     *File
	r        io.Reader
	encoding string // that r was decoded from; empty: UTF-8
	buf      []byte
	pending  []byte // of buf: checked, and not yet read
	part     []byte // the beginning of a character
	started  bool
	checked  int64 // bytes checked, without the byte order mark
	line     int   // that these end in, from 0
	err      error // after pending

	row       []byte // from the beginning of the row
	rowLine   int    // that it begins in, from 0
	rowAt     int64  // bytes before it
	rowColumn int    // characters before it in its line
}

// Read gives text that is UTF-8.
func (s *source) Read(p []byte) (int, error) {
	for len(s.pending) == 0 {
		if s.err != nil {
			return 0, s.err
		}
		s.fill()
	}
	n := copy(p, s.pending)
	s.pending = s.pending[n:]
	if len(s.row)+n > MaxRow {
		s.err = s.file.errorAt(s.rowLine+1, 0, fmt.Sprintf("a row is larger than %d MiB", MaxRow>>20), "make it smaller")
		s.pending = nil
		return 0, s.err
	}
	s.row = append(s.row, p[:n]...)
	return n, nil
}

// fill reads and checks the next bytes.
func (s *source) fill() {
	if s.buf == nil {
		s.buf = make([]byte, 32<<10)
	}
	buf := s.buf
	n := copy(buf, s.part)
	s.part = nil
	got, err := s.r.Read(buf[n:])
	buf = buf[:n+got]
	if err != nil && err != io.EOF {
		err = s.file.unreadable(err)
	}
	s.err = err
	if !s.started {
		if err == nil && len(buf) < len(textx.BOM) && strings.HasPrefix(textx.BOM, string(buf)) {
			s.part = bytes.Clone(buf)
			return
		}
		s.started = true
		buf = textx.TrimBOM(buf)
	}
	if at := s.notText(buf, err == io.EOF); at >= 0 {
		buf = buf[:at]
	}
	s.pending = buf
	s.checked += int64(len(buf))
	s.line += newlines(buf)
}

// notText finds what is not text: how many bytes before it are good, or -1. The
// beginning of a character at the end waits for more, unless there is no more.
func (s *source) notText(buf []byte, end bool) int {
	if utf8.Valid(buf) && bytes.IndexByte(buf, 0) < 0 {
		// A decoder puts U+FFFD where it knows no character.
		i := bytes.IndexRune(buf, utf8.RuneError)
		if s.encoding == "" || i < 0 {
			return -1
		}
		s.err = s.file.errorAt(s.line+1+newlines(buf[:i]), 0, "something here is not a character in "+s.encoding, "convert the file to UTF-8 first, or name its encoding with --encoding")
		return i
	}
	for i := 0; i < len(buf); {
		r, n := utf8.DecodeRune(buf[i:])
		bad := r == utf8.RuneError && n == 1
		if bad && !end && !utf8.FullRune(buf[i:]) {
			s.part = bytes.Clone(buf[i:])
			return i
		}
		if offset, line := s.checked+int64(i), s.line+1; bad {
			s.err = s.file.errorAt(line+newlines(buf[:i]), 0, fmt.Sprintf("byte 0x%02x at offset %d is not UTF-8", buf[i], offset), "convert it (iconv -f WINDOWS-1252 -t UTF-8), or name its encoding with --encoding")
			return i
		} else if r == 0 {
			s.err = s.file.errorAt(line+newlines(buf[:i]), 0, fmt.Sprintf("it is a binary file (a NUL byte at offset %d)", offset), "give a text file")
			return i
		}
		i += n
	}
	return -1
}

// startRow forgets the text before offset, which counts from the file's start.
func (s *source) startRow(offset int64) {
	n := offset - s.rowAt
	line, column := s.place(offset)
	s.rowLine, s.rowColumn = line-1, column-1
	s.row = append(s.row[:0], s.row[n:]...)
	s.rowAt = offset
}

// place is where the byte at offset is, in lines and characters.
func (s *source) place(offset int64) (line, column int) {
	before := s.row[:min(max(0, offset-s.rowAt), int64(len(s.row)))]
	end := bytes.LastIndexByte(before, '\n')
	column = 1 + utf8.RuneCount(before[end+1:])
	if end < 0 {
		column += s.rowColumn
	}
	return s.rowLine + newlines(before) + 1, column
}

// readError is the source's own error within err, if there is one.
func (s *source) readError(err error) error {
	if found := new(diag.Error); errors.As(err, &found) {
		return found
	}
	return nil
}
