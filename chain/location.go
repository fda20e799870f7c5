package chain

import (
	"fmt"
	"strings"

	"github.com/tandem-llm/tandem/internal/textx"
)

// location is where in a chain something stands.
type location struct {
	whole   bool    // the chain itself
	path    string  // of the step: its name, after the names of the steps around it
	index   int     // of the step in its list
	src     *source // the step in a file; nil: it was made in Go
	field   string  // the key in a chain file, such as "prompt"; "": the step
	message int     // index into Messages where field is "messages"; -1: all
	entry   string  // key in With where field is "with"; "": all
	at      textx.Position
}

// placeOf is the place of a step in its list.
func placeOf(s *Step, name string, i int, prefix string) location {
	p := location{index: i, src: s.src, message: -1}
	if name != "" {
		p.path = prefix + name
	}
	return p
}

// inner is what paths of steps in the one at p begin with.
func (p location) inner() string {
	if p.path == "" {
		return ""
	}
	return p.path + "."
}

// String describes the place to a Go programmer.
func (p location) String() string {
	var parts []string
	switch {
	case p.whole:
		return "chain"
	case p.path != "":
		parts = append(parts, fmt.Sprintf("step %q", p.path))
	default:
		parts = append(parts, fmt.Sprintf("step %d", p.index+1))
	}
	switch {
	case p.field == "messages" && p.message >= 0:
		parts = append(parts, fmt.Sprintf("message %d", p.message+1))
	case p.field == "with" && p.entry != "":
		parts = append(parts, fmt.Sprintf("with %q", p.entry))
	case p.field != "":
		parts = append(parts, p.field)
	}
	if p.at != (textx.Position{}) {
		parts = append(parts, fmt.Sprintf("line %d, column %d", p.at.Line, p.at.Column))
	}
	return strings.Join(parts, ", ")
}

// problem is something wrong in a list of steps.
type problem struct {
	location
	message string
	remedy  string
	cause   error // or nil; not part of the text
}

func (m *problem) Unwrap() error { return m.cause }

// Error says where, what, and what to do, on one line.
func (m *problem) Error() string {
	text := m.location.String() + ": " + m.message
	if m.remedy != "" {
		text += "; " + m.remedy
	}
	return text
}
