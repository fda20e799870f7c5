// Package pyval has the values of templates as Python has them: what they look
// like as text, how a format shows them, and what counts as true. Prompts that
// were written for Python libraries rely on it.
//
// A plain value is nil, a bool, an int64, a *big.Int (where an int64 is too
// small), a float64, a string, a []any, a [Tuple] or a *[Dict]; [Plain] makes one
// of a Go value.
package pyval

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"time"
)

// Tuple is a list that Python shows in parentheses.
type Tuple []any

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// Plain returns a Go value as a plain one. Mappings get their keys in
// alphabetical order, as Go's have none. A [time.Time] becomes the text that
// Python's str gives a datetime, and a [fmt.Stringer] its String. Of other types,
// those made of the same kinds are taken as these. Errors: functions, structs and
// the like, values that contain themselves, and more than a million of them.
func Plain(v any) (any, error) {
	p := plainer{left: 1 << 20}
	return p.plain(v, 0)
}

type plainer struct{ left int }

func (p *plainer) plain(v any, depth int) (any, error) {
	p.left--
	if depth > maxDepth || p.left < 0 {
		return nil, errors.New("is too deep or too large, or contains itself")
	}
	switch v := v.(type) {
	case nil, bool, int64, string, float64:
		return v, nil
	case int:
		return int64(v), nil
	case []any:
		return p.plainList(len(v), func(i int) any { return v[i] }, depth)
	case []string:
		return p.plainList(len(v), func(i int) any { return v[i] }, depth)
	case map[string]any:
		d := NewDict(len(v))
		for _, k := range sortedKeys(v) {
			x, err := p.plain(v[k], depth+1)
			if err != nil {
				return nil, err
			}
			d.Set(k, x)
		}
		return d, nil
	case *Dict:
		return v, nil
	case Tuple:
		return v, nil
	case json.Number:
		return fromJSON(v)
	case *big.Int:
		return Int(v), nil
	case time.Time:
		return Datetime(v), nil
	case fmt.Stringer:
		if r := reflect.ValueOf(v); r.Kind() == reflect.Pointer && r.IsNil() {
			return nil, nil
		}
		return v.String(), nil
	}
	return p.reflected(reflect.ValueOf(v), depth)
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (p *plainer) plainList(n int, at func(int) any, depth int) (any, error) {
	out := make([]any, n)
	for i := range out {
		x, err := p.plain(at(i), depth+1)
		if err != nil {
			return nil, err
		}
		out[i] = x
	}
	return out, nil
}

// reflected takes types of the user's own by their kind.
func (p *plainer) reflected(r reflect.Value, depth int) (any, error) {
	switch r.Kind() {
	case reflect.Bool:
		return r.Bool(), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return r.Int(), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return Int(new(big.Int).SetUint64(r.Uint())), nil
	case reflect.Float32, reflect.Float64:
		return r.Float(), nil
	case reflect.String:
		return r.String(), nil
	case reflect.Slice, reflect.Array:
		return p.plainList(r.Len(), func(i int) any { return r.Index(i).Interface() }, depth)
	case reflect.Pointer:
		if r.IsNil() {
			return nil, nil
		}
		return p.plain(r.Elem().Interface(), depth+1)
	case reflect.Map:
		if r.Type().Key().Kind() == reflect.String {
			m := make(map[string]any, r.Len())
			for _, k := range r.MapKeys() {
				m[k.String()] = r.MapIndex(k).Interface()
			}
			return p.plain(m, depth)
		}
	}
	return nil, fmt.Errorf("is a %s, but templates take strings, numbers, booleans, lists and mappings", r.Type())
}

// fromJSON returns an integer where the number is written as one, as Python's
// json does.
func fromJSON(n json.Number) (any, error) {
	if i, err := n.Int64(); err == nil {
		return i, nil
	}
	if b, ok := new(big.Int).SetString(n.String(), 10); ok {
		return b, nil
	}
	f, err := n.Float64()
	if err != nil && f == 0 {
		return nil, fmt.Errorf("is not a number: %q", n.String())
	}
	return f, nil
}

// Int returns b as an int64 where it fits.
func Int(b *big.Int) any {
	if b.IsInt64() {
		return b.Int64()
	}
	return b
}

// Big returns an integer or a bool as a big one; ok is false for anything else.
func Big(v any) (b *big.Int, ok bool) {
	switch v := v.(type) {
	case bool:
		return big.NewInt(number(v)), true
	case int64:
		return big.NewInt(v), true
	case *big.Int:
		return v, true
	}
	return nil, false
}

// Float returns a number or a bool as a float; ok is false for anything else,
// and where an integer is too large for one.
func Float(v any) (f float64, ok bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int64:
		return float64(v), true
	case bool:
		return float64(number(v)), true
	case *big.Int:
		f, _ := new(big.Float).SetInt(v).Float64()
		return f, f-f == 0 // not infinite
	}
	return 0, false
}

// Truth reports what counts as true: not None, False, 0 and what is empty.
func Truth(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case *big.Int:
		return v.Sign() != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case Tuple:
		return len(v) > 0
	case *Dict:
		return v.Len() > 0
	}
	return true
}

// TypeName returns what Python calls the type of a plain value.
func TypeName(v any) string {
	switch v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case int64, *big.Int:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case []any:
		return "list"
	case Tuple:
		return "tuple"
	case *Dict:
		return "dict"
	}
	return fmt.Sprintf("%T", v)
}

// Datetime returns the text that Python's str gives a datetime.
func Datetime(t time.Time) string {
	layout := "2006-01-02 15:04:05"
	if t.Nanosecond() >= 1000 {
		layout += ".000000"
	}
	return t.Format(layout + "-07:00")
}
