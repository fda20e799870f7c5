package check

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/schema"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

// Foreign gathers the assertions of promptfoo's tests, as checks of one row each.
// Those of one type and the same threshold become one check.
type Foreign struct {
	file    string
	d       *yamlx.Decoder
	options Options
	names   []string
	groups  map[string]*Check
	order   []*Check
}

// NewForeign reads assertions of a file.
func NewForeign(file string, d *yamlx.Decoder, o Options) *Foreign {
	return &Foreign{file: file, d: d, options: o, groups: map[string]*Check{}}
}

// Checks are those of all assertions that were added.
func (f *Foreign) Checks() []*Check { return f.order }

// assertions are promptfoo's types that mean something here.
var assertions = map[string]string{
	"equals": "equals", "contains": "contains", "icontains": "contains", "contains-all": "contains", "icontains-all": "contains",
	"contains-any": "contains", "icontains-any": "contains", "starts-with": "starts_with", "regex": "regex", "is-json": "json",
	"similar": "similar", "llm-rubric": "judge",
}

// Add adds a test's assertion, about one row with these columns. Nth counts those of
// the same test.
func (f *Foreign) Add(n *yaml.Node, row int, columns map[string]any, taken map[string]int) {
	m, ok := f.d.Mapping(n, "an assertion", nil)
	if !ok {
		return
	}
	for _, key := range m.Keys() {
		if !slices.Contains([]string{"type", "value", "threshold", "metric", "weight"}, key) {
			m.Fail(key, "promptfoo's "+diag.Quote(key)+" of an assertion is not supported here", "remove it")
			return
		}
	}
	if !m.Require("type", "write the type of the assertion") {
		return
	}
	name := m.String("type")
	plain, not := strings.CutPrefix(name, "not-")
	kind, known := assertions[plain]
	if !known {
		m.Fail("type", "promptfoo's assertion "+diag.Quote(name)+" is not supported here", "use one of "+strings.Join(supported(), ", ")+", or checks of --checks")
		return
	}
	if w := m.Float("weight", 0, 1e9); w != nil && *w != 1 {
		m.Fail("weight", "weights are not supported here: every check counts the same", "remove it")
		return
	}
	at := f.d.At(m.Node("type"), "", "")
	c := &Check{Kind: kind, Not: not, AtLeast: 1, File: f.file, Line: at.Line, Column: at.Column}
	if plain == "similar" {
		c.AtLeast = defaultSimilar
		if t := m.Float("threshold", 0, 1); t != nil {
			c.AtLeast = *t
		}
	} else if m.Has("threshold") {
		m.Fail("threshold", "a threshold of "+plain+" is not supported here", "remove it")
		return
	}
	c.test = f.tester(m, plain, columns)
	if c.test == nil {
		return
	}
	title := name
	if metric := m.String("metric"); metric != "" {
		title = metric
	}
	taken[title]++
	if taken[title] > 1 {
		title = fmt.Sprintf("%s %d", title, taken[title])
	}
	f.put(title, c, row, yamlx.Plain(n))
}

