package table

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/internal/diag"
)

// csvRows reads a table whose first line names the columns.
type csvRows struct {
	*source
	r     *csv.Reader
	comma rune
	names []string
}

func newCSV(s *source, comma rune) *csvRows {
	c := &csvRows{source: s, r: csv.NewReader(s), comma: comma}
	c.r.Comma, c.r.FieldsPerRecord = comma, -1
	return c
}

func (c *csvRows) columns() []string { return c.names }

func (c *csvRows) next() (Row, error) {
	if c.names == nil {
		if err := c.header(); err != nil {
			return Row{}, err
		}
	}
	record, err := c.record()
	if err != nil {
		return Row{}, err
	}
	line, _ := c.r.FieldPos(0)
	if len(record) != len(c.names) {
		return Row{}, c.file.errorAt(line, 0, fmt.Sprintf("%s, and there are %s", count(len(record), "field"), count(len(c.names), "column")), "put quotes around a text that holds a comma")
	}
	value := make(map[string]any, len(c.names))
	for i, name := range c.names {
		value[name] = record[i]
	}
	return Row{Line: line, Value: value, cell: func(column string) (int, int) { return c.cellAt(slices.Index(c.names, column)) }}, nil
}

// record reads the next line, or lines.
func (c *csvRows) record() ([]string, error) {
	c.startRow(c.r.InputOffset())
	record, err := c.r.Read()
	if err == nil || err == io.EOF {
		return record, err
	}
	return nil, c.badCSV(err)
}

func (c *csvRows) header() error {
	head, err := c.record()
	if err == io.EOF {
		return c.file.errorAt(0, 0, "there is nothing in it", "write the names of the columns into the first line")
	}
	if err != nil {
		return err
	}
	for i, name := range head {
		line, column := c.cellAt(i)
		name = strings.TrimSpace(name)
		switch {
		case name == "":
			return c.file.errorAt(line, column, "a column has no name", "write the name of an input of the chain")
		case slices.Contains(c.names, name):
			return c.file.errorAt(line, column, "the column "+diag.Quote(name)+" is here twice", "remove one")
		case len(head) == 1 && c.comma == ',' && strings.ContainsAny(name, ";\t"):
			return c.file.errorAt(line, column, "the columns are not separated by commas", "save it with commas, or as .tsv with tabs")
		}
		c.names = append(c.names, name)
	}
	return nil
}

// cellAt is where a field of the last record is; package csv counts bytes, and a
// place has characters.
func (c *csvRows) cellAt(field int) (line, column int) { return c.placeIn(c.r.FieldPos(field)) }

// badCSV is an error of package csv.
func (c *csvRows) badCSV(err error) error {
	if own := c.readError(err); own != nil {
		return own
	}
	bad := new(csv.ParseError)
	if !errors.As(err, &bad) {
		return c.file.errorAt(0, 0, err.Error(), "")
	}
	line, column := c.placeIn(bad.Line, bad.Column)
	switch {
	case errors.Is(bad.Err, csv.ErrBareQuote):
		return c.file.errorAt(line, column, `there is a " in a field without quotes`, `put quotes around the field, and write "" for one in it`)
	case errors.Is(bad.Err, csv.ErrQuote):
		return c.file.errorAt(bad.StartLine, 0, `a quoted field does not end where the next comma or line is`, `write "" for a quote in it, and end it with "`)
	}
	return c.file.errorAt(line, column, bad.Err.Error(), "")
}

// count is a number and what it counts.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
