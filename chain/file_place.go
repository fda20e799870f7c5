package chain

import (
	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

// report turns what is wrong with the steps into errors with places. Of a step
// that could not be read, only its templates are judged: the rest follows from
// what has been reported.
func (f *fileReader) report(mistakes []*problem) {
	for _, m := range mistakes {
		if !m.src.broken || m.at != (textx.Position{}) {
			f.errs = append(f.errs, f.errorAt(m))
		}
	}
}

// place tells where each input of c is first used.
func (f *fileReader) place(c *Chain) {
	for i := range c.inputs {
		in := &c.inputs[i]
		if in.where != "" {
			in.where = f.errorAt(&problem{location: in.first}).Position()
		}
	}
}

func (f *fileReader) errorAt(m *problem) *diag.Error {
	e := &diag.Error{File: f.file, Message: m.message, Remedy: m.remedy, Err: m.cause}
	return yamlx.Locate(e, f.text, f.node(m.location), m.at)
}

// node returns what stands at p.
func (f *fileReader) node(p location) *yaml.Node {
	s := p.src
	n := s.keys.Node(p.field)
	switch {
	case p.field == "messages" && p.message >= 0 && p.message < len(s.messages):
		if m := s.messages[p.message]; m.Has("content") {
			n = m.Node("content")
		} else {
			n = m.Node("role")
		}
	case p.field == "with" && s.with.Has(p.entry):
		n = s.with.Node(p.entry)
	case !s.keys.Has(p.field):
		for _, keys := range s.within {
			if keys.May(p.field) {
				n = keys.Node(p.field)
			}
		}
	}
	return yamlx.Follow(n)
}
