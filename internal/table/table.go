// Package table reads files of rows, a row at a time: CSV and TSV tables whose
// first line names the columns, a JSON value on each line, a JSON list, plain
// lines, or a Parquet file. A text may be compressed with gzip or zstd, in any
// encoding, its fields separated by commas, semicolons, tabs or bars:
// [File.Format] tells. [File.Bind] makes the inputs of a chain of the rows. Every
// error is a [diag.Error] with its line and column, or its row.
package table

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/transform"

	"github.com/tandem-llm/tandem/internal/diag"
)

// MaxRow is the most that one row may have, in bytes.
const MaxRow = 64 << 20

// Row is one row of a file.
type Row struct {
	Number int            // from 1
	Line   int            // from 1; 0: not known
	Value  any            // what the file says; of a CSV or TSV file a map of texts
	Inputs map[string]any // of the chain that it is bound to; nil without one

	cell  func(column string) (line, col int) // where a CSV field is; nil: not a CSV or TSV file
	twice map[string]*diag.Error              // columns whose names are not theirs alone, and so without a value
}

// File is a file of rows. It is read anew by each range over its rows, and may
// be used by several goroutines.
type File struct {
	name     string
	open     func() (io.ReadCloser, error)
	encoding string // that was told; empty: recognised
	strict   bool   // nothing is guessed

	mu     sync.Mutex
	format *Format // nil: not recognised yet
}

// New returns the file of that name, whose text open returns from its beginning,
// each time it is called.
func New(name string, open func() (io.ReadCloser, error)) *File { return &File{name: name, open: open} }

// Text returns what a file of that name would be with this text.
func Text(name, text string) *File {
	return New(name, func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil })
}

func (f *File) unreadable(err error) error {
	if pe := new(fs.PathError); errors.As(err, &pe) {
		err = pe.Err
	}
	return &diag.Error{File: f.name, Message: "cannot be read: " + err.Error(), Err: err}
}

// rowReader reads rows until there are no more (io.EOF).
type rowReader interface {
	next() (Row, error)
	// columns are those of the rows read so far.
	columns() []string
}

// reader opens the file, as it is written.
func (f *File) reader() (_ rowReader, done func(), err error) {
	format, err := f.Format()
	if err != nil {
		return nil, nil, err
	}
	file, err := f.open()
	if err != nil {
		return nil, nil, f.unreadable(err)
	}
	closeFile := func() { _ = file.Close() } // it was only read
	if format.Kind == "parquet" {
		r, err := f.newParquet(file)
		return r, closeFile, err
	}
	text, closeText, err := f.decompressed(file, format.Compression)
	if err != nil {
		closeFile()
		return nil, nil, err
	}
	s := &source{file: f, r: text}
	if format.encoding != nil {
		s.r, s.encoding = transform.NewReader(text, format.encoding.NewDecoder()), format.Encoding
	}
	return newReader(s, format), func() { closeText(); closeFile() }, nil
}

func newReader(s *source, format Format) rowReader {
	switch format.Kind {
	case "jsonl":
		return &jsonLines{lines: lines{source: s}}
	case "json":
		return &jsonList{source: s}
	case "txt":
		return &plainLines{lines: lines{source: s}}
	}
	return newCSV(s, format)
}

func (f *File) unknownFormat() error {
	return f.errorAt(0, 0, "its format is unknown", "save or export it as CSV (.csv), or as .tsv, .jsonl, .json or .parquet; .gz or .zst may follow")
}

func (f *File) errorAt(line, column int, message, remedy string) *diag.Error {
	return &diag.Error{File: f.name, Line: line, Column: column, Message: message, Remedy: remedy}
}

// Rows reads the rows. An error is final.
func (f *File) Rows() iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		_, err := f.each(func(row Row) (bool, error) {
			for _, name := range slices.Sorted(maps.Keys(row.twice)) {
				return false, row.twice[name]
			}
			return yield(row, nil), nil
		})
		if err != nil {
			yield(Row{}, err)
		}
	}
}

// each calls do for each row until it returns false or an error, and returns the
// columns seen.
func (f *File) each(do func(Row) (bool, error)) (columns []string, err error) {
	r, done, err := f.reader()
	if err != nil {
		return nil, err
	}
	defer done()
	for n := 1; ; n++ {
		row, err := r.next()
		if err == io.EOF {
			return r.columns(), nil
		}
		if err != nil {
			return nil, err
		}
		row.Number = n
		more, err := do(row)
		if err != nil || !more {
			return r.columns(), err
		}
	}
}

// keys adds the keys of a JSON object to columns, in the order of the alphabet.
func keys(columns []string, value any) []string {
	object, _ := value.(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if !slices.Contains(columns, name) {
			columns = append(columns, name)
		}
	}
	return columns
}

func newlines(text []byte) int { return bytes.Count(text, []byte{'\n'}) }
