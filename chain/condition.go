package chain

import (
	"errors"

	"github.com/tandem-llm/tandem/provider"
)

// Condition is an expression in expr-lang over named values that is true or false,
// such as score > 3 over the columns of a row. It may be used by several
// goroutines.
type Condition struct{ expr *expression }

// NewCondition compiles the text of a condition. The error says what is wrong with
// it.
func NewCondition(text string) (*Condition, error) {
	c := newCompiler(false)
	e := c.expression("condition", text, TypeBool)
	if e == nil || len(c.mistakes) > 0 {
		m := c.mistakes[0]
		message := m.message
		if m.remedy != "" {
			message += "; " + m.remedy
		}
		return nil, errors.New(message)
	}
	return &Condition{e}, nil
}

// Names are those of the values that it needs, each once.
func (c *Condition) Names() []string { return append([]string(nil), c.expr.names...) }

// Holds decides it for values. An error is [provider.Invalid]: a value is missing,
// or of a type that the expression cannot use.
func (c *Condition) Holds(values map[string]any) (bool, error) {
	is, err := c.expr.truth(&variables{base: values})
	if err != nil && provider.KindOf(err) == "" {
		err = provider.Errorf(provider.Invalid, "", "", "%w", err)
	}
	return is, err
}
