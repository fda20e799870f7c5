package table

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// Writer writes rows, a row at a time, in the format that the file's name says.
// Nothing that was written is whole before Close has returned without an error.
type Writer interface {
	// Write writes a row: a value for each column, nil where there is none.
	Write(values []any) error
	// Close ends the file. It does not close what it is written to.
	Close() error
}

// Column is one column of a file that is written.
type Column struct {
	Name string
	Type ColumnType
}

// ColumnType is what the values of a column are. Only Parquet makes a difference.
type ColumnType int

// The types.
const (
	Any     ColumnType = iota // a text as it is, and anything else as JSON
	Integer                   // int, int64
	Number                    // float64
	Bool                      // bool
)

// WriteOptions are what the name of a file does not say.
type WriteOptions struct {
	// EscapeFormulas puts an apostrophe before each text in a CSV or TSV file that a
	// spreadsheet would run as a formula: one that begins with =, +, -, @, a tab or a
	// line end.
	EscapeFormulas bool
}

// Flat reports whether the format that a name says has one value in each cell: what
// is more than that is JSON there.
func Flat(name string) bool {
	kind, _ := written(name)
	return kind != ".jsonl" && kind != ".ndjson"
}

// Writable returns an error unless a file of that name can be written.
func Writable(name string) error {
	switch kind, compression := written(name); kind {
	case ".csv", ".tsv", ".jsonl", ".ndjson":
		return nil
	case ".parquet":
		if compression != "" {
			return fmt.Errorf("%s: a Parquet file is compressed within; name it without %s", name, compression)
		}
		return nil
	}
	return fmt.Errorf("the format of %s is unknown; name it .jsonl, .csv, .tsv or .parquet (.gz or .zst may follow)", name)
}

// written is what a name says of its format: its extension, and that of a
// compression behind it.
func written(name string) (kind, compression string) {
	name = strings.ToLower(name)
	if ext := filepath.Ext(name); ext == ".gz" || ext == ".zst" {
		name, compression = strings.TrimSuffix(name, ext), ext
	}
	return filepath.Ext(name), compression
}

// NewWriter returns a writer of the format that a name says, see [Writable].
func NewWriter(name string, w io.Writer, columns []Column, o WriteOptions) (Writer, error) {
	if err := Writable(name); err != nil {
		return nil, err
	}
	kind, compression := written(name)
	switch compression {
	case ".gz":
		z := gzip.NewWriter(w)
		return closing(newWriter(kind, z, columns, o))(z)
	case ".zst":
		z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		return closing(newWriter(kind, z, columns, o))(z)
	}
	return newWriter(kind, w, columns, o)
}

func newWriter(kind string, w io.Writer, columns []Column, o WriteOptions) (Writer, error) {
	switch kind {
	case ".csv":
		return newCSVWriter(w, ',', columns, o)
	case ".tsv":
		return newCSVWriter(w, '\t', columns, o)
	case ".parquet":
		return newParquetWriter(w, columns), nil
	}
	return &jsonWriter{w: w, columns: columns}, nil
}

// compressed is a writer to a compressor, which ends with it.
type compressed struct {
	Writer
	compressor io.Closer
}

func closing(w Writer, err error) func(io.Closer) (Writer, error) {
	return func(c io.Closer) (Writer, error) {
		if err != nil {
			return nil, errors.Join(err, c.Close())
		}
		return compressed{w, c}, nil
	}
}

func (c compressed) Close() error {
	return errors.Join(c.Writer.Close(), c.compressor.Close())
}

// cellText is a value as a cell has it: a text as it is, nothing for nil, and JSON
// for everything else.
func cellText(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	}
	data, err := json.Marshal(v)
	return string(data), err
}
