package compare

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/check"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/table"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

// Promptfoo is a configuration of promptfoo, as far as it means the same here. What
// does not is an error with its place.
type Promptfoo struct {
	Chains []*chain.Chain // a prompt each

	file    string
	d       *yamlx.Decoder
	labels  []string // of Chains
	targets []foreignTarget
	tests   []foreignTest
}

type foreignTest struct {
	vars    map[string]any
	asserts []*yaml.Node
}

// IsPromptfoo reports whether a file is such a configuration, by its keys.
func IsPromptfoo(path string) bool {
	data, err := yamlx.Read(path)
	if err != nil {
		return false
	}
	_, root, err := yamlx.ParseText(path, data, "")
	if err != nil {
		return false
	}
	return yamlx.Value(root, "prompts") != nil && (yamlx.Value(root, "tests") != nil || yamlx.Value(root, "providers") != nil || yamlx.Value(root, "targets") != nil)
}

// top are the keys of promptfoo's file that are read.
var top = []string{"prompts", "providers", "targets", "tests", "defaultTest", "description", "$schema"}

// ReadPromptfoo reads a configuration. All of its errors are found at once.
func ReadPromptfoo(path string) (*Promptfoo, error) {
	data, err := yamlx.Read(path)
	if err != nil {
		return nil, err
	}
	_, root, err := yamlx.ParseText(path, data, "write prompts, providers and tests")
	if err != nil {
		return nil, err
	}
	p := &Promptfoo{file: path, d: yamlx.NewDecoder(path)}
	m, ok := p.d.Mapping(root, "a configuration of promptfoo", nil)
	if ok {
		p.refuse(m, top, "")
		p.prompts(m)
		p.providers(m)
		p.readTests(m)
	}
	if err := p.d.Err(); err != nil {
		return nil, err
	}
	return p, nil
}

// refuse fails for keys that are not supported.
func (p *Promptfoo) refuse(m yamlx.Map, known []string, of string) (ok bool) {
	ok = true
	for _, key := range m.Keys() {
		if !slices.Contains(known, key) {
			m.Fail(key, "promptfoo's "+diag.Quote(key)+of+" is not supported here", "remove it")
			ok = false
		}
	}
	return ok
}

// elements are those of a list, or a value alone.
func elements(n *yaml.Node) []*yaml.Node {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		return []*yaml.Node{n}
	}
	out := make([]*yaml.Node, len(n.Content))
	for i, e := range n.Content {
		out[i] = yamlx.Follow(e)
	}
	return out
}

func (p *Promptfoo) prompts(m yamlx.Map) {
	m.Require("prompts", "write at least one")
	for _, n := range elements(m.Value("prompts")) {
		var label, text string
		if n.Kind == yaml.MappingNode {
			e, ok := p.d.Mapping(n, "a prompt", nil)
			if !ok || !p.refuse(e, []string{"raw", "label"}, " of a prompt") || !e.Require("raw", "write the prompt") {
				continue
			}
			label, text = e.String("label"), e.String("raw")
			n = e.Node("raw")
		} else {
			var ok bool
			if text, ok = p.d.Text(n); !ok {
				continue
			}
		}
		for _, one := range p.texts(n, text) {
			p.prompt(n, label, one)
		}
	}
	if m.Has("prompts") && len(p.Chains) == 0 && p.d.Err() == nil {
		m.Fail("prompts", "there is no prompt", "write at least one")
	}
}

// looksLikeFile is a prompt that promptfoo would take for a file.
var looksLikeFile = regexp.MustCompile(`^[^\s{}]+\.(txt|json|jsonl|ya?ml|js|mjs|cjs|ts|py|md|j2|csv)$`)

