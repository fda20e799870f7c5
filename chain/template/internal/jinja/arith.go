package jinja

import (
	"math"
	"math/big"
	"strings"

	"github.com/tandem-llm/tandem/chain/template/internal/pyval"
)

// arithmetic returns a op b as Python has it.
func (r *renderer) arithmetic(at int, op string, a, b any) any {
	if x, ok := a.(int64); ok {
		if y, ok := b.(int64); ok && small(x) && small(y) {
			switch op {
			case "+":
				return x + y
			case "-":
				return x - y
			case "*":
				return x * y
			}
		}
	}
	i, intA := pyval.Big(a)
	j, intB := pyval.Big(b)
	if intA && intB {
		return r.integers(at, op, i, j)
	}
	_, floatA := a.(float64)
	_, floatB := b.(float64)
	if (intA || floatA) && (intB || floatB) {
		x, okX := pyval.Float(a)
		y, okY := pyval.Float(b)
		if !okX || !okY {
			refuse(at, "an integer is too large for a float")
		}
		return floats(at, op, x, y)
	}
	switch {
	case op == "+":
		if v := r.join(a, b); v != nil {
			return v
		}
	case op == "*" && intB:
		if v := r.repeat(at, a, j); v != nil {
			return v
		}
	case op == "*" && intA:
		if v := r.repeat(at, b, i); v != nil {
			return v
		}
	case op == "%":
		if s, ok := a.(string); ok {
			return r.percent(at, s, b)
		}
	}
	refuse(at, "%s cannot be between values of type %s and %s%s%s", op, typeName(a), typeName(b), why(a), why(b))
	return nil
}

func small(x int64) bool { return -1<<31 < x && x < 1<<31 }

func (r *renderer) join(a, b any) any {
	switch a := a.(type) {
	case string:
		if b, ok := b.(string); ok {
			r.take(len(a) + len(b))
			return a + b
		}
	case []any:
		if b, ok := b.([]any); ok {
			r.take(costItem * (len(a) + len(b)))
			return append(a[:len(a):len(a)], b...)
		}
	case pyval.Tuple:
		if b, ok := b.(pyval.Tuple); ok {
			r.take(costItem * (len(a) + len(b)))
			return append(a[:len(a):len(a)], b...)
		}
	}
	return nil
}

func (r *renderer) repeat(at int, v any, times *big.Int) any {
	n := 0
	if times.Sign() > 0 {
		n = maxWork + 1
		if times.IsInt64() {
			n = int(min(times.Int64(), maxWork+1))
		}
	}
	many := func(items []any) []any {
		if len(items) > 0 && n > maxWork/len(items) {
			r.take(maxWork + 1)
		}
		r.take(costItem * n * len(items))
		out := make([]any, 0, n*len(items))
		for range n * min(len(items), 1) {
			out = append(out, items...)
		}
		return out
	}
	switch v := v.(type) {
	case string:
		if len(v) > 0 && n > maxWork/len(v) {
			r.take(maxWork + 1)
		}
		r.take(n * len(v))
		if v == "" {
			return ""
		}
		return strings.Repeat(v, n)
	case []any:
		return many(v)
	case pyval.Tuple:
		return pyval.Tuple(many(v))
	}
	return nil
}

func (r *renderer) integers(at int, op string, x, y *big.Int) any {
	z := new(big.Int)
	switch op {
	case "+":
		z.Add(x, y)
	case "-":
		z.Sub(x, y)
	case "*":
		z.Mul(x, y)
	case "/":
		if y.Sign() == 0 {
			refuse(at, "division by zero")
		}
		f, _ := new(big.Rat).SetFrac(x, y).Float64()
		if math.IsInf(f, 0) {
			refuse(at, "an integer is too large for a float")
		}
		return f
	case "//", "%":
		if y.Sign() == 0 {
			refuse(at, "integer division or modulo by zero")
		}
		m := new(big.Int)
		z.DivMod(x, y, m) // Euclidean: the rest is never negative
		if y.Sign() < 0 && m.Sign() != 0 {
			z.Sub(z, big.NewInt(1))
			m.Add(m, y)
		}
		if op == "%" {
			z = m
		}
	case "**":
		if y.Sign() < 0 {
			a, _ := pyval.Float(x)
			b, _ := pyval.Float(y)
			return floats(at, op, a, b)
		}
		if x.BitLen() > 1 && (!y.IsInt64() || y.Int64() > maxBits || int64(x.BitLen())*y.Int64() > maxBits) {
			r.take(maxWork + 1)
		}
		if x.BitLen() <= 1 && y.Sign() > 0 { // 0, 1 and -1
			y = new(big.Int).Add(big.NewInt(2), new(big.Int).And(y, big.NewInt(1)))
		}
		z.Exp(x, y, nil)
	}
	if z.BitLen() > maxBits {
		r.take(maxWork + 1)
	}
	r.take(z.BitLen() / 8)
	return pyval.Int(z)
}

func floats(at int, op string, x, y float64) any {
	switch op {
	case "+":
		return x + y
	case "-":
		return x - y
	case "*":
		return x * y
	}
	if y == 0 && op != "**" {
		refuse(at, "float division by zero")
	}
	switch op {
	case "/":
		return x / y
	case "%", "//":
		m := math.Mod(x, y)
		if m != 0 && (m < 0) != (y < 0) {
			m += y
		}
		if op == "%" {
			if m == 0 {
				m = math.Copysign(0, y)
			}
			return m
		}
		return math.RoundToEven((x - m) / y)
	}
	f := math.Pow(x, y)
	if math.IsNaN(f) && x == x && y == y || x == 0 && y < 0 {
		refuse(at, "this power is no real number")
	}
	if math.IsInf(f, 0) && !math.IsInf(x, 0) && !math.IsInf(y, 0) {
		refuse(at, "this power is too large for a float")
	}
	return f
}

// percent is Python's text % values.
func (r *renderer) percent(at int, s string, values any) string {
	list := []any{values}
	dict, _ := values.(*pyval.Dict)
	if t, ok := values.(pyval.Tuple); ok {
		list = t
	}
	r.take(len(s))
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
				refuse(at, "there is no value for %%(%s)", key)
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
		r.take(b.Len() - min(b.Len(), len(s)))
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
	spec := ""
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
		refuse(at, "%%%c shows a number, and the value is a text", kind)
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
	refuse(at, "%%%s%c does not go with a value of type %s: %s", flags, kind, typeName(value), err)
	return ""
}
