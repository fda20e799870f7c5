package pyval

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxDepth bounds how deep lists and mappings lie in each other.
const maxDepth = 100

// Errors of a [Meter], and of values that are nested too deep.
var (
	ErrTooMuch = errors.New("this exceeds the work or memory a template may use")
	ErrTooDeep = errors.New("lists and mappings are nested too deep")
)

// Meter is what may still be spent, in bytes and steps. A nil Meter is without
// bound: for values that came from outside, and are no larger than they are.
type Meter struct{ Left int }

// Take spends n. The error is [ErrTooMuch].
func (m *Meter) Take(n int) error {
	if m == nil {
		return nil
	}
	if n > m.Left {
		m.Left = 0
		return ErrTooMuch
	}
	m.Left -= n
	return nil
}

// Str returns Python's str of a plain value: a text as it is, and else what
// [Repr] gives.
func Str(v any, m *Meter) (string, error) {
	if s, ok := v.(string); ok {
		return s, nil
	}
	return Repr(v, m)
}

// Repr returns Python's repr of a plain value. The error is [ErrTooMuch] or
// [ErrTooDeep].
func Repr(v any, m *Meter) (string, error) {
	b, err := appendRepr(nil, v, m, 0)
	return string(b), err
}

// ASCII returns Python's ascii of a plain value: its repr, with an escape for
// every character that is not ASCII.
func ASCII(v any, m *Meter) (string, error) {
	s, err := Repr(v, m)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, r := range s {
		if r < utf8.RuneSelf {
			b.WriteRune(r)
		} else {
			b.WriteString(escape(r))
		}
	}
	return b.String(), nil
}

func appendRepr(b []byte, v any, m *Meter, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, ErrTooDeep
	}
	before := len(b)
	var err error
	switch v := v.(type) {
	case nil:
		b = append(b, "None"...)
	case bool:
		b = append(b, "False"...)
		if v {
			b = append(b[:before], "True"...)
		}
	case int64:
		b = strconv.AppendInt(b, v, 10)
	case *big.Int:
		b = v.Append(b, 10)
	case float64:
		b = append(b, FloatRepr(v)...)
	case string:
		b = appendQuoted(b, v)
	case []any:
		b, err = appendItems(append(b, '['), v, m, depth)
		return append(b, ']'), err
	case Tuple:
		b, err = appendItems(append(b, '('), v, m, depth)
		if len(v) == 1 {
			b = append(b, ',')
		}
		return append(b, ')'), err
	case *Dict:
		b = append(b, '{')
		for i := range v.keys {
			if i > 0 {
				b = append(b, ", "...)
			}
			if b, err = appendRepr(b, v.keys[i], m, depth+1); err != nil {
				return nil, err
			}
			if b, err = appendRepr(append(b, ": "...), v.values[i], m, depth+1); err != nil {
				return nil, err
			}
		}
		return append(b, '}'), m.Take(2)
	default:
		b = fmt.Append(b, v)
	}
	return b, m.Take(len(b) - before)
}

func appendItems(b []byte, items []any, m *Meter, depth int) ([]byte, error) {
	for i, x := range items {
		if i > 0 {
			b = append(b, ", "...)
		}
		var err error
		if b, err = appendRepr(b, x, m, depth+1); err != nil {
			return nil, err
		}
	}
	return b, m.Take(2 + 2*len(items))
}

// FloatRepr returns the shortest text that is this float, as Python writes it.
func FloatRepr(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 0):
		return strings.Trim(strings.ToLower(strconv.FormatFloat(f, 'f', -1, 64)), "+")
	}
	e := strconv.FormatFloat(f, 'e', -1, 64)
	exp, _ := strconv.Atoi(e[strings.IndexByte(e, 'e')+1:])
	if f != 0 && (exp < -4 || exp >= 16) {
		return e
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// appendQuoted quotes with ', or with " where the text has ' and no ".
func appendQuoted(b []byte, s string) []byte {
	quote := '\''
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	b = append(b, byte(quote))
	for _, r := range s {
		switch {
		case r == quote || r == '\\':
			b = utf8.AppendRune(append(b, '\\'), r)
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r == '\t':
			b = append(b, `\t`...)
		case unicode.IsPrint(r):
			b = utf8.AppendRune(b, r)
		default:
			b = append(b, escape(r)...)
		}
	}
	return append(b, byte(quote))
}

func escape(r rune) string {
	switch {
	case r <= 0xff:
		return fmt.Sprintf(`\x%02x`, r)
	case r <= 0xffff:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}
