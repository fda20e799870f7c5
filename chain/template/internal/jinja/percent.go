package jinja

import (
	"math"
	"math/big"
	"strings"

	"github.com/tandem-llm/tandem/chain/template/internal/pyval"
)

// percent is Python's text % values.
func (r *renderer) percent(at int, s string, values any) string {
	list := []any{values}
	dict, _ := values.(*pyval.Dict)
	if t, ok := values.(pyval.Tuple); ok {
		list = t
	}
	r.spend(len(s))
	var b strings.Builder
	used := 0
	for {
		i := strings.IndexByte(s, '%')
		if i < 0 {
			break
		}
		b.WriteString(s[:i])
		s = s[i+1:]
		if strings.HasPrefix(s, "%") {
			b.WriteByte('%')
			s = s[1:]
			continue
		}
		var value any
		named := strings.HasPrefix(s, "(")
		if named {
			key, rest, ok := strings.Cut(s[1:], ")")
			if ok = ok && dict != nil; ok {
				value, ok = dict.Get(key)
			}
			if !ok {
				refuse(at, "missing value for %%(%s)", key)
			}
			s = rest
		}
		n := 0
		for n < len(s) && strings.IndexByte("#0- +.123456789", s[n]) >= 0 {
			n++
		}
		if n == len(s) {
			refuse(at, "the format ends in the middle")
		}
		if !named {
			if used == len(list) {
				refuse(at, "there are not enough values for the format")
			}
			value = list[used]
			used++
		}
		b.WriteString(r.conversion(at, s[:n], s[n], value))
		r.spend(b.Len() - min(b.Len(), len(s)))
		s = s[n+1:]
	}
	if dict == nil && used < len(list) {
		refuse(at, "not all values are used by the format")
	}
	b.WriteString(s)
	return b.String()
}

// conversion is one of percent's, put in terms of str.format's.
func (r *renderer) conversion(at int, flags string, kind byte, value any) string {
	digits := strings.TrimLeft(flags, "#0- +")
	set := flags[:len(flags)-len(digits)]
	var spec string
	number := strings.IndexByte("diuoxXeEfFgG", kind) >= 0
	width, precision, hasPrecision := strings.Cut(digits, ".")
	switch kind {
	case 's':
		value = r.str(value)
	case 'r', 'a':
		f := pyval.Repr
		if kind == 'a' {
			f = pyval.ASCII
		}
		s, err := f(value, &r.meter)
		r.must(err)
		value, kind = s, 's'
	case 'c':
		if s, ok := value.(string); ok && len([]rune(s)) == 1 {
			kind = 's'
		}
	case 'd', 'i', 'u':
		if f, ok := value.(float64); ok {
			if math.IsNaN(f) || math.IsInf(f, 0) {
				refuse(at, "%%d shows no %s", pyval.FloatRepr(f))
			}
			b, _ := big.NewFloat(math.Trunc(f)).Int(nil)
			value = pyval.Int(b)
		}
		kind = 'd'
	}
	if _, ok := value.(string); ok && number {
		refuse(at, "%%%c needs a number, but the value is a string", kind)
	}
	switch {
	case strings.Contains(set, "-"):
		spec = "<"
	case strings.Contains(set, "0") && number:
		spec = "0="
	default:
		spec = ">"
	}
	for _, sign := range []string{"+", " "} {
		if number && strings.Contains(set, sign) {
			spec += sign
			break
		}
	}
	if strings.Contains(set, "#") && number {
		spec += "#"
	}
	spec += width
	if hasPrecision && kind != 'd' {
		spec += "." + strings.TrimLeft(precision, "0")
		if strings.Trim(precision, "0") == "" {
			spec += "0"
		}
	}
	f, err := pyval.ParseSpec(spec + string(rune(kind)))
	if err == nil {
		var s string
		if s, err = pyval.Format(value, f); err == nil {
			return s
		}
	}
	refuse(at, "%%%s%c cannot format a value of type %s: %s", flags, kind, typeName(value), err)
	return ""
}
