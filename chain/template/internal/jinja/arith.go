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
			r.spend(len(a) + len(b))
			return a + b
		}
	case []any:
		if b, ok := b.([]any); ok {
			r.spend(costItem * (len(a) + len(b)))
			return append(a[:len(a):len(a)], b...)
		}
	case pyval.Tuple:
		if b, ok := b.(pyval.Tuple); ok {
			r.spend(costItem * (len(a) + len(b)))
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
			r.spend(maxWork + 1)
		}
		r.spend(costItem * n * len(items))
		out := make([]any, 0, n*len(items))
		for range n * min(len(items), 1) {
			out = append(out, items...)
		}
		return out
	}
	switch v := v.(type) {
	case string:
		if len(v) > 0 && n > maxWork/len(v) {
			r.spend(maxWork + 1)
		}
		r.spend(n * len(v))
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
			r.spend(maxWork + 1)
		}
		if x.BitLen() <= 1 && y.Sign() > 0 { // 0, 1 and -1
			y = new(big.Int).Add(big.NewInt(2), new(big.Int).And(y, big.NewInt(1)))
		}
		z.Exp(x, y, nil)
	}
	if z.BitLen() > maxBits {
		r.spend(maxWork + 1)
	}
	r.spend(z.BitLen() / 8)
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
		refuse(at, "this power is not a real number")
	}
	if math.IsInf(f, 0) && !math.IsInf(x, 0) && !math.IsInf(y, 0) {
		refuse(at, "this power is too large for a float")
	}
	return f
}
