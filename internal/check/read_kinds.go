package check

import (
	"path/filepath"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/schema"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

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
