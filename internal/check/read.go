package check

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/schema"
	"github.com/tandem-llm/tandem/internal/textx"
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

func (r *reader) judge(c *Check, m yamlx.Map) {
	rubric := r.operand(m.Value(c.Kind), m, c.Kind)
	name := m.String("model")
	if name == "" {
		name = r.options.JudgeModel
	}
	switch {
	case rubric == nil:
		return
	case name == "":
		m.Fail(c.Kind, "it does not say which model judges", "add model: PROVIDER/MODEL")
		return
	case c.Kind == "prefer":
		c.test = &prefer{rubric, r.options.model(name)}
		return
	}
	j := &judge{rubric: rubric, model: r.options.model(name)}
	if n := m.Int("grades", 2); n != nil {
		j.grades, c.AtLeast = int(min(*n, 101)), 0.5
		if *n > 100 {
			m.Fail("grades", "there may be at most 100 grades", "")
		}
	}
	if f := m.Float("at_least", 0, 1); f != nil {
		if j.grades == 0 {
			m.Fail("at_least", "a judge without grades says pass or fail", "add grades: 5, or remove it")
		}
		c.AtLeast = *f
	}
	c.test = j
}

// expr compiles an expression; its errors have their place within the file.
func (r *reader) expr(c *Check, m yamlx.Map) {
	text, ok := r.d.Text(m.Value(c.Kind))
	if !ok {
		return
	}
	condition, err := chain.NewCondition(text)
	if err != nil {
		m.Fail(c.Kind, err.Error(), "")
		return
	}
	c.test = &exprTest{text, condition}
}

func (r *reader) number(c *Check, m yamlx.Map) {
	want := r.operand(m.Value(c.Kind), m, c.Kind)
	if want == nil {
		return
	}
	t := &numberTest{want: want, take: m.OneOf("take", "only", "first", "last")}
	if t.take == "" {
		t.take = "only"
	}
	if len(want.names()) == 0 {
		if _, err := parseNumber(want.in(nil)); err != nil {
			m.Fail(c.Kind, err.Error(), "")
			return
		}
	}
	if m.Has("tolerance") {
		text := m.String("tolerance")
		share, isShare := strings.CutSuffix(strings.TrimSpace(text), "%")
		n, err := strconv.ParseFloat(share, 64)
		if err != nil || !(n >= 0 && n < 1e300) {
			m.Fail("tolerance", diag.Quote(text)+" is not a tolerance", "write a number such as 0.01, or a share such as 1%")
			return
		}
		if t.tolerance, t.relative = n, isShare; isShare {
			t.tolerance /= 100
		}
	}
	c.test = t
}

// schema reads a schema: itself, or the name of its file.
func (r *reader) schema(c *Check, m yamlx.Map) {
	n := m.Value(c.Kind)
	var data []byte
	file, where := r.file, n
	if n.Kind == yaml.ScalarNode {
		name, ok := r.d.Text(n)
		if !ok {
			return
		}
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(r.file), name)
		}
		text, err := yamlx.Read(name)
		if err != nil {
			m.Fail(c.Kind, err.Error(), "")
			return
		}
		_, root, err := yamlx.ParseText(name, text, "write a JSON Schema")
		if err != nil {
			m.Fail(c.Kind, err.Error(), "")
			return
		}
		file, n = name, root
	}
	data = yamlx.JSON(n)
	s, err := schema.Compile(data)
	if err != nil {
		at := ""
		if file != r.file {
			at = file + ": "
		}
		r.d.Fail(where, at+err.Error(), "")
		return
	}
	if notes := s.Notes(); len(notes) > 0 {
		r.d.Fail(where, "a part of the schema cannot be checked: "+strings.Join(notes, "; "), "")
		return
	}
	c.test = &jsonTest{schema: s}
}

// operands reads a value, or a list of them; nil after an error.
func (r *reader) operands(m yamlx.Map, key string) []operand {
	n := m.Value(key)
	if n.Kind != yaml.SequenceNode || key == "equals" || key == "starts_with" {
		if o := r.operand(n, m, key); o != nil {
			return []operand{o}
		}
		return nil
	}
	var out []operand
	for _, e := range n.Content {
		o := r.operand(yamlx.Follow(e), m, key)
		if o == nil {
			return nil
		}
		out = append(out, o)
	}
	if len(out) == 0 {
		m.Fail(key, "the list is empty", "write at least one text")
	}
	return out
}

