package table

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// Writer writes rows, a row at a time, in the format that the file's name says.
// Nothing that was written is whole before Close has returned without an error.
type Writer interface {
	// Write writes a row: a value for each column.
	Write(values []any) error
	// Close ends the file. It does not close what it is written to.
	Close() error
}

// Flat reports whether the format that a name says has a text in each cell: what is
// more than that is JSON there.
func Flat(name string) bool { return extension(name) == ".csv" || extension(name) == ".tsv" }

// Writable returns an error unless a file of that name can be written.
func Writable(name string) error {
	switch extension(name) {
	case ".csv", ".tsv", ".jsonl", ".ndjson":
		return nil
	}
	return fmt.Errorf("the format of %s is unknown; name it .jsonl, .csv or .tsv", name)
}

func extension(name string) string { return strings.ToLower(filepath.Ext(name)) }

// NewWriter returns a writer of the format that a name says, see [Writable].
func NewWriter(name string, w io.Writer, columns []string) (Writer, error) {
	switch extension(name) {
	case ".csv", ".tsv":
		c := &csvWriter{w: csv.NewWriter(w)}
		if extension(name) == ".tsv" {
			c.w.Comma = '\t'
		}
		return c, c.w.Write(columns)
	case ".jsonl", ".ndjson":
		return &jsonWriter{w: w, columns: columns}, nil
	}
	return nil, Writable(name)
}

// jsonWriter writes a JSON object a line. A column whose value is nil is left out.
type jsonWriter struct {
	w       io.Writer
	columns []string
	buf     bytes.Buffer
}

func (j *jsonWriter) Write(values []any) error {
	j.buf.Reset()
	separator := byte('{')
	for i, v := range values {
		if v == nil {
			continue
		}
		j.buf.WriteByte(separator)
		separator = ','
		j.value(j.columns[i])
		j.buf.WriteByte(':')
		if err := j.value(v); err != nil {
			return err
		}
	}
	if separator == '{' {
		j.buf.WriteByte('{')
	}
	j.buf.WriteString("}\n")
	_, err := j.w.Write(j.buf.Bytes())
	return err
}

// value writes a value without the line that an Encoder ends it with.
func (j *jsonWriter) value(v any) error {
	enc := json.NewEncoder(&j.buf)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	j.buf.Truncate(len(bytes.TrimRight(j.buf.Bytes(), "\n")))
	return err
}

func (j *jsonWriter) Close() error { return nil }

// csvWriter writes a table whose first line names the columns.
type csvWriter struct {
	w     *csv.Writer
	cells []string
}

func (c *csvWriter) Write(values []any) error {
	c.cells = c.cells[:0]
	for _, v := range values {
		text, err := cellText(v)
		if err != nil {
			return err
		}
		c.cells = append(c.cells, text)
	}
	return c.w.Write(c.cells)
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

func (c *csvWriter) Close() error {
	c.w.Flush()
	return c.w.Error()
}
