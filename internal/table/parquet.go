package table

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"
)

// parquetRows reads the rows of a Parquet file.
type parquetRows struct {
	file   *File
	schema *parquet.Schema
	groups []parquet.RowGroup // not begun yet
	rows   parquet.Rows       // of the group that is read; nil: of none
	read   []parquet.Row      // of rows, and not given yet
	names  []string
	number int // of the last row
}

// newParquet reads a file that can be read at any place.
func (f *File) newParquet(r io.ReadCloser) (_ rowReader, err error) {
	type placed interface {
		io.ReaderAt
		Stat() (fs.FileInfo, error)
	}
	at, ok := r.(placed)
	if !ok {
		return nil, f.errorAt(0, 0, "a Parquet file cannot be read from a pipe", "save it to a file first")
	}
	defer f.recovered(&err)
	st, err := at.Stat()
	if err != nil {
		return nil, f.unreadable(err)
	}
	opened, err := parquet.OpenFile(at, st.Size())
	if err != nil {
		return nil, f.notParquet(err)
	}
	p := &parquetRows{file: f, groups: opened.RowGroups(), schema: opened.Schema()}
	for _, field := range p.schema.Fields() {
		p.names = append(p.names, field.Name())
	}
	slices.Sort(p.names)
	return p, nil
}

func (f *File) notParquet(err error) error {
	return f.errorAt(0, 0, "it is not a whole Parquet file: "+err.Error(), "write it again")
}

// recovered makes an error of a panic: the library that reads the file has
// panicked at files that were damaged.
func (f *File) recovered(err *error) {
	if p := recover(); p != nil {
		*err = f.notParquet(fmt.Errorf("%v", p))
	}
}

func (p *parquetRows) columns() []string { return p.names }

func (p *parquetRows) next() (_ Row, err error) {
	defer p.file.recovered(&err)
	values := map[string]any{}
	record, err := p.record()
	if err == nil {
		err = p.schema.Reconstruct(&values, record)
	}
	switch {
	case err == io.EOF:
		return Row{}, io.EOF
	case err != nil:
		return Row{}, p.file.notParquet(err)
	}
	p.number++
	row := make(map[string]any, len(values))
	for _, field := range p.schema.Fields() {
		value, err := parquetValue(field, values[field.Name()])
		if err != nil {
			return Row{}, p.file.errorAt(0, 0, fmt.Sprintf("row %d, column %q: %v", p.number, field.Name(), err), "")
		}
		row[field.Name()] = value
	}
	return Row{Value: row}, nil
}

// record reads the next record of whichever group has one.
func (p *parquetRows) record() (parquet.Row, error) {
	const atOnce = 64
	for len(p.read) == 0 {
		if p.rows == nil {
			if len(p.groups) == 0 {
				return nil, io.EOF
			}
			p.rows, p.groups = p.groups[0].Rows(), p.groups[1:]
		}
		buf := make([]parquet.Row, atOnce)
		n, err := p.rows.ReadRows(buf)
		p.read = buf[:n]
		switch {
		case err == io.EOF:
			closing := p.rows.Close()
			if p.rows = nil; closing != nil {
				return nil, closing
			}
		case err != nil:
			return nil, err
		}
	}
	record := p.read[0]
	p.read = p.read[1:]
	return record, nil
}

// parquetValue is a value as JSON has it: times and dates as texts in RFC 3339,
// decimals as numbers with all digits, no number (NaN) as null.
func parquetValue(node parquet.Node, v any) (any, error) {
	if rv := reflect.ValueOf(v); rv.Kind() == reflect.Pointer {
		if _, number := v.(*big.Float); !number {
			if rv.IsNil() {
				return nil, nil
			}
			v = rv.Elem().Interface()
		}
	}
	if v == nil {
		return nil, nil
	}
	if list, ok := v.([]any); ok {
		return parquetList(node, list)
	}
	if object, ok := v.(map[string]any); ok {
		return parquetObject(node, object)
	}
	return parquetLeaf(node, v)
}

