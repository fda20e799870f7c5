package table

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/textx"
)

// Bound is a file of rows whose columns are inputs of a chain. It may be used by
// several goroutines.
type Bound struct {
	Len    int      // how many rows there are
	Unused []string // columns that are not inputs of the chain
	Empty  Empty    // cells of a CSV file that are empty inputs
	Format Format   // how the file is written

	file  *File
	chain *chain.Chain
	given map[string]any
}

// Empty are the cells of inputs that have nothing in them.
type Empty struct {
	Cells     int    // how many; 0: none, and the rest is unset
	Row, Line int    // of the first, both from 1
	Input     string // of the first
}

// addEmpty counts the empty cells of a row that are inputs.
func (b *Bound) addEmpty(row *Row, object map[string]any) {
	for _, name := range b.chain.Inputs() {
		if object[name] != "" {
			continue
		}
		if b.Empty.Cells == 0 {
			b.Empty = Empty{Row: row.Number, Line: row.Line, Input: name}
		}
		b.Empty.Cells++
	}
}

// Bind takes a chain's inputs from the columns of the same names; those in given
// are the same for every row. It reads the whole file, and keeps nothing of it:
// an error in any row is found before the first one runs.
func (f *File) Bind(c *chain.Chain, given map[string]any) (*Bound, error) {
	format, err := f.Format()
	if err != nil {
		return nil, err
	}
	if format.Kind == "txt" {
		return nil, f.unknownFormat() // lines have no names
	}
	b := &Bound{Format: format, file: f, chain: c, given: given}
	var badRow error // the first; what is wrong with a column explains it better
	columns, err := f.each(func(row Row) (bool, error) {
		b.Len++
		for _, name := range slices.Sorted(maps.Keys(row.twice)) {
			if _, isInput := c.Input(name); isInput {
				return false, row.twice[name]
			}
		}
		object, ok := row.Value.(map[string]any)
		if !ok {
			return false, f.errorAt(row.Line, 0, fmt.Sprintf("row %d is not a JSON object", row.Number), `write the inputs by name: {"country": "India"}`)
		}
		if format.Kind == "csv" || format.Kind == "tsv" {
			b.addEmpty(&row, object)
		}
		if badRow == nil {
			_, badRow = b.inputs(&row, object)
		}
		return true, nil
	})
	switch {
	case err != nil:
		return nil, err
	case b.Len == 0:
		return nil, f.errorAt(0, 0, "it has no rows", "write at least one")
	}
	if err := b.bindColumns(columns); err != nil {
		return nil, err
	}
	return b, badRow
}

// bindColumns checks that there are the columns that the chain needs.
func (b *Bound) bindColumns(columns []string) error {
	var used []string
	for _, name := range columns {
		_, isInput := b.chain.Input(name)
		_, twice := b.given[name]
		switch {
		case isInput && twice:
			return b.file.errorAt(0, 0, fmt.Sprintf("the input %q is both a column of %s and given with -p", name, b.file.name), "remove one")
		case isInput:
			used = append(used, name)
		default:
			b.Unused = append(b.Unused, name)
		}
	}
	for _, name := range b.chain.Inputs() {
		in, _ := b.chain.Input(name)
		if _, ok := b.given[name]; !ok && in.Default == nil && !in.Optional && !slices.Contains(used, name) {
			return b.file.errorAt(b.file.headerLine(), 0, "no column for the input "+diag.Quote(name), addColumn(name, columns, b.Unused))
		}
	}
	if len(used) == 0 {
		return b.file.errorAt(b.file.headerLine(), 0, "no column is an input of the chain", "the inputs are "+strings.Join(b.chain.Inputs(), ", "))
	}
	return nil
}

// addColumn says how an input that no column has may come.
func addColumn(input string, columns, unused []string) string {
	if near, ok := diag.Nearest(input, unused); ok {
		return "rename the column " + diag.Quote(near) + ", or use -p"
	}
	if len(columns) == 1 {
		return "add one, or use -p (the only column is " + columns[0] + ")"
	}
	return "add one, or use -p (the columns are " + strings.Join(columns, ", ") + ")"
}

// Rows reads the rows, with their inputs. An error is final: the file has changed
// since it was bound.
func (b *Bound) Rows() iter.Seq2[Row, error] { return b.First(b.Len) }

// First is [Bound.Rows] of the first n rows, at least one.
func (b *Bound) First(n int) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		_, err := b.file.each(func(row Row) (_ bool, err error) {
			object, _ := row.Value.(map[string]any)
			if row.Inputs, err = b.inputs(&row, object); err != nil {
				return false, err
			}
			row.cell = nil
			return yield(row, nil) && row.Number < n, nil
		})
		if err != nil {
			yield(Row{}, err)
		}
	}
}

// inputs are a row's, of the types that they are declared to have.
func (b *Bound) inputs(row *Row, values map[string]any) (map[string]any, error) {
	inputs := maps.Clone(b.given)
	if inputs == nil {
		inputs = map[string]any{}
	}
	for _, name := range b.chain.Inputs() {
		if _, ok := b.given[name]; ok {
			continue
		}
		in, _ := b.chain.Input(name)
		value := values[name]
		text, isText := value.(string)
		switch {
		case row.cell != nil && isText:
			v, err := ParseValue(in.Type, text)
			if err != nil {
				line, column := row.cell(name)
				return nil, b.file.errorAt(line, column, fmt.Sprintf("the input %q is a %s, but %v", name, in.Type, err), "")
			}
			value = v
		case value == nil && (in.Default != nil || in.Optional):
			continue
		case value == nil:
			return nil, b.file.errorAt(row.Line, 0, fmt.Sprintf("row %d: missing input %q", row.Number, name), "write it")
		case in.Type != chain.TypeAny && typeOf(value) != in.Type:
			return nil, b.file.errorAt(row.Line, 0, fmt.Sprintf("the input %q is a %s, but in row %d it is a %s", name, in.Type, row.Number, typeOf(value)), "")
		}
		inputs[name] = value
	}
	return inputs, nil
}

// ParseValue reads a text as a value of a type: everything but a text is JSON.
// The error ends a sentence.
func ParseValue(typ chain.Type, text string) (any, error) {
	if typ == chain.TypeText || typ == chain.TypeAny {
		return text, nil
	}
	example := map[chain.Type]string{chain.TypeList: `["a", "b"]`, chain.TypeMap: `{"a": 1}`, chain.TypeBool: "true or false", chain.TypeNumber: "3.5"}[typ]
	value, _, err := textx.DecodeJSON(text)
	if err != nil {
		return nil, fmt.Errorf("%s is not JSON: write it as %s", diag.Quote(strings.TrimSpace(text)), example)
	}
	if typeOf(value) != typ {
		return nil, fmt.Errorf("%s is a %s: write it as %s", diag.Quote(strings.TrimSpace(text)), typeOf(value), example)
	}
	return value, nil
}

// typeOf is the type of a value that came from JSON.
func typeOf(v any) chain.Type {
	switch v.(type) {
	case string:
		return chain.TypeText
	case []any:
		return chain.TypeList
	case map[string]any:
		return chain.TypeMap
	case bool:
		return chain.TypeBool
	case int, float64, json.Number:
		return chain.TypeNumber
	}
	return chain.TypeAny
}
