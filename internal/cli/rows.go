package cli

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/textx"
)

// table is a file of rows.
type table struct {
	file    string
	columns []string // in order; of JSON rows those of the first, then what others add
	rows    []tableRow
	unused  []string // columns that are no inputs of the chain
}

// tableRow is one row: what the file says, and the chain's inputs.
type tableRow struct {
	line   int
	places map[string]place // of a CSV file's cells
	value  any
	inputs map[string]any
}

type place struct{ line, column int }

// readTable reads a file of rows, and takes the chain's inputs from its
// columns. The inputs in given are the same for every row.
func readTable(ctx context.Context, c *chain.Chain, file string, given map[string]any) (*table, error) {
	data, err := readFile(ctx, file, maxInput)
	if err != nil {
		return nil, err
	}
	if err := checkText(file, data); err != nil {
		return nil, err
	}
	t, err := parseRows(file, string(data), true)
	if err != nil {
		return nil, err
	}
	return t, t.bind(c, given)
}

// parseRows reads rows as the file's name says. Those of JSON may be any value
// unless objects are asked for.
func parseRows(file, text string, objects bool) (*table, error) {
	text = strings.TrimPrefix(text, "\ufeff")
	t := &table{file: file}
	var err error
	switch strings.ToLower(filepath.Ext(file)) {
	case ".csv":
		err = t.csv(text, ',')
	case ".tsv":
		err = t.csv(text, '\t')
	case ".jsonl", ".ndjson":
		err = t.lines(text, objects)
	case ".json":
		err = t.list(text, objects)
	default:
		err = &diag.Error{File: file, Message: "its name does not say how its rows are written", Remedy: "name it .csv, .tsv, .jsonl or .json"}
	}
	if err == nil && objects && len(t.rows) == 0 {
		err = &diag.Error{File: file, Message: "there are no rows in it", Remedy: "write at least one"}
	}
	return t, err
}

func (t *table) fail(line, column int, message, remedy string) error {
	return &diag.Error{File: t.file, Line: line, Column: column, Message: message, Remedy: remedy}
}

// csv reads a table whose first line names the columns.
func (t *table) csv(text string, comma rune) error {
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.FieldsPerRecord = comma, -1
	lines := slices.Collect(strings.Lines(text))
	head, err := r.Read()
	if errors.Is(err, io.EOF) {
		return t.fail(0, 0, "there is nothing in it", "write the names of the columns into the first line")
	}
	if err != nil {
		return t.badCSV(lines, err)
	}
	for i, name := range head {
		at := cellAt(lines, r, i)
		name = strings.TrimSpace(name)
		switch {
		case name == "":
			return t.fail(at.line, at.column, "a column has no name", "write the name of an input of the chain")
		case slices.Contains(t.columns, name):
			return t.fail(at.line, at.column, "the column "+diag.Quote(name)+" is here twice", "remove one")
		case len(head) == 1 && comma == ',' && strings.ContainsAny(name, ";\t"):
			return t.fail(at.line, at.column, "the columns are not separated by commas", "save it with commas, or as .tsv with tabs")
		}
		t.columns = append(t.columns, name)
	}
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return t.badCSV(lines, err)
		}
		line, _ := r.FieldPos(0)
		if len(record) != len(head) {
			return t.fail(line, 0, fmt.Sprintf("%s, and there are %s", count(len(record), "field"), count(len(head), "column")), "put quotes around a text that holds a comma")
		}
		row := tableRow{line: line, places: make(map[string]place, len(head))}
		value := make(map[string]any, len(head))
		for i, name := range t.columns {
			value[name], row.places[name] = record[i], cellAt(lines, r, i)
		}
		row.value = value
		t.rows = append(t.rows, row)
	}
}

// cellAt is where a field stands; the reader counts bytes, and a place has
// characters.
func cellAt(lines []string, r *csv.Reader, field int) place {
	line, column := r.FieldPos(field)
	return inCharacters(lines, line, column)
}

func inCharacters(lines []string, line, column int) place {
	if line >= 1 && line <= len(lines) && column >= 1 && column-1 <= len(lines[line-1]) {
		column = 1 + utf8.RuneCountInString(lines[line-1][:column-1])
	}
	return place{line, column}
}

