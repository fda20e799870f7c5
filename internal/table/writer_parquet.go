package table

import (
	"fmt"
	"io"
	"slices"

	"github.com/parquet-go/parquet-go"
)

// parquetWriter writes a Parquet file, whose columns are all optional.
type parquetWriter struct {
	w       *parquet.GenericWriter[any]
	columns []Column
	row     []parquet.Row // the one that is written
	pending int           // bytes of texts in the rows that are in memory
}

// maxRowGroup is how many bytes of texts a group of rows has at most, and so about
// how much memory writing takes.
const maxRowGroup = 8 << 20

func newParquetWriter(w io.Writer, columns []Column) *parquetWriter {
	group := orderedGroup{Group: parquet.Group{}}
	for _, c := range columns {
		node := map[ColumnType]parquet.Node{
			Any: parquet.String(), Integer: parquet.Int(64), Number: parquet.Leaf(parquet.DoubleType), Bool: parquet.Leaf(parquet.BooleanType),
		}[c.Type]
		group.Group[c.Name] = parquet.Optional(node)
		group.order = append(group.order, c.Name)
	}
	schema := parquet.NewSchema("rows", group)
	return &parquetWriter{
		w:       parquet.NewGenericWriter[any](w, schema, parquet.Compression(&parquet.Zstd)),
		columns: columns, row: []parquet.Row{make(parquet.Row, len(columns))},
	}
}

// orderedGroup is a group whose fields are in the order that they were given in.
type orderedGroup struct {
	parquet.Group
	order []string
}

func (g orderedGroup) Fields() []parquet.Field {
	fields := g.Group.Fields()
	slices.SortFunc(fields, func(a, b parquet.Field) int {
		return slices.Index(g.order, a.Name()) - slices.Index(g.order, b.Name())
	})
	return fields
}

func (p *parquetWriter) Write(values []any) error {
	for i, v := range values {
		value, err := p.value(p.columns[i], v)
		if err != nil {
			return err
		}
		defined := 1
		if value.IsNull() {
			defined = 0
		}
		p.row[0][i] = value.Level(0, defined, i)
	}
	if _, err := p.w.WriteRows(p.row); err != nil {
		return err
	}
	if p.pending < maxRowGroup {
		return nil
	}
	p.pending = 0
	return p.w.Flush()
}

func (p *parquetWriter) value(c Column, v any) (parquet.Value, error) {
	if v == nil {
		return parquet.NullValue(), nil
	}
	switch c.Type {
	case Integer:
		switch n := v.(type) {
		case int:
			return parquet.Int64Value(int64(n)), nil
		case int64:
			return parquet.Int64Value(n), nil
		}
	case Number:
		if n, ok := v.(float64); ok {
			return parquet.DoubleValue(n), nil
		}
	case Bool:
		if b, ok := v.(bool); ok {
			return parquet.BooleanValue(b), nil
		}
	default:
		text, err := cellText(v)
		p.pending += len(text)
		return parquet.ByteArrayValue([]byte(text)), err
	}
	return parquet.Value{}, fmt.Errorf("column %q: %T is not of its type", c.Name, v)
}

func (p *parquetWriter) Close() error { return p.w.Close() }