func parquetList(node parquet.Node, list []any) (any, error) {
	element := node
	if _, ok := logicalType(node).(*format.ListType); ok {
		element = node.Fields()[0].Fields()[0]
	}
	out := make([]any, len(list))
	for i, v := range list {
		var err error
		if out[i], err = parquetValue(element, v); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func parquetObject(node parquet.Node, object map[string]any) (any, error) {
	of := func(string) parquet.Node { return node.Fields()[0].Fields()[1] } // the value of a map
	if _, ok := logicalType(node).(*format.MapType); !ok {
		of = func(name string) parquet.Node {
			fields := node.Fields()
			return fields[slices.IndexFunc(fields, func(f parquet.Field) bool { return f.Name() == name })]
		}
	}
	out := make(map[string]any, len(object))
	for name, v := range object {
		var err error
		if out[name], err = parquetValue(of(name), v); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func parquetLeaf(node parquet.Node, v any) (any, error) {
	logical := logicalType(node)
	switch v := v.(type) {
	case bool:
		return v, nil
	case int32:
		return parquetInteger(logical, int64(v), uint64(uint32(v))), nil //nolint:gosec // its bits
	case int64:
		return parquetInteger(logical, v, uint64(v)), nil //nolint:gosec // its bits
	case deprecated.Int96:
		return timeOf96(v).Format(time.RFC3339Nano), nil
	case float32:
		return parquetFloat(float64(v))
	case float64:
		return parquetFloat(v)
	case *big.Float:
		digits := 0
		if decimal, ok := logical.(*format.DecimalType); ok {
			digits = int(decimal.Scale)
		}
		return json.Number(v.Text('f', digits)), nil
	case string:
		return parquetText(v)
	case []byte:
		return parquetText(string(v))
	}
	return nil, fmt.Errorf("values of this type (%s) cannot be read", node.Type())
}

// logicalType is what a column's values stand for; nil: themselves.
func logicalType(node parquet.Node) format.LogicalTypeValue {
	if t := node.Type().LogicalType(); t != nil {
		return t.Value
	}
	return nil
}

// parquetInteger is what an integer of the logical type stands for.
func parquetInteger(logical format.LogicalTypeValue, signed int64, unsigned uint64) any {
	switch t := logical.(type) {
	case *format.DateType:
		return time.Unix(0, 0).UTC().AddDate(0, 0, int(signed)).Format(time.DateOnly)
	case *format.TimestampType:
		layout := "2006-01-02T15:04:05.999999999"
		if t.IsAdjustedToUTC {
			layout = time.RFC3339Nano
		}
		return inUnits(t.Unit, signed).Format(layout)
	case *format.TimeType:
		return inUnits(t.Unit, signed).Format("15:04:05.999999999")
	case *format.IntType:
		if !t.IsSigned && unsigned > math.MaxInt64 {
			return json.Number(strconv.FormatUint(unsigned, 10))
		}
		if !t.IsSigned {
			return int(unsigned) //nolint:gosec // it is in range
		}
	}
	return int(signed)
}

// inUnits is the moment so many units after 1970.
func inUnits(unit format.TimeUnit, n int64) time.Time {
	switch unit.Value.(type) {
	case *format.MilliSeconds:
		return time.UnixMilli(n).UTC()
	case *format.MicroSeconds:
		return time.UnixMicro(n).UTC()
	}
	return time.Unix(0, n).UTC()
}

// timeOf96 is a time as old programs wrote it: nanoseconds of a day, and the day
// from the beginning of the Julian period.
func timeOf96(v deprecated.Int96) time.Time {
	const julianDayOf1970 = 2440588
	nanoseconds := int64(uint64(v[1])<<32 | uint64(v[0])) //nolint:gosec // its bits
	return time.Unix((int64(v[2])-julianDayOf1970)*24*60*60, nanoseconds).UTC()
}

func parquetFloat(v float64) (any, error) {
	switch {
	case math.IsNaN(v):
		return nil, nil
	case math.IsInf(v, 0):
		return nil, errors.New("an infinite number cannot be an input")
	}
	return v, nil
}

func parquetText(s string) (any, error) {
	if !utf8.ValidString(s) {
		return nil, errors.New("these bytes are not a text in UTF-8")
	}
	return s, nil
}