// badCSV is a mistake that package csv has found.
func (t *table) badCSV(lines []string, err error) error {
	bad := new(csv.ParseError)
	if !errors.As(err, &bad) {
		return t.fail(0, 0, err.Error(), "")
	}
	at := inCharacters(lines, bad.Line, bad.Column)
	switch {
	case errors.Is(bad.Err, csv.ErrBareQuote):
		return t.fail(at.line, at.column, `there is a " in a field without quotes`, `put quotes around the field, and write "" for one in it`)
	case errors.Is(bad.Err, csv.ErrQuote):
		return t.fail(bad.StartLine, 0, `a quoted field does not end where the next comma or line is`, `write "" for a quote in it, and end it with "`)
	}
	return t.fail(at.line, at.column, bad.Err.Error(), "")
}

// lines reads a JSON value a line.
func (t *table) lines(text string, objects bool) error {
	number := 0
	for line := range strings.Lines(text) {
		number++
		if strings.TrimSpace(line) == "" {
			continue
		}
		value, at, err := textx.DecodeJSON(line)
		if err != nil {
			return t.fail(number, 1+utf8.RuneCountInString(line[:at]), "this is not one JSON value: "+err.Error(), "write one a line")
		}
		if err := t.add(number, value, objects); err != nil {
			return err
		}
	}
	return nil
}

// list reads one JSON list.
func (t *table) list(text string, objects bool) error {
	value, at, err := textx.DecodeJSON(text)
	if err != nil {
		p := textx.PositionOf(text, at)
		return t.fail(p.Line, p.Column, "this is not JSON: "+err.Error(), "")
	}
	list, ok := value.([]any)
	if !ok {
		return t.fail(1, 1, "there is no list in it", `write [{"country": "India"}, …]`)
	}
	for _, v := range list {
		if err := t.add(0, v, objects); err != nil {
			return err
		}
	}
	return nil
}

func (t *table) add(line int, value any, objects bool) error {
	object, ok := value.(map[string]any)
	if !ok && objects {
		return t.fail(line, 0, fmt.Sprintf("row %d is no JSON object", len(t.rows)+1), `write the inputs by name: {"country": "India"}`)
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if !slices.Contains(t.columns, name) {
			t.columns = append(t.columns, name)
		}
	}
	t.rows = append(t.rows, tableRow{line: line, value: value})
	return nil
}

// bind takes the inputs of a chain from the columns of the same names.
func (t *table) bind(c *chain.Chain, given map[string]any) error {
	var used []string
	for _, name := range t.columns {
		_, isInput := c.Input(name)
		_, twice := given[name]
		switch {
		case isInput && twice:
			return usageError{fmt.Errorf("the input %q is a column of %s, and given with -p, too; remove one", name, t.file)}
		case isInput:
			used = append(used, name)
		default:
			t.unused = append(t.unused, name)
		}
	}
	for _, name := range c.Inputs() {
		in, _ := c.Input(name)
		if _, ok := given[name]; !ok && in.Default == nil && !in.Optional && !slices.Contains(used, name) {
			return t.fail(1, 0, "there is no column for the input "+diag.Quote(name), "add one, or give it with -p; the columns are "+strings.Join(t.columns, ", "))
		}
	}
	if len(used) == 0 {
		return t.fail(1, 0, "no column is an input of the chain", "the inputs are "+strings.Join(c.Inputs(), ", "))
	}
	for i := range t.rows {
		if err := t.bindRow(c, &t.rows[i], i, used, given); err != nil {
			return err
		}
	}
	return nil
}

func (t *table) bindRow(c *chain.Chain, row *tableRow, i int, used []string, given map[string]any) error {
	row.inputs = maps.Clone(given)
	if row.inputs == nil {
		row.inputs = map[string]any{}
	}
	values, _ := row.value.(map[string]any)
	for _, name := range used {
		in, _ := c.Input(name)
		value := values[name]
		at, cell := row.places[name]
		switch {
		case cell:
			v, err := valueAs(in.Type, value.(string))
			if err != nil {
				return t.fail(at.line, at.column, fmt.Sprintf("the input %q is a %s, and %v", name, in.Type, err), "")
			}
			value = v
		case value == nil && (in.Default != nil || in.Optional):
			continue
		case value == nil:
			return t.fail(row.line, 0, fmt.Sprintf("row %d has no %q, which is an input of the chain", i+1, name), "write it")
		case in.Type != chain.TypeAny && typeOfJSON(value) != in.Type:
			return t.fail(row.line, 0, fmt.Sprintf("the input %q is a %s, and in row %d it is a %s", name, in.Type, i+1, typeOfJSON(value)), "")
		}
		row.inputs[name] = value
	}
	return nil
}

// count is a number and what it counts.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
