package jinja

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/tandem-llm/tandem/chain/template/internal/pyval"
	"github.com/tandem-llm/tandem/internal/textx"
)

// toInt reads a text as Python's int does; nil: it is none.
func toInt(s string, base int) any {
	s = strings.TrimFunc(s, textx.IsSpace)
	if len(s) > 1000 || strings.HasPrefix(s, "_") || strings.HasSuffix(s, "_") || strings.Contains(s, "__") {
		return nil
	}
	b, ok := new(big.Int).SetString(strings.ReplaceAll(s, "_", ""), base)
	if !ok {
		return nil
	}
	return pyval.Int(b)
}

// toFloat reads a text or a number as Python's float does.
func toFloat(v any) (float64, bool) {
	s, ok := v.(string)
	if !ok {
		return pyval.Float(v)
	}
	s = strings.ToLower(strings.TrimFunc(s, textx.IsSpace))
	if strings.HasPrefix(strings.TrimLeft(s, "+-"), "0x") {
		return 0, false
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	return f, err == nil || math.IsInf(f, 0)
}

func filterInt(r *renderer, at int, v any, a args) any {
	b := r.bind(at, "int", a, "default?", "base?")
	switch x := v.(type) {
	case string:
		r.spend(len(x))
		if i := toInt(x, min(max(b.int("base", 10), 2), 36)); i != nil {
			return i
		}
	case undefined:
		return b.any("default", int64(0))
	default:
		if i, ok := pyval.Big(v); ok {
			return pyval.Int(i)
		}
	}
	f, ok := toFloat(v)
	if !ok || math.IsNaN(f) || math.IsInf(f, 0) {
		return b.any("default", int64(0))
	}
	i, _ := big.NewFloat(math.Trunc(f)).Int(nil)
	return pyval.Int(i)
}

func filterFloat(r *renderer, at int, v any, a args) any {
	b := r.bind(at, "float", a, "default?")
	if s, ok := v.(string); ok {
		r.spend(len(s))
	}
	if f, ok := toFloat(v); ok {
		return f
	}
	return b.any("default", 0.0)
}

func filterRound(r *renderer, at int, v any, a args) any {
	b := r.bind(at, "round", a, "precision?", "method?")
	precision, method := b.int("precision", 0), b.textArg("method", "common")
	f, ok := pyval.Float(v)
	if !ok {
		refuse(at, "round takes a number, but got a value of type %s%s", typeName(v), why(v))
	}
	if precision > 300 || precision < -300 {
		refuse(at, "round takes a precision between -300 and 300")
	}
	_, isFloat := v.(float64)
	switch method {
	case "common":
		if !isFloat && precision >= 0 {
			i, _ := pyval.Big(v)
			return pyval.Int(i)
		}
		if precision >= 0 {
			f, _ = strconv.ParseFloat(strconv.FormatFloat(f, 'f', precision, 64), 64)
		} else {
			scale := math.Pow10(-precision)
			f = math.RoundToEven(f/scale) * scale
		}
	case "ceil":
		f = math.Ceil(f*math.Pow10(precision)) / math.Pow10(precision)
	case "floor":
		f = math.Floor(f*math.Pow10(precision)) / math.Pow10(precision)
	default:
		refuse(at, "round has the methods common, ceil and floor")
	}
	if !isFloat && method == "common" {
		return int64(f)
	}
	return f
}
