package chain

import (
	"errors"
	"reflect"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/vm/runtime"

	"github.com/tandem-llm/tandem/internal/textx"
)

// maxWork is what one evaluation of an expression may cost: about the bytes that
// it makes, all together, and some for each element that it looks at. The library
// counts elements of lists, and neither the bytes of texts nor time.
const maxWork = 128 << 20

// Costs besides bytes made.
const (
	stepWork = 16 // of evaluating a predicate once
	scanWork = 16 // so many bytes are read at the cost of one
	maxNest  = 1000
)

var (
	errWork = errors.New("it takes too much memory or time; use smaller values, or split it into steps")
	errNest = errors.New("a value is nested more than 1000 deep")
)

// meter counts the work of one evaluation.
type meter struct{ left int }

// spend pays for n; an error, once nothing is left.
func (m *meter) spend(n int) error {
	if n < 0 || n > m.left { // n may have overflowed
		m.left = 0
		return errWork
	}
	m.left -= n
	return nil
}

// times is a*b, or more than may ever be taken.
func times(a, b int) int {
	if a > 0 && b > maxWork/a {
		return maxWork + 1
	}
	return a * b
}

// walk pays for all of a value, what several places share counted in each.
func (m *meter) walk(value any, depth int) error {
	if depth > maxNest {
		return errNest
	}
	switch v := value.(type) {
	case string:
		return m.spend(len(v) + stepWork)
	case []any:
		if err := m.spend(stepWork + len(v)*stepWork); err != nil {
			return err
		}
		for _, e := range v {
			if err := m.walk(e, depth+1); err != nil {
				return err
			}
		}
		return nil
	case map[string]any:
		for k, e := range v {
			if err := m.spend(len(k) + 4*stepWork); err != nil {
				return err
			}
			if err := m.walk(e, depth+1); err != nil {
				return err
			}
		}
		return m.spend(stepWork)
	}
	switch r := reflect.ValueOf(value); r.Kind() {
	case reflect.Slice, reflect.Array:
		for i := range r.Len() {
			if err := m.walk(r.Index(i).Interface(), depth+1); err != nil {
				return err
			}
		}
	case reflect.Map:
		for it := r.MapRange(); it.Next(); {
			if err := m.walk(it.Key().Interface(), depth+1); err != nil {
				return err
			}
			if err := m.walk(it.Value().Interface(), depth+1); err != nil {
				return err
			}
		}
	}
	return m.spend(stepWork)
}

// sizeOf is the bytes of a text, or what a copy of a list's or mapping's elements
// takes.
func sizeOf(value any) int {
	switch r := reflect.ValueOf(value); r.Kind() {
	case reflect.String:
		return r.Len()
	case reflect.Slice, reflect.Array:
		return r.Len() * stepWork
	case reflect.Map:
		return r.Len() * 8 * stepWork
	}
	return 0
}

func textAt(args []any, i int) string {
	if i < len(args) {
		text, _ := args[i].(string)
		return text
	}
	return ""
}

// pay pays for a call of one of the library's functions before it is made.
func (m *meter) pay(name string, args []any) error {
	switch name {
	case "len", "type", "abs", "ceil", "floor", "round", "int", "float", "first", "last", "get", "now", "duration", "date", "timezone",
		"bitand", "bitor", "bitxor", "bitnand", "bitnot", "bitshl", "bitshr", "bitushr":
		return nil
	case "trim", "trimPrefix", "trimSuffix", "hasPrefix", "hasSuffix", "indexOf", "lastIndexOf":
		return m.spend(stepWork + len(textAt(args, 0))/scanWork)
	case "split", "splitAfter":
		text := textAt(args, 0)
		return m.spend(stepWork + len(text)/scanWork + times(2*stepWork, strings.Count(text, textAt(args, 1))+1))
	case "replace":
		text, old, to := textAt(args, 0), textAt(args, 1), textAt(args, 2)
		return m.spend(stepWork + len(text) + times(strings.Count(text, old), len(to)))
	case "repeat":
		n := 0
		if len(args) > 1 {
			n = runtime.ToInt(args[1])
		}
		return m.spend(stepWork + times(len(textAt(args, 0)), max(n, 0)))
	case "join":
		if r := reflect.ValueOf(args[0]); r.Kind() == reflect.Slice {
			if err := m.spend(times(r.Len(), len(textAt(args, 1))+1)); err != nil {
				return err
			}
		}
		return m.walk(args[0], 0)
	case "fromJSON":
		text := textAt(args, 0)
		return m.spend(len(text) + times(8*stepWork, strings.Count(text, ",")+strings.Count(text, "{")+strings.Count(text, "[")))
	case "sort":
		return m.spend(stepWork + 4*sizeOf(args[0]))
	case "uniq": // compares each with each
		n := sizeOf(args[0]) / stepWork
		if err := m.spend(times(n, n)); err != nil {
			return err
		}
		return m.walk(args[0], 0)
	case "upper", "lower", "toBase64", "fromBase64", "take", "keys", "values", "toPairs", "fromPairs", "reverse":
		return m.spend(stepWork + 2*sizeOf(args[0]))
	case "concat":
		for _, a := range args {
			if err := m.spend(stepWork + 4*sizeOf(a)); err != nil {
				return err
			}
		}
		return nil
	}
	for _, a := range args { // toJSON, string, flatten, and what looks at all of a value
		if err := m.walk(a, 0); err != nil {
			return err
		}
	}
	return nil
}

