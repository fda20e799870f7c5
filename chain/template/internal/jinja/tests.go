package jinja

import (
	"math/big"
	"strings"
	"unicode"

	"github.com/tandem-llm/tandem/chain/template/internal/pyval"
)

// test is what stands behind is.
type test func(r *renderer, at int, v any, a args) bool

// testNames are those that testOf knows.
func testNames() []string {
	return []string{
		"boolean", "callable", "defined", "divisibleby", "eq", "equalto", "even", "false", "float", "ge", "greaterthan",
		"gt", "in", "integer", "iterable", "le", "lessthan", "lower", "lt", "mapping", "ne", "none", "number", "odd",
		"sameas", "sequence", "string", "true", "undefined", "upper",
	}
}

// testOf returns a test by its name, or nil.
func testOf(name string) test {
	simple := func(f func(v any) bool) test {
		return func(r *renderer, at int, v any, a args) bool {
			r.bind(at, "the test", a)
			return f(v)
		}
	}
	compared := func(op string) test {
		return func(r *renderer, at int, v any, a args) bool {
			return r.compare(at, op, v, r.bind(at, "the test", a, "other").values["other"])
		}
	}
	switch name {
	case "boolean":
		return simple(func(v any) bool { _, ok := v.(bool); return ok })
	case "callable":
		return simple(func(v any) bool { _, ok := v.(function); return ok })
	case "defined":
		return simple(func(v any) bool { _, ok := v.(undefined); return !ok })
	case "undefined":
		return simple(func(v any) bool { _, ok := v.(undefined); return ok })
	case "eq", "equalto", "==":
		return compared("==")
	case "ne", "!=":
		return compared("!=")
	case "lt", "lessthan", "<":
		return compared("<")
	case "le", "<=":
		return compared("<=")
	case "gt", "greaterthan", ">":
		return compared(">")
	case "ge", ">=":
		return compared(">=")
	case "in":
		return compared("in")
	case "sameas":
		return testSameas
	case "divisibleby":
		return func(r *renderer, at int, v any, a args) bool {
			return r.equal(r.arithmetic(at, "%", v, r.bind(at, "divisibleby", a, "num").values["num"]), int64(0))
		}
	case "even":
		return func(r *renderer, at int, v any, _ args) bool {
			return r.equal(r.arithmetic(at, "%", v, int64(2)), int64(0))
		}
	case "odd":
		return func(r *renderer, at int, v any, _ args) bool {
			return r.equal(r.arithmetic(at, "%", v, int64(2)), int64(1))
		}
	case "true":
		return simple(func(v any) bool { return v == true })
	case "false":
		return simple(func(v any) bool { return v == false })
	case "none":
		return simple(func(v any) bool { return v == nil })
	case "float":
		return simple(func(v any) bool { _, ok := v.(float64); return ok })
	case "integer":
		return simple(isInteger)
	case "number":
		return simple(func(v any) bool {
			_, float := v.(float64)
			_, boolean := v.(bool)
			return float || boolean || isInteger(v)
		})
	case "string":
		return simple(func(v any) bool { _, ok := v.(string); return ok })
	case "mapping":
		return simple(func(v any) bool { _, ok := v.(*pyval.Dict); return ok })
	case "sequence", "iterable":
		return simple(func(v any) bool {
			switch v.(type) {
			case string, []any, pyval.Tuple, *pyval.Dict, undefined:
				return true
			}
			return false
		})
	case "lower":
		return func(r *renderer, _ int, v any, _ args) bool { return r.cased(v, unicode.IsLower, unicode.IsUpper) }
	case "upper":
		return func(r *renderer, _ int, v any, _ args) bool { return r.cased(v, unicode.IsUpper, unicode.IsLower) }
	}
	return nil
}

func isInteger(v any) bool {
	switch v.(type) {
	case int64, *big.Int:
		return true
	}
	return false
}

func (r *renderer) cased(v any, one, other func(rune) bool) bool {
	s := r.str(v)
	r.spend(len(s))
	return cased(s, one, other)
}

// cased reports whether some character is of the one case, and none of the other.
func cased(s string, one, other func(rune) bool) bool {
	return strings.ContainsFunc(s, one) && !strings.ContainsFunc(s, func(c rune) bool { return other(c) || unicode.IsTitle(c) })
}

// testSameas is Python's is, as far as plain values have an identity.
func testSameas(r *renderer, at int, v any, a args) bool {
	other := r.bind(at, "sameas", a, "other").values["other"]
	switch v.(type) {
	case nil, bool, string, int64:
		return v == other
	}
	return false
}
