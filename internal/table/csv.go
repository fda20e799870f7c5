package table

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/textx"
)

// csvRows reads a table whose first line names the columns.
type csvRows struct {
	csvReader
	declared bool // the first line tells the separator

	names []string               // "": a column without one
	twice map[string]*diag.Error // names that several columns have
}

func newCSV(s *source, format Format) *csvRows {
	return &csvRows{csvReader: csvReader{source: s, comma: format.Separator, at: cell{1, 1}}, declared: format.declared}
}

func (c *csvRows) columns() []string {
	var out []string
	for _, name := range c.names {
		if name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

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
	if len(record) != len(c.names) {
		at := cell{line: c.starts[0].line}
		if len(record) > len(c.names) {
			at = c.starts[len(c.names)] // the first that is too many
		}
		separator := strings.TrimSuffix(separatorName(c.comma), "s")
		remedy := "quote values that contain a " + separator
		if len(record) < len(c.names) {
			remedy = "add the missing fields, which may be empty"
		}
		return Row{}, c.file.errorAt(at.line, at.column, fmt.Sprintf("%s, but %s %s", textx.Count(len(record), "field"), map[bool]string{true: "there is", false: "there are"}[len(c.names) == 1], textx.Count(len(c.names), "column")), remedy)
	}
	value := make(map[string]any, len(c.names))
	for i, name := range c.names {
		if name != "" && c.twice[name] == nil {
			value[name] = record[i]
		}
	}
	return Row{Line: c.starts[0].line, Value: value, cell: c.cellOf, twice: c.twice}, nil
}

// cellOf is where a column's field of the last record is.
func (c *csvRows) cellOf(column string) (int, int) {
	at := c.starts[slices.Index(c.names, column)]
	return at.line, at.column
}

func (c *csvRows) header() error {
	head, err := c.record()
	if c.declared && err == nil {
		head, err = c.record()
	}
	if err == io.EOF {
		return c.file.errorAt(0, 0, "the file is empty", "put the column names in the first line")
	}
	if err != nil {
		return err
	}
	for i, name := range head {
		name = strings.TrimSpace(name)
		line, column := c.starts[i].line, c.starts[i].column
		if name != "" && slices.Contains(c.names, name) && c.twice[name] == nil {
			if c.twice == nil {
				c.twice = map[string]*diag.Error{}
			}
			c.twice[name] = c.file.errorAt(line, column, "the column "+diag.Quote(name)+" appears twice", "remove or rename one")
		}
		c.names = append(c.names, name)
	}
	if len(c.columns()) == 0 {
		return c.file.errorAt(1, 0, "no column has a name", "put the column names in the first line")
	}
	return nil
}
