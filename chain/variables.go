package chain

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/chain/template"
)

// variables is the values that variables have at one place of a run: its own, then
// those around it.
type variables struct {
	parent *variables
	base   map[string]any // the chain's inputs
	few    [2]value       // own's first place: most chains are short
	own    []value
}

// absent is in place of a value that a name might have had and has not, so that
// it does not stand for another's.
type absent struct{}

type value struct {
	name string
	is   any
}

// Lookup returns the value of a variable.
func (v *variables) Lookup(name string) (any, bool) {
	for ; v != nil; v = v.parent {
		for i := len(v.own) - 1; i >= 0; i-- {
			if v.own[i].name == name {
				_, none := v.own[i].is.(absent)
				return v.own[i].is, !none
			}
		}
		if is, ok := v.base[name]; ok {
			return is, true
		}
	}
	return nil, false
}

// set gives a variable its value.
func (v *variables) set(name string, is any) {
	if v.own == nil {
		v.own = v.few[:0]
	}
	v.own = append(v.own, value{name, is})
}

// with is v with more values on top.
func (v *variables) with(values map[string]any) *variables {
	if len(values) == 0 {
		return v
	}
	return &variables{parent: v, base: values}
}

// instructed is v with what a parser tells the model, unless a step or an input
// has that name.
func (v *variables) instructed(p Parser) *variables {
	if _, taken := v.Lookup(instructionsVar); taken {
		return v
	}
	top := &variables{parent: v}
	top.set(instructionsVar, p.Instructions())
	return top
}

// textOf is a value as a text: itself, or its JSON.
func textOf(value any) (string, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case nil:
		return "", nil
	case time.Time:
		return v.Format(time.RFC3339), nil
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return "", fmt.Errorf("the value cannot be written as JSON: %w", err)
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

var _ template.Values = (*variables)(nil)
