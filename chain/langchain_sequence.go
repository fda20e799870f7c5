package chain

import (
	"fmt"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

// chains reads the chains of a sequence, each here or in a file of its own.
func (r *legacyReader) chains(m yamlx.Map) []legacyPart {
	if !m.Require("chains", "write a list of them") {
		return nil
	}
	var parts []legacyPart
	for i, n := range m.List("chains", "chains") {
		n = yamlx.Follow(n)
		if n.Kind != yaml.ScalarNode {
			outer := r.page
			r.page = outer.in("chains").in(strconv.Itoa(i))
			parts = append(parts, r.part(n))
			r.page = outer
			continue
		}
		page, root, ok := r.file(n)
		if !ok {
			continue
		}
		if slices.Contains(append(r.open, r.page.file), page.file) {
			r.fail(n, diag.Quote(n.Value)+" is this chain, or one that runs it", "a chain cannot run itself")
			continue
		}
		if len(r.open) >= maxDepth {
			r.fail(n, fmt.Sprintf("chains are nested more than %d deep", maxDepth), "does one run itself?")
			continue
		}
		outer := r.page
		r.page, r.open = page, append(r.open, outer.file)
		parts = append(parts, r.part(root))
		r.page, r.open = outer, r.open[:len(r.open)-1]
	}
	if len(parts) == 0 {
		m.Fail("chains", "there are no chains", "write at least one")
	}
	return parts
}

// simple reads a chain whose answers go from each chain to the next.
func (r *legacyReader) simple(p *legacyPart) {
	m, ok, done := r.mapping(p.node, "a simple_sequential_chain", legacyKeys("chains", "strip_outputs", "input_key", "output_key"))
	defer done()
	if !ok {
		return
	}
	r.common(m)
	if strip := m.Bool("strip_outputs"); strip != nil && *strip {
		m.Fail("strip_outputs", "answers are passed on unchanged, with the white space around them", "remove it")
	}
	p.pipe, p.output, p.named = true, "output", m.Has("output_key")
	if p.named {
		p.output = m.String("output_key")
	}
	input := "input"
	if m.Has("input_key") {
		input = m.String("input_key")
	}
	parts := r.chains(m)
	if len(r.errs) > 0 {
		return
	}
	for i := range parts {
		r.piped(p, &parts[i])
	}
	if len(parts) > 0 {
		p.inputs = parts[0].inputs
	}
	if m.Has("input_key") && len(p.inputs) == 1 && p.inputs[0] != input {
		r.addNote(m.Node("input_key"), fmt.Sprintf("the input is {%s} here, as the first prompt calls it, not %s", p.inputs[0], diag.Quote(input)), "")
	}
}

// piped adds one chain to a pipe.
func (r *legacyReader) piped(p *legacyPart, part *legacyPart) {
	if len(part.inputs) != 1 {
		r.fail(part.node, fmt.Sprintf("the chain has %d inputs, but each chain of a simple_sequential_chain has one", len(part.inputs)), "use a sequential_chain")
		return
	}
	if part.kind == "sequential_chain" {
		r.fail(part.node, "a sequential_chain cannot be part of a simple_sequential_chain here", "write its chains into this one")
		return
	}
	for _, s := range part.steps {
		taken := slices.ContainsFunc(p.steps, func(have Step) bool { return have.Name == s.Name })
		if part.kind == "llm_chain" && (!part.named || taken) {
			s.Name = ""
		}
		p.steps = append(p.steps, s)
	}
}

// sequential reads a chain whose chains name what they take and give.
func (r *legacyReader) sequential(p *legacyPart) {
	m, ok, done := r.mapping(p.node, "a sequential_chain", legacyKeys("chains", "input_variables", "output_variables", "return_all"))
	defer done()
	if !ok {
		return
	}
	r.common(m)
	m.Require("input_variables", "name the chain's inputs")
	nodes := m.List("input_variables", "variables")
	p.inputs = texts(nodes)
	parts := r.chains(m)
	if len(r.errs) > 0 {
		return
	}
	known, used := slices.Clone(p.inputs), map[string]bool{}
	for i := range parts {
		part := &parts[i]
		for _, name := range part.inputs {
			used[name] = true
			if !slices.Contains(known, name) {
				r.fail(part.node, fmt.Sprintf("the chain needs {%s}, which is neither an input variable nor an earlier chain's output", textx.Shorten(name)), diag.Suggest(name, known))
			}
		}
		if slices.Contains(known, part.output) {
			r.fail(part.node, fmt.Sprintf("the chain's output %q is already defined", textx.Shorten(part.output)), "give it an output_key of its own")
		}
		known = append(known, part.output)
		if len(r.errs) == 0 {
			p.steps = append(p.steps, r.nested(part))
		}
		p.output = part.output
	}
	for i, name := range p.inputs {
		if !used[name] && len(r.errs) == 0 {
			r.addNote(nodes[i], "nothing uses the input variable "+diag.Quote(name), "")
		}
	}
	p.inputs = slices.DeleteFunc(p.inputs, func(name string) bool { return !used[name] })
	r.outputs(m, p, known)
}

// texts are the words of a list.
func texts(nodes []*yaml.Node) []string {
	out := make([]string, len(nodes))
	for i, n := range nodes {
		out[i] = yamlx.Follow(n).Value
	}
	return out
}

// nested makes a step of a chain.
func (r *legacyReader) nested(part *legacyPart) Step {
	if part.kind == "llm_chain" {
		return part.steps[0]
	}
	s := Step{Name: part.output, src: &source{}}
	r.sites[s.src] = legacySite{r.page.file, part.node}
	s.Chain, _ = r.compile(*part)
	return s
}

// outputs compares what a chain is to return with what it does here, where it is
// the last answer.
func (r *legacyReader) outputs(m yamlx.Map, p *legacyPart, known []string) {
	if all := m.Bool("return_all"); all != nil && *all {
		r.addNote(m.Node("return_all"), "the answer is the last chain's, "+p.output, "the result has the answer of each step")
	}
	if !m.Has("output_variables") || m.Value("output_variables").Tag == "!!null" {
		return
	}
	nodes := m.List("output_variables", "variables")
	wanted := texts(nodes)
	for i, name := range wanted {
		if !slices.Contains(known, name) {
			r.fail(nodes[i], "there is no output "+diag.Quote(name), diag.Suggest(name, known))
		}
	}
	switch {
	case !slices.Contains(wanted, p.output):
		m.Fail("output_variables", "the answer is the last chain's, "+p.output+", and output_variables does not name it", "make the chain whose output is wanted the last one")
	case len(wanted) > 1:
		r.addNote(m.Node("output_variables"), "the answer is the last chain's, "+p.output, "the result has the answer of each step")
	}
}