func supported() []string {
	var out []string
	for name := range assertions {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// put adds a check to those of its name.
func (f *Foreign) put(title string, c *Check, row int, definition any) {
	key := fmt.Sprintf("%s %v %v %s", title, c.Not, c.AtLeast, c.Kind)
	g := f.groups[key]
	if g == nil {
		g = c
		each := &perRow{by: map[int]tester{}}
		each.by[row] = c.test
		g.test = each
		g.Name = uniqueName(title, f.names)
		f.names = append(f.names, g.Name)
		g.define.Kind, g.define.Not, g.define.AtLeast, g.define.Options = c.Kind, c.Not, c.AtLeast, map[string]any{}
		f.groups[key] = g
		f.order = append(f.order, g)
	} else {
		g.test.(*perRow).by[row] = c.test
	}
	g.Rows = append(g.Rows, row)
	g.define.Options[fmt.Sprint(row)] = definition
}

// tester makes the test of an assertion; nil after an error.
func (f *Foreign) tester(m yamlx.Map, plain string, columns map[string]any) tester {
	value := m.Value("value")
	switch plain {
	case "is-json":
		if value == nil {
			return &jsonTest{bare: true}
		}
		if value.Kind != yaml.MappingNode {
			m.Fail("value", "only a JSON Schema that is written here is supported", "write the schema as a mapping")
			return nil
		}
		s, err := schema.Compile(yamlx.JSON(value))
		if err != nil {
			m.Fail("value", err.Error(), "")
			return nil
		}
		return &jsonTest{schema: s, bare: true}
	case "regex":
		text, ok := f.d.Text(value)
		if !ok {
			return nil
		}
		if strings.Contains(text, "{{") {
			m.Fail("value", "a variable in a regular expression is not supported here", "")
			return nil
		}
		t, err := newRegex(text)
		if err != nil {
			m.Fail("value", err.Error(), "")
			return nil
		}
		return t
	}
	if !m.Require("value", "write the value of the assertion") {
		return nil
	}
	var want []operand
	for _, text := range f.values(m, value, plain) {
		o, err := Template(text, columns)
		if err != nil {
			m.Fail("value", err.Error(), "")
			return nil
		}
		want = append(want, o)
	}
	if len(want) == 0 {
		return nil
	}
	switch plain {
	case "similar":
		return &similar{want: want[0]}
	case "llm-rubric":
		if f.options.JudgeModel == "" {
			m.Fail("type", "it does not say which model judges", "add --judge-model PROVIDER/MODEL")
			return nil
		}
		return &judge{rubric: want[0], model: f.options.model(f.options.JudgeModel)}
	}
	return &textTest{kind: assertions[plain], any: strings.HasSuffix(plain, "-any"), want: want, ignoreCase: strings.HasPrefix(plain, "icontains")}
}

// values are the texts of an assertion: one, or those of a list, which may be
// separated by commas.
func (f *Foreign) values(m yamlx.Map, value *yaml.Node, plain string) []string {
	several := strings.HasSuffix(plain, "-any") || strings.HasSuffix(plain, "-all")
	if value.Kind == yaml.SequenceNode && several {
		return m.Strings("value")
	}
	text, ok := f.d.Text(value)
	if !ok {
		return nil
	}
	if strings.HasPrefix(text, "file://") {
		m.Fail("value", "a value in a file is not supported here", "write it here")
		return nil
	}
	if !several {
		return []string{text}
	}
	var out []string
	for part := range strings.SplitSeq(text, ",") {
		out = append(out, strings.TrimSpace(part))
	}
	return out
}

// variable is a variable as promptfoo's templates have it.
var variable = regexp.MustCompile(`\{\{-?\s*([A-Za-z_][A-Za-z0-9_]*)\s*-?\}\}`)

// Template is a text of promptfoo's with variables, of those that there are. Anything
// else that its templates know is an error.
func Template(text string, known map[string]any) (operand, error) {
	var out operand
	at := 0
	for _, m := range variable.FindAllStringSubmatchIndex(text, -1) {
		name := text[m[2]:m[3]]
		if _, ok := known[name]; !ok {
			return nil, fmt.Errorf("the test has no variable %s", diag.Quote(name))
		}
		out = append(out, part{text: text[at:m[0]]}, part{column: name})
		at = m[1]
	}
	out = append(out, part{text: text[at:]})
	for _, p := range out {
		if p.column != "" {
			continue
		}
		for _, mark := range []string{"{{", "{%", "{#"} {
			if strings.Contains(p.text, mark) {
				return nil, fmt.Errorf("of promptfoo's templates, only variables such as {{name}} are supported here")
			}
		}
	}
	return out, nil
}

// Parts are a template's texts and variables in turn, beginning with a text.
func Parts(text string) (texts, names []string, err error) {
	known := map[string]any{}
	for _, m := range variable.FindAllStringSubmatch(text, -1) {
		known[m[1]] = true
	}
	o, err := Template(text, known)
	for _, p := range o {
		if p.column != "" {
			names = append(names, p.column)
		} else {
			texts = append(texts, p.text)
		}
	}
	return texts, names, err
}

// perRow has a test for each row.
type perRow struct{ by map[int]tester }

func (*perRow) columns() []string            { return nil }
func (*perRow) prepare(map[string]any) error { return nil }

func (p *perRow) score(ctx context.Context, c *Case, t *Tools) (float64, string, error) {
	one, ok := p.by[c.Row]
	if !ok {
		return 0, "", unscored("no assertion is about the row")
	}
	return one.score(ctx, c, t)
}