// texts are the prompts of a value: itself, or those of its file, between lines of
// three dashes.
func (p *Promptfoo) texts(n *yaml.Node, text string) []string {
	name, isFile := strings.CutPrefix(text, "file://")
	if !isFile && !looksLikeFile.MatchString(text) {
		return []string{text}
	}
	if filepath.Ext(name) != ".txt" {
		p.d.Fail(n, "of prompts in files, only .txt is supported here", "write the prompt here, or compare chain files with --prompt")
		return nil
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(filepath.Dir(p.file), name)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		p.d.Fail(n, "the prompt cannot be read: "+err.Error(), "")
		return nil
	}
	var out []string
	for _, part := range regexp.MustCompile(`(?m)^---\s*$`).Split(string(data), -1) {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

func (p *Promptfoo) prompt(n *yaml.Node, label, text string) {
	if t := strings.TrimSpace(text); strings.HasPrefix(t, "[") && json.Valid([]byte(t)) {
		p.d.Fail(n, "a prompt that is a list of messages is not supported here", "write a chain file with messages")
		return
	}
	texts, names, err := check.Parts(text)
	if err != nil {
		p.d.Fail(n, err.Error(), "")
		return
	}
	braces := strings.NewReplacer("{", "{{", "}", "}}")
	var b strings.Builder
	for i, t := range texts {
		b.WriteString(braces.Replace(t))
		if i < len(names) {
			b.WriteString("{" + names[i] + "}")
		}
	}
	if label == "" {
		label = fmt.Sprintf("prompt %d", len(p.Chains)+1)
	}
	data, err := json.Marshal(map[string]any{"prompt": b.String()})
	if err != nil {
		p.d.Fail(n, err.Error(), "")
		return
	}
	c, err := chain.Parse(p.file, data)
	if err != nil {
		p.d.Fail(n, "the prompt cannot be read: "+err.Error(), "")
		return
	}
	p.Chains, p.labels = append(p.Chains, c), append(p.labels, label)
}

func (p *Promptfoo) readTests(m yamlx.Map) {
	var vars map[string]any
	var asserts []*yaml.Node
	if e, ok := m.Map("defaultTest", "the default test", nil); ok {
		vars, asserts = p.test(e)
	}
	m.Require("tests", "write at least one")
	for _, n := range elements(m.Value("tests")) {
		if n.Kind == yaml.ScalarNode {
			p.d.Fail(n, "tests in a file are not supported here", "write them here, or compare chain files with --in")
			continue
		}
		e, ok := p.d.Mapping(n, "a test", nil)
		if !ok {
			continue
		}
		own, more := p.test(e)
		all := maps.Clone(vars)
		if all == nil {
			all = map[string]any{}
		}
		maps.Copy(all, own)
		t := foreignTest{all, append(slices.Clone(asserts), more...)}
		if len(t.asserts) == 0 {
			p.d.Fail(n, "the test asserts nothing", "add assert:")
			continue
		}
		for i, c := range p.Chains {
			for _, name := range c.Inputs() {
				if _, ok := all[name]; !ok {
					p.d.Fail(n, fmt.Sprintf("the test has no variable %s, which %s uses", diag.Quote(name), p.labels[i]), "add it to vars")
				}
			}
		}
		p.tests = append(p.tests, t)
	}
	if m.Has("tests") && len(p.tests) == 0 && p.d.Err() == nil {
		m.Fail("tests", "there is no test", "write at least one")
	}
}

// test reads a test's variables and assertions.
func (p *Promptfoo) test(e yamlx.Map) (vars map[string]any, asserts []*yaml.Node) {
	if !p.refuse(e, []string{"vars", "assert", "description", "metadata"}, " of a test") {
		return nil, nil
	}
	if m, ok := e.Map("vars", "a test's variables", nil); ok {
		vars = map[string]any{}
		for _, name := range m.Keys() {
			n := m.Value(name)
			switch {
			case n.Kind == yaml.SequenceNode:
				m.Fail(name, "a list of values, which promptfoo makes several tests of, is not supported here", "write a test for each")
			case n.Kind == yaml.MappingNode:
				m.Fail(name, "a variable that is a mapping is not supported here", "write a text")
			default:
				text, _ := p.d.Text(n)
				if strings.HasPrefix(text, "file://") || strings.Contains(text, "{{") {
					m.Fail(name, "a variable of a file, or with other variables in it, is not supported here", "write its text")
				}
				vars[name] = text
			}
		}
	}
	return vars, e.List("assert", "an assertion")
}

// Checks are the assertions of all tests.
func (p *Promptfoo) Checks(o check.Options) ([]*check.Check, error) {
	d := yamlx.NewDecoder(p.file)
	f := check.NewForeign(p.file, d, o)
	for i, t := range p.tests {
		taken := map[string]int{}
		for _, n := range t.asserts {
			f.Add(n, i+1, t.vars, taken)
		}
	}
	return f.Checks(), d.Err()
}

// Columns are the names of the tests' variables.
func (p *Promptfoo) Columns() []string {
	names := map[string]bool{}
	for _, t := range p.tests {
		for name := range t.vars {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// Rows are the tests' variables.
func (p *Promptfoo) Rows() []table.Row {
	var out []table.Row
	for i, t := range p.tests {
		out = append(out, table.Row{Number: i + 1, Value: t.vars, Inputs: maps.Clone(t.vars)})
	}
	return out
}
