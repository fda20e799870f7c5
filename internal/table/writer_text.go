package table

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"strings"
)

// jsonWriter writes a JSON object a line. A column whose value is nil is left out.
type jsonWriter struct {
	w       io.Writer
	columns []Column
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
		if err := j.value(j.columns[i].Name); err != nil {
			return err
		}
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
	w       *csv.Writer
	options WriteOptions
	cells   []string
}

func newCSVWriter(w io.Writer, comma rune, columns []Column, o WriteOptions) (*csvWriter, error) {
	c := &csvWriter{w: csv.NewWriter(w), options: o}
	c.w.Comma = comma
	for _, column := range columns {
		c.cells = append(c.cells, c.escaped(column.Name))
	}
	return c, c.w.Write(c.cells)
}

func (c *csvWriter) Write(values []any) error {
	c.cells = c.cells[:0]
	for _, v := range values {
		cell, err := cellText(v)
		if err != nil {
			return err
		}
		if _, text := v.(string); text {
			cell = c.escaped(cell)
		}
		c.cells = append(c.cells, cell)
	}
	return c.w.Write(c.cells)
}

func (c *csvWriter) escaped(text string) string {
	if c.options.EscapeFormulas && text != "" && strings.IndexByte("=+-@\t\r\n", text[0]) >= 0 {
		return "'" + text
	}
	return text
}

func (c *csvWriter) Close() error {
	c.w.Flush()
	return c.w.Error()
}
