package chain

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"

	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/provider"
)

// expression is a compiled expression in expr-lang. It can neither loop without
// end nor reach anything but its variables.
type expression struct {
	text    string
	names   []string // the variables
	program *vm.Program
	typ     Type
}

// maxExpression bounds an expression's text: its parser goes as deep as its
// parentheses, and Go cannot recover from a stack that is full.
const maxExpression = 16 << 10

// identifiers collects the variables of an expression in order of first use.
type identifiers struct {
	names []string
	at    []file.Location
	let   []string // names that the expression itself declares
}

// Visit notes one node.
func (v *identifiers) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.VariableDeclaratorNode:
		v.let = append(v.let, n.Name)
	case *ast.IdentifierNode:
		if !slices.Contains(v.names, n.Value) {
			v.names, v.at = append(v.names, n.Value), append(v.at, n.Location())
		}
	}
}

// expression compiles the text of a field; nil after a mistake. want is the
// type it must have, TypeAny if none.
func (c *compiler) expression(field, text string, want Type) *expression {
	if len(text) > maxExpression {
		c.fail(field, fmt.Sprintf("the expression has more than %d bytes", maxExpression), "split it into steps")
		return nil
	}
	tree, err := parser.Parse(text)
	if err != nil {
		c.badExpression(field, err)
		return nil
	}
	var found identifiers
	ast.Walk(&tree.Node, &found)
	e := &expression{text: text}
	env := types.Map{}
	for i, name := range found.names {
		if slices.Contains(found.let, name) {
			continue
		}
		c.current.field, c.current.at = field, locationOf(text, found.at[i].From)
		if strings.HasPrefix(name, "$") {
			c.fail(field, name+" is not a variable", "use one of the variables")
			return nil
		}
		e.names = append(e.names, name)
		env[name] = exprType(c.use(name))
	}
	c.current.at = textx.Position{}
	options := []expr.Option{expr.Env(env), fromJSON()}
	if want == TypeBool {
		options = append(options, expr.AsBool())
	}
	checked, err := expr.Compile(text, options...)
	if err != nil {
		c.badExpression(field, err)
		return nil
	}
	e.typ = typeOf(checked.Node().Type())
	env[meterName] = types.Any
	options = append([]expr.Option{expr.Env(env), fromJSON(), expr.Patch(payFor{})}, metered()...)
	if e.program, err = expr.Compile(text, options...); err != nil {
		c.badExpression(field, err)
		return nil
	}
	if want != TypeAny && e.typ != TypeAny && e.typ != want {
		c.fail(field, fmt.Sprintf("the expression is a %s, but a %s is needed", e.typ, want), "")
		return nil
	}
	return e
}

// fromJSON is expr-lang's function of the name, with numbers as they are
// everywhere in a chain.
func fromJSON() expr.Option {
	return expr.Function("fromJSON", func(args ...any) (any, error) {
		value, _, err := textx.DecodeJSON(args[0].(string))
		return value, err
	}, new(func(string) any))
}

// locationOf turns an offset in characters into a place.
func locationOf(text string, from int) textx.Position {
	runes := []rune(text)
	return textx.PositionOf(text, len(string(runes[:min(from, len(runes))])))
}

// badExpression notes what is wrong with an expression.
func (c *compiler) badExpression(field string, err error) {
	message := err.Error()
	if at := new(file.Error); errors.As(err, &at) {
		message = at.Message
		c.current.at = textx.Position{Line: at.Line, Column: at.Column + 1}
	}
	c.fail(field, "the expression cannot be read: "+oneLine(message), "")
	c.current.at = textx.Position{}
}

// eval returns the expression's value.
func (e *expression) eval(v *variables) (any, error) {
	env := make(map[string]any, len(e.names)+1)
	env[meterName] = &meter{left: maxWork}
	for _, name := range e.names {
		value, ok := v.Lookup(name)
		if !ok {
			return nil, provider.Errorf(provider.Invalid, "", "", "the expression %s needs %q, which has no value", textx.Shorten(e.text), name)
		}
		env[name] = value
	}
	value, err := expr.Run(e.program, env)
	if err != nil {
		message := err.Error()
		if at := new(file.Error); errors.As(err, &at) {
			message = at.Message
		}
		return nil, provider.Errorf(provider.Invalid, "", "", "the expression %s failed: %s", textx.Shorten(e.text), oneLine(message))
	}
	return value, nil
}

// truth evaluates a condition.
func (e *expression) truth(v *variables) (bool, error) {
	value, err := e.eval(v)
	if err != nil {
		return false, err
	}
	is, ok := value.(bool)
	if !ok {
		return false, provider.Errorf(provider.Invalid, "", "", "the expression %s is neither true nor false: it is %s", textx.Shorten(e.text), describe(value))
	}
	return is, nil
}

// evalList evaluates a evalList.
func (e *expression) evalList(v *variables) ([]any, error) {
	value, err := e.eval(v)
	if err != nil {
		return nil, err
	}
	list, ok := listOf(value)
	if !ok {
		return nil, provider.Errorf(provider.Invalid, "", "", "the expression %s is not a list: it is %s", textx.Shorten(e.text), describe(value))
	}
	return list, nil
}

func listOf(value any) ([]any, bool) {
	if list, ok := value.([]any); ok {
		return list, true
	}
	r := reflect.ValueOf(value)
	if r.Kind() != reflect.Slice {
		return nil, false
	}
	list := make([]any, r.Len())
	for i := range list {
		list[i] = r.Index(i).Interface()
	}
	return list, true
}

// describe says what a value is, for an error.
func describe(value any) string {
	switch v := value.(type) {
	case nil:
		return "nothing"
	case string:
		return fmt.Sprintf("the text %q", textx.Shorten(v))
	}
	return fmt.Sprintf("a %s", typeOf(reflect.TypeOf(value)))
}

// exprType is how a type is called in expr-lang.
func exprType(t Type) types.Type {
	switch t {
	case TypeText:
		return types.String
	case TypeList:
		return types.Array(types.Any)
	case TypeBool:
		return types.Bool
	case TypeMap:
		return types.Map{types.Extra: types.Any}
	case TypeTime:
		return types.TypeOf(time.Time{})
	}
	return types.Any // numbers of any size, too
}

func typeOf(t reflect.Type) Type {
	switch t {
	case nil:
		return TypeAny
	case reflect.TypeFor[time.Time]():
		return TypeTime
	case reflect.TypeFor[json.Number]():
		return TypeNumber
	}
	switch t.Kind() {
	case reflect.String:
		return TypeText
	case reflect.Slice, reflect.Array:
		return TypeList
	case reflect.Map:
		return TypeMap
	case reflect.Bool:
		return TypeBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Float32, reflect.Float64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return TypeNumber
	}
	return TypeAny
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
