package check

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

// kinds are the checks of a file, with the options that each may have besides name,
// not and, where its score is graded, at_least.
var kinds = map[string][]string{
	"equals": {"ignore_case", "exact"}, "contains": {"ignore_case"}, "contains_any": {"ignore_case"},
	"starts_with": {"ignore_case"}, "regex": nil, "json": nil, "json_schema": nil, "expr": nil,
	"number": {"tolerance", "take"}, "similar": {"model", "at_least"},
	"judge": {"model", "grades", "at_least"}, "prefer": {"model"},
}

// order is that of kinds in messages.
var order = []string{"equals", "contains", "contains_any", "starts_with", "regex", "json", "json_schema", "expr", "number", "similar", "judge", "prefer"}

// defaultSimilar is the least cosine that passes, if a file does not say.
const defaultSimilar = 0.75

// Options say what a file of checks leaves open.
type Options struct {
	// SplitModel takes "provider/model" apart. Nil: all of it is the model.
	SplitModel func(string) (use []string, model string)
	// JudgeModel is that of judges without one of their own; empty: they need one.
	JudgeModel string
}

func (o Options) model(name string) judgeModel {
	if o.SplitModel == nil {
		return judgeModel{model: name}
	}
	use, model := o.SplitModel(name)
	return judgeModel{use, model}
}

// Read compiles the checks of a YAML or JSON file. All of its errors are found at
// once, each with its place.
func Read(path string, o Options) (*Set, error) {
	data, err := yamlx.Read(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data, o)
}

// Parse is [Read] of a file's text.
func Parse(file string, data []byte, o Options) (*Set, error) {
	text, root, err := yamlx.ParseText(file, data, "write checks:")
	if err != nil {
		return nil, err
	}
	r := &reader{file: file, text: string(text), options: o, d: yamlx.NewDecoder(file)}
	set := r.set(root)
	if err := r.d.Err(); err != nil {
		return nil, err
	}
	return set, nil
}

type reader struct {
	file    string
	text    string
	options Options
	d       *yamlx.Decoder
	names   []string
}

func (r *reader) set(root *yaml.Node) *Set {
	m, ok := r.d.Mapping(root, "a file of checks", []string{"checks", "score"})
	if !ok {
		return nil
	}
	set := &Set{Mode: Mode(m.OneOf("score", string(All), string(Mean)))}
	if set.Mode == "" {
		set.Mode = All
	}
	m.Require("checks", "write at least one check")
	nodes := m.List("checks", "a check")
	if m.Has("checks") && len(nodes) == 0 {
		m.Fail("checks", "there is no check", "write at least one, such as `- equals: {column: expected}`")
	}
	for _, n := range nodes {
		if c := r.check(n); c != nil {
			set.Checks = append(set.Checks, c)
		}
	}
	return set
}

// check reads one check; nil after an error.
func (r *reader) check(n *yaml.Node) *Check {
	known := slices.Concat(order, []string{"name", "not", "at_least", "ignore_case", "exact", "tolerance", "take", "model", "grades"})
	m, ok := r.d.Mapping(n, "a check", known)
	if !ok {
		return nil
	}
	kind := ""
	for _, key := range m.Keys() {
		if !slices.Contains(order, key) {
			continue
		}
		if kind != "" {
			m.Fail(key, "a check is one of "+kind+" and "+key, "make two checks of it")
			return nil
		}
		kind = key
	}
	if kind == "" {
		if len(m.Keys()) > 0 || len(yamlx.Follow(n).Content) == 0 {
			r.d.Fail(n, "it does not say what is checked", "use one of "+strings.Join(order, ", "))
		}
		return nil
	}
	bad := false
	for _, key := range m.Keys() {
		if key != kind && key != "name" && (key != "not" || kind == "prefer") && !slices.Contains(kinds[kind], key) {
			m.Fail(key, fmt.Sprintf("%s has no option %s", kind, diag.Quote(key)), "remove it")
			bad = true
		}
	}
	if bad {
		return nil
	}
	at := r.d.At(m.Node(kind), "", "")
	c := &Check{Name: m.String("name"), Kind: kind, Not: isTrue(m.Bool("not")), AtLeast: 1, File: r.file, Line: at.Line, Column: at.Column}
	r.compile(c, m)
	if c.test == nil {
		return nil
	}
	r.name(c, m)
	c.define = definition{Kind: kind, Value: yamlx.Plain(m.Value(kind)), Options: map[string]any{}, Not: c.Not, AtLeast: c.AtLeast}
	for _, key := range kinds[kind] {
		if m.Has(key) {
			c.define.Options[key] = yamlx.Plain(m.Value(key))
		}
	}
	switch t := c.test.(type) {
	case *judge:
		c.define.Options["model"] = textOf([]any{t.model.use, t.model.model})
	case *prefer:
		c.define.Options["model"] = textOf([]any{t.model.use, t.model.model})
	case *jsonTest:
		if t.schema != nil {
			c.define.Value = string(t.schema.Text())
		}
	}
	return c
}

// name gives a check a name that no other has.
func (r *reader) name(c *Check, m yamlx.Map) {
	if c.Name == "" {
		c.Name = uniqueName(c.Kind, r.names)
	} else if slices.Contains(r.names, c.Name) {
		m.Fail("name", "two checks have the name "+diag.Quote(c.Name), "give each its own")
	}
	r.names = append(r.names, c.Name)
}

func uniqueName(name string, taken []string) string {
	out := name
	for n := 2; slices.Contains(taken, out); n++ {
		out = fmt.Sprintf("%s %d", name, n)
	}
	return out
}

func isTrue(b *bool) bool { return b != nil && *b }

// compile makes the test of a check; none after an error.
func (r *reader) compile(c *Check, m yamlx.Map) {
	switch c.Kind {
	case "equals", "contains", "contains_any", "starts_with":
		want := r.operands(m, c.Kind)
		if want == nil {
			return
		}
		c.test = &textTest{
			kind: strings.TrimSuffix(c.Kind, "_any"), any: c.Kind == "contains_any", want: want, ignoreCase: isTrue(m.Bool("ignore_case")),
			trim: c.Kind == "equals" && !isTrue(m.Bool("exact")),
		}
	case "regex":
		if text, ok := r.d.Text(m.Value(c.Kind)); ok {
			t, err := newRegex(text)
			if err != nil {
				m.Fail(c.Kind, err.Error(), "")
				return
			}
			c.test = t
		}
	case "json":
		if b := m.Bool(c.Kind); b != nil {
			if !*b {
				m.Fail(c.Kind, "json is true or left out", "write `json: true`, and `not: true` for the opposite")
				return
			}
			c.test = &jsonTest{}
		}
	case "json_schema":
		r.schema(c, m)
	case "expr":
		r.expr(c, m)
	case "number":
		r.number(c, m)
	case "similar":
		if want := r.operand(m.Value(c.Kind), m, c.Kind); want != nil {
			c.AtLeast = defaultSimilar
			if f := m.Float("at_least", 0, 1); f != nil {
				c.AtLeast = *f
			}
			c.test = &similar{want, m.String("model")}
		}
	case "judge", "prefer":
		r.judge(c, m)
	}
}
