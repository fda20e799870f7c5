package chain

import (
	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

// nested reads the steps that lie in a step.
func (f *fileReader) nested(d *yamlx.Decoder, m yamlx.Map, s *Step) {
	if m.Has("steps") {
		s.Steps = f.stepList(m.List("steps", "steps"))
		if s.Steps == nil {
			s.Steps = []Step{}
		}
	}
	if m.Has("parallel") {
		s.Parallel = f.branches(d, m, "parallel")
	}
	if m.Has("fallback") {
		fallback := f.step(m.Node("fallback"))
		s.Fallback = &fallback
	}
	f.route(d, m, s)
	f.repeat(m, s)
	f.retrieve(m, s)
	if with, ok := m.Map("with", "values for the chain's inputs", nil); ok {
		s.With = make(map[string]string, len(with.Keys()))
		for _, k := range with.Keys() {
			s.With[k] = with.String(k)
		}
		s.src.with = with
		if !m.Has("chain") {
			m.Fail("with", "with needs a chain", "add chain, or remove with")
		}
	}
}

// branches reads a mapping of names to steps, or to lists of steps.
func (f *fileReader) branches(d *yamlx.Decoder, m yamlx.Map, key string) []Step {
	branches := []Step{}
	keys, ok := m.Map(key, "branches", nil)
	if !ok {
		return branches
	}
	for _, name := range keys.Keys() {
		n := keys.Value(name)
		var s Step
		if n.Kind == yaml.SequenceNode {
			single := yamlx.NewDecoder(f.file)
			own, _ := single.Mapping(&yaml.Node{Kind: yaml.MappingNode, Line: n.Line, Column: n.Column}, "a branch", nil)
			s = Step{Steps: f.stepList(n.Content), src: &source{keys: own}}
		} else {
			s = f.step(n)
			if s.Name != "" && s.Name != name {
				d.Fail(n, "the branch "+diag.Quote(name)+" has another name, "+diag.Quote(s.Name), "remove the name: the key is the name")
			}
		}
		s.Name = name
		branches = append(branches, s)
	}
	return branches
}

func (f *fileReader) route(d *yamlx.Decoder, m yamlx.Map, s *Step) {
	keys, ok := m.Map("route", "a route", []string{"by", "ask", "branches", "default"})
	if !ok {
		return
	}
	s.src.within = append(s.src.within, keys)
	s.Route = &Route{By: keys.String("by"), Question: keys.String("ask"), Default: keys.String("default")}
	if keys.Require("branches", "write the steps to choose from, by name") {
		s.Route.Branches = f.branches(d, keys, "branches")
	}
}

func (f *fileReader) repeat(m yamlx.Map, s *Step) {
	keys, ok := m.Map("repeat", "a loop", []string{"until", "max", "start", "keep"})
	if !ok {
		return
	}
	s.src.within = append(s.src.within, keys)
	s.Repeat = &Repeat{Until: keys.String("until"), Max: count(keys, "max", 1), Start: keys.String("start")}
	if keep := keys.Bool("keep"); keep != nil {
		s.Repeat.Keep = *keep
	}
}

func (f *fileReader) retrieve(m yamlx.Map, s *Step) {
	keys, ok := m.Map("retrieve", "what to look up", []string{"from", "query", "k", "mmr"})
	if !ok {
		return
	}
	s.src.within = append(s.src.within, keys)
	s.Retrieve = &Retrieve{Collection: keys.String("from"), Query: keys.String("query"), K: count(keys, "k", 1)}
	keys.Require("from", "name the collection to search")
	keys.Require("query", "write what to look for")
	if mmr := keys.Bool("mmr"); mmr != nil {
		s.Retrieve.MMR = *mmr
	}
}

// inputTypes are those that an input may be declared to have.
func inputTypes() []string {
	return []string{string(TypeText), string(TypeList), string(TypeMap), string(TypeBool), string(TypeNumber), string(TypeAny)}
}

// inputs reads what the chain takes: a list of names, or a mapping of names to
// types or to type, default and description.
func (f *fileReader) inputs(c *compiler, d *yamlx.Decoder, top yamlx.Map) {
	n := top.Value("inputs")
	if n == nil {
		return
	}
	c.declared = true
	add := func(at *yaml.Node, in Input) {
		if c.chain.takes(in.Name) {
			d.Fail(at, "the input "+diag.Quote(in.Name)+" appears twice", "remove one")
			return
		}
		keys, _ := yamlx.NewDecoder(f.file).Mapping(&yaml.Node{Kind: yaml.MappingNode, Line: at.Line, Column: at.Column}, "an input", nil)
		c.chain.inputs = append(c.chain.inputs, input{Input: in, first: location{src: &source{keys: keys}, message: -1}})
	}
	if n.Kind == yaml.SequenceNode {
		for _, e := range n.Content {
			if name, ok := d.Text(e); ok {
				add(e, Input{Name: name, Type: TypeAny})
			}
		}
		return
	}
	keys, _ := d.Mapping(n, "the inputs", nil)
	for _, name := range keys.Keys() {
		v := keys.Value(name)
		in := Input{Name: name, Type: TypeText}
		if v.Kind == yaml.MappingNode {
			own, _ := d.Mapping(v, "an input", []string{"type", "default", "description"})
			if t := own.OneOf("type", inputTypes()...); t != "" {
				in.Type = Type(t)
			}
			in.Description = own.String("description")
			if own.Has("default") {
				in.Default = textx.Numbers(yamlx.Plain(own.Value("default")))
				if !has(in.Type, in.Default) {
					own.Fail("default", "the default is "+describe(in.Default)+", but the input is a "+string(in.Type), "change one of them")
				}
			}
		} else if t := keys.OneOf(name, inputTypes()...); t != "" {
			in.Type = Type(t)
		}
		add(v, in)
	}
}