// The names that metered expressions use. No expression can write them.
const (
	meterName  = "$meter"
	stepName   = "$step"
	makeName   = "$make"
	scanName   = "$scan"
	matchName  = "$match"
	addName    = "$op+"
	appendName = "$append"
	callPrefix = "$call."
)

// metered are the functions that an expression's operators and calls become.
func metered() []expr.Option {
	operator := func(name string, pay func(m *meter, a, b any) error, do func(a, b any) any) expr.Option {
		return expr.Function("$op"+name, func(args ...any) (any, error) {
			if err := pay(args[0].(*meter), args[1], args[2]); err != nil {
				return nil, err
			}
			return do(args[1], args[2]), nil
		})
	}
	both := func(m *meter, a, b any) error {
		if err := m.walk(a, 0); err != nil {
			return err
		}
		return m.walk(b, 0)
	}
	options := []expr.Option{
		operator("+", func(m *meter, a, b any) error { return m.spend(stepWork + sizeOf(a) + sizeOf(b)) }, runtime.Add),
		operator("==", both, func(a, b any) any { return runtime.Equal(a, b) }),
		operator("!=", both, func(a, b any) any { return !runtime.Equal(a, b) }),
		operator("in", func(m *meter, a, b any) error {
			if reflect.ValueOf(b).Kind() == reflect.Map {
				return m.spend(stepWork)
			}
			return both(m, a, b)
		}, func(a, b any) any { return runtime.In(a, b) }),
		expr.Function(stepName, func(args ...any) (any, error) { return args[1], args[0].(*meter).spend(stepWork) }),
		expr.Function(makeName, func(args ...any) (any, error) { return args[1], args[0].(*meter).spend(stepWork + 4*sizeOf(args[1])) }),
		expr.Function(scanName, func(args ...any) (any, error) {
			return args[1], args[0].(*meter).spend(stepWork + sizeOf(args[1])/scanWork)
		}),
		expr.Function(matchName, func(args ...any) (any, error) { return args[1], args[0].(*meter).spend(stepWork + 8*sizeOf(args[1])) }),
		expr.Function(appendName, func(args ...any) (any, error) {
			if err := args[0].(*meter).spend(stepWork + sizeOf(args[1])/scanWork + sizeOf(args[2])); err != nil {
				return nil, err
			}
			return runtime.Add(args[1], args[2]), nil
		}),
	}
	for _, f := range builtin.Builtins {
		if f.Predicate {
			continue
		}
		options = append(options, expr.Function(callPrefix+f.Name, func(args ...any) (any, error) {
			if err := args[0].(*meter).pay(f.Name, args[1:]); err != nil {
				return nil, err
			}
			return call(f, args[1:])
		}))
	}
	return options
}

func call(f *builtin.Function, args []any) (any, error) {
	switch {
	case f.Name == "fromJSON": // with numbers as they are everywhere in a chain
		value, _, err := textx.DecodeJSON(args[0].(string))
		return value, err
	case f.Fast != nil:
		return f.Fast(args[0]), nil
	case f.Safe != nil:
		value, _, err := f.Safe(args...)
		return value, err
	}
	return f.Func(args...)
}

// payFor has an expression pay for what it does.
type payFor struct{}

// appends has a predicate that is a sum which begins with #acc pay for what is
// added alone: the text before is then no longer held.
func appends(body ast.Node) {
	var spine []*ast.IdentifierNode
	for {
		switch n := body.(type) {
		case *ast.CallNode:
			id, ok := n.Callee.(*ast.IdentifierNode)
			if !ok || id.Value != addName {
				return
			}
			spine, body = append(spine, id), n.Arguments[1]
		case *ast.PointerNode:
			for _, id := range spine {
				if n.Name == "acc" {
					id.Value = appendName
				}
			}
			return
		default:
			return
		}
	}
}

// Visit changes one node, after those in it.
func (payFor) Visit(node *ast.Node) {
	paid := func(name string, args ...ast.Node) ast.Node {
		return &ast.CallNode{Callee: &ast.IdentifierNode{Value: name}, Arguments: append([]ast.Node{&ast.IdentifierNode{Value: meterName}}, args...)}
	}
	switch n := (*node).(type) {
	case *ast.PredicateNode:
		appends(n.Node)
		n.Node = paid(stepName, n.Node)
	case *ast.MapNode, *ast.ArrayNode:
		ast.Patch(node, paid(makeName, n))
	case *ast.BinaryNode:
		switch n.Operator {
		case "+", "==", "!=", "in":
			ast.Patch(node, paid("$op"+n.Operator, n.Left, n.Right))
		case "contains", "startsWith", "endsWith":
			n.Left = paid(scanName, n.Left)
		case "matches":
			n.Left = paid(matchName, n.Left)
		}
	case *ast.BuiltinNode:
		if i, ok := builtin.Index[n.Name]; ok && !builtin.Builtins[i].Predicate {
			ast.Patch(node, paid(callPrefix+n.Name, n.Arguments...))
		}
	case *ast.CallNode:
		if id, ok := n.Callee.(*ast.IdentifierNode); ok && id.Value == "fromJSON" {
			ast.Patch(node, paid(callPrefix+"fromJSON", n.Arguments...))
		}
	}
}