// operand reads a text, a number, or the name of a column: {column: expected}.
func (r *reader) operand(n *yaml.Node, m yamlx.Map, key string) operand {
	if n != nil && n.Kind == yaml.MappingNode {
		in, ok := r.d.Mapping(n, "a value", []string{"column"})
		if !ok || !in.Require("column", "write {column: NAME}, or a text") {
			return nil
		}
		if name := in.String("column"); name != "" {
			return fromColumn(name)
		}
		in.Fail("column", "the name of the column is empty", "")
		return nil
	}
	text, ok := r.d.Text(n)
	if !ok {
		return nil
	}
	if text == "" && key != "equals" {
		m.Fail(key, "the text is empty, so the check says nothing", "write a text")
		return nil
	}
	return literal(text)
}

// Inline is the checks of a command line: flags by their names, each with its
// values.
type Inline struct {
	ExpectColumn string // equals
	Equals       string
	Contains     []string
	Regex        []string
	Expr         []string
	SchemaFile   string
	Judge        string // rubric
	Prefer       string // rubric
}

// Empty reports whether there are none.
func (in *Inline) Empty() bool {
	return in.ExpectColumn == "" && in.Equals == "" && len(in.Contains) == 0 && len(in.Regex) == 0 && len(in.Expr) == 0 && in.SchemaFile == "" && in.Judge == "" && in.Prefer == ""
}

// Compile adds the checks of flags to a set; nil: to a new one.
func (in *Inline) Compile(set *Set, o Options) (*Set, error) {
	if set == nil {
		set = &Set{Mode: All}
	}
	add := func(flag, kind string, value any) error {
		entry := map[string]any{kind: value}
		text := textOf(map[string]any{"checks": []any{entry}})
		made, err := Parse(flag, []byte(text), o)
		if err != nil {
			return flagError(flag, err)
		}
		var names []string
		for _, c := range set.Checks {
			names = append(names, c.Name)
		}
		c := made.Checks[0]
		c.Line, c.Column, c.Name = 0, 0, uniqueName(c.Name, names)
		set.Checks = append(set.Checks, c)
		return nil
	}
	type entry struct {
		flag, kind string
		value      any
	}
	var all []entry
	if in.ExpectColumn != "" {
		all = append(all, entry{"--expect-column", "equals", map[string]any{"column": in.ExpectColumn}})
	}
	if in.Equals != "" {
		all = append(all, entry{"--equals", "equals", in.Equals})
	}
	for _, v := range in.Contains {
		all = append(all, entry{"--contains", "contains", v})
	}
	for _, v := range in.Regex {
		all = append(all, entry{"--regex", "regex", v})
	}
	for _, v := range in.Expr {
		all = append(all, entry{"--expr", "expr", v})
	}
	if in.SchemaFile != "" {
		abs, err := filepath.Abs(in.SchemaFile)
		if err == nil {
			_, err = os.Stat(abs)
		}
		if err != nil {
			return nil, flagError("--json-schema", err)
		}
		all = append(all, entry{"--json-schema", "json_schema", abs})
	}
	if in.Judge != "" {
		all = append(all, entry{"--judge", "judge", in.Judge})
	}
	if in.Prefer != "" {
		all = append(all, entry{"--prefer", "prefer", in.Prefer})
	}
	var errs []error
	for _, e := range all {
		if err := add(e.flag, e.kind, e.value); err != nil {
			errs = append(errs, err)
		}
	}
	return set, diag.Join(errs...)
}

// flagError is an error of a flag's value: the place in the file that was made of it
// says nothing.
func flagError(flag string, err error) error {
	var parts []string
	remedy := ""
	for _, e := range diag.Split(err) {
		if d, ok := e.(*diag.Error); ok { //nolint:errorlint // Split gives them bare
			parts = append(parts, d.Message)
			remedy = d.Remedy
			continue
		}
		parts = append(parts, e.Error())
	}
	if strings.HasPrefix(remedy, "add model:") {
		remedy = "add --judge-model PROVIDER/MODEL"
	}
	return &diag.Error{File: flag, Message: textx.Head(strings.Join(parts, "; "), 500), Remedy: remedy}
}
