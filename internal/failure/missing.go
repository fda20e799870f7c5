package failure

import (
	"errors"
	"fmt"
	"strings"
)

// Missing is the error of models that servers do not have, with what they have.
// It wraps the error that it completes.
type Missing struct {
	Err    error
	Models []MissingModel // one for each server that lists its models; at least one
	Alone  bool           // nobody else was asked: Models has one
}

// MissingModel is a model that a server does not have.
type MissingModel struct {
	Provider, Model string
	Hosts           []string // of the provider, where it has several: none has the model
	Pullable        bool     // the server could download it: what it lists is installed there
	Near            []string // those of the listed ones that may have been meant
	Listed          []string // the first of what the server lists; nil: too many to help
	More            int      // how many more it lists
}

// Error is such as `local: model "qwen3:8" is not installed; did you mean qwen3:8b?
// Installed: qwen3:8b, smollm2:135m`.
func (m *Missing) Error() string {
	text := m.Err.Error()
	if m.Alone && m.Models[0].Pullable {
		text = fmt.Sprintf("%s: model %q is not installed", m.Models[0].Provider, m.Models[0].Model)
		if hosts := m.Models[0].Hosts; len(hosts) > 0 {
			text += " on any of its hosts, " + strings.Join(hosts, ", ")
		}
	}
	for i := range m.Models {
		if has := m.Models[i].has(m.Alone); has != "" {
			text += "; " + has
		}
	}
	return text
}

// Unwrap returns the error that is completed.
func (m *Missing) Unwrap() error { return m.Err }

// has says what the server has instead. alone: there is no other.
func (m *MissingModel) has(alone bool) string {
	var parts []string
	if len(m.Near) > 0 {
		of := ""
		if !alone {
			of = " of " + m.Provider
		}
		parts = append(parts, fmt.Sprintf("did you mean %s%s?", strings.Join(m.Near, " or "), of))
	}
	list := "available"
	if m.Pullable {
		list = "installed"
	}
	if len(parts) > 0 { // it follows a question
		list = strings.ToUpper(list[:1]) + list[1:]
	}
	if !alone {
		list += " at " + m.Provider
	}
	switch {
	case len(m.Listed) > 0:
		list += ": " + strings.Join(m.Listed, ", ")
		if m.More > 0 {
			list += fmt.Sprintf(", and %d more", m.More)
		}
		parts = append(parts, list)
	case m.Pullable:
		parts = append(parts, list+": none")
	}
	return strings.Join(parts, " ")
}

// MissingOf is the [Missing] in err's chain, or nil.
func MissingOf(err error) *Missing {
	var m *Missing
	if errors.As(err, &m) {
		return m
	}
	return nil
}
