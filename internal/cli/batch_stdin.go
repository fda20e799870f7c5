package cli

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
)

// spooledRows are the rows of standard input, which can be read several times.
type spooledRows struct {
	name   string // what errors call it: it says the format
	file   *os.File
	size   int64
	digest string
}

// spoolPattern is the name of a file that standard input is copied into.
const spoolPattern = "input-*.tmp"

// spool copies standard input into a file that only the user can read. It has a name
// only where a file that is open cannot do without; such a file is left behind by a
// process that is killed, and removed by the next one.
func (a *app) spool(ctx context.Context) (_ *spooledRows, err error) {
	dir := filepath.Join(a.stateDir(), "batches")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := removeSpooled(dir); err != nil {
		return nil, err
	}
	s := &spooledRows{}
	if s.file, err = os.CreateTemp(dir, spoolPattern); err != nil {
		return nil, err
	}
	_ = os.Remove(s.file.Name()) // Windows removes no open file: close does
	in := bufio.NewReaderSize(a.term.In, 64<<10)
	head, _ := in.Peek(1 << 10) // what is wrong with it, copying it tells
	s.name = "stdin" + rowsExtension(head)
	sum := sha256.New()
	_, err = until(ctx, func() (_ []byte, err error) {
		s.size, err = io.Copy(io.MultiWriter(s.file, sum), in)
		return nil, err
	})
	if err != nil {
		s.close()
		return nil, err
	}
	s.digest = hex.EncodeToString(sum.Sum(nil))
	return s, nil
}

// removeSpooled removes what processes that were killed have left. One that runs has
// no name for its file, or one that cannot be removed while it is open.
func removeSpooled(dir string) error {
	all, err := os.ReadDir(dir)
	for _, e := range all {
		if is, _ := filepath.Match(spoolPattern, e.Name()); is {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
	return err
}

// open reads the rows from the first one on.
func (s *spooledRows) open() (io.ReadCloser, error) {
	return spooledReader{io.NewSectionReader(s.file, 0, s.size), s.file}, nil
}

// close removes them.
func (s *spooledRows) close() {
	_ = s.file.Close()
	_ = os.Remove(s.file.Name())
}

// spooledReader reads them once. A Parquet file is read at any place.
type spooledReader struct {
	*io.SectionReader
	file *os.File
}

// Stat is what the file is.
func (r spooledReader) Stat() (os.FileInfo, error) { return r.file.Stat() }

// Close leaves the file open, for the next one.
func (spooledReader) Close() error { return nil }

// rowsExtension is what a file of rows would be called, by how its text begins.
func rowsExtension(head []byte) string {
	switch text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n"); {
	case bytes.HasPrefix(text, []byte("{")):
		return ".jsonl"
	case bytes.HasPrefix(text, []byte("[")):
		return ".json"
	case bytes.HasPrefix(text, []byte("PAR1")):
		return ".parquet"
	}
	return ".csv"
}
