package prompt

import (
	"fmt"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/chain/template"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/internal/yamlx"
	"github.com/tandem-llm/tandem/provider"
)

// commonKeys are what every prompt has in LangChain. Those that say nothing of
// what is asked are read over.
func commonKeys(more ...string) []string {
	return append([]string{
		"_type", "name", "input_variables", "optional_variables", "input_types", "output_parser", "partial_variables",
		"metadata", "tags", "template_format", "validate_template",
	}, more...)
}

// prompt reads a prompt of any type.
func (l *loader) prompt(n *yaml.Node) *draft {
	n = yamlx.Follow(n)
	if yamlx.Value(n, "lc") != nil {
		return l.dumped(n)
	}
	kind := typeOf(n)
	switch kind {
	case "prompt":
		return l.textPrompt(n)
	case "few_shot":
		return l.fewShot(n)
	case "chat":
		return l.chat(n)
	}
	l.fail(yamlx.Value(n, "_type"), "the type "+diag.Quote(kind)+" is not a prompt", "the types are "+"prompt, few_shot, chat")
	return &draft{}
}

// typeOf is a prompt's type. One without _type, as all of LangChain's hub are, is
// of the type that its keys belong to.
func typeOf(n *yaml.Node) string {
	has := func(key string) bool { return yamlx.Value(n, key) != nil }
	switch t := yamlx.Value(n, "_type"); {
	case t != nil:
		return t.Value
	case has("messages"):
		return "chat"
	case slices.ContainsFunc([]string{"example_prompt", "example_prompt_path", "examples", "suffix", "suffix_path"}, has):
		return "few_shot"
	}
	return "prompt"
}

// textPrompt reads a PromptTemplate.
func (l *loader) textPrompt(n *yaml.Node) *draft {
	m, ok, done := l.mapping(n, "a prompt", commonKeys("template", "template_path"))
	defer done()
	d := &draft{text: true}
	if !ok {
		return d
	}
	text, at := l.textOrFile(m, "template")
	if at == (site{}) {
		return d
	}
	d.mark(0, "", 0, at)
	msg := Message{Role: provider.RoleUser, Text: text, Format: l.format(m)}
	l.common(m, d, msg.Format, text)
	d.messages = []Message{msg}
	return d
}

// format reads a prompt's template_format.
func (l *loader) format(m yamlx.Map) template.Format {
	var names []string
	for _, f := range template.Formats() {
		names = append(names, string(f))
	}
	if f := m.OneOf("template_format", names...); f != "" {
		return template.Format(f)
	}
	return template.FString
}

// common reads what every prompt has besides its texts.
func (l *loader) common(m yamlx.Map, d *draft, f template.Format, texts ...string) {
	l.outputParser(m)
	if given(m, "input_variables") {
		m.Strings("input_variables")
		d.declared = m.Value("input_variables")
	}
	if v := m.Bool("validate_template"); v != nil && *v {
		d.strict = true
		if f == template.Mustache {
			m.Fail("validate_template", "a mustache template cannot be validated", "remove validate_template")
		}
	}
	d.partial = l.partials(m, f, texts...)
}

// given reports whether a key is there with a value.
func given(m yamlx.Map, key string) bool { return m.Has(key) && m.Value(key).Tag != "!!null" }

// partials reads partial_variables, those that the texts use.
func (l *loader) partials(m yamlx.Map, f template.Format, texts ...string) map[string]any {
	if !given(m, "partial_variables") {
		return nil
	}
	values, ok := m.Map("partial_variables", "values for variables", nil)
	if !ok || len(values.Keys()) == 0 {
		return nil
	}
	used := map[string]bool{}
	for _, text := range texts {
		t, err := parse(Options{AllowJinja2: true}, f, text)
		if err != nil {
			return nil // reported when it is compiled
		}
		for _, v := range slices.Concat(t.Vars(), t.Optional()) {
			used[v.Name] = true
		}
	}
	out := map[string]any{}
	for _, name := range values.Keys() {
		if !used[name] {
			l.warn(values.Node(name), "nothing uses the partial variable "+diag.Quote(name), diag.Suggest(name, slices.Sorted(maps.Keys(used))))
			continue
		}
		out[name] = yamlx.Plain(values.Value(name))
	}
	return out
}

// outputParser refuses a parser: a prompt does not read answers.
func (l *loader) outputParser(m yamlx.Map) {
	if !given(m, "output_parser") {
		return
	}
	n := m.Value("output_parser")
	if kind := yamlx.Value(n, "_type"); kind != nil && kind.Value == "default" || n.Kind == yaml.MappingNode && len(n.Content) == 0 {
		return // the answer's text as it is
	}
	m.Fail("output_parser", "an output parser is not read from a prompt file", "remove it, and write `parse:` into the chain that uses the prompt")
}

// textOrFile reads a text that stands at a key, or in a file that key_path
// names. The zero site: there is none, or it cannot be read.
func (l *loader) textOrFile(m yamlx.Map, key string) (string, site) {
	path := key + "_path"
	switch {
	case m.Has(path) && m.Has(key):
		m.Fail(path, fmt.Sprintf("there is both a %s and a %s", path, key), "remove one of them")
	case m.Has(path):
		if p, ok := l.open(m.Value(path), ".txt"); ok {
			p.text = textx.UnixLines(p.text) // as Python reads it
			return p.text, site{page: p}
		}
	case m.Has(key) && m.Value(key).Kind == yaml.ScalarNode && m.Value(key).Tag != "!!null":
		return m.String(key), site{l.page, m.Value(key)}
	default:
		if key == "template" || key == "suffix" || m.Has(key) {
			m.Fail(key, fmt.Sprintf("there is no %s", key), "write a text, or a "+path)
		}
	}
	return "", site{}
}

// fewShot reads a FewShotPromptTemplate.
func (l *loader) fewShot(n *yaml.Node) *draft {
	m, ok, done := l.mapping(n, "a few-shot prompt", commonKeys("prefix", "prefix_path", "suffix", "suffix_path", "example_separator", "examples", "example_prompt", "example_prompt_path", "example_selector"))
	defer done()
	d := &draft{text: true}
	if !ok {
		return d
	}
	if given(m, "example_selector") {
		m.Fail("example_selector", "LangChain's files cannot have an example selector", "write `examples:` with a `selector:` into a chain file")
	}
	format := l.format(m)
	e := &Examples{Reread: true}
	suffix, at := l.textOrFile(m, "suffix")
	d.mark(0, "", 0, at)
	prefix, at := l.textOrFile(m, "prefix")
	d.mark(0, "prefix", 0, at)
	e.Prefix = prefix
	if m.Has("example_separator") {
		separator := m.String("example_separator")
		e.Separator = &separator
	}
	l.common(m, d, format, prefix, suffix)
	l.examplePrompt(m, d, e)
	e.Items = l.examples(m, d)
	d.messages = []Message{{Role: provider.RoleUser, Text: suffix, Format: format, Examples: e}}
	return d
}

// examplePrompt reads how an example is written.
func (l *loader) examplePrompt(m yamlx.Map, d *draft, e *Examples) {
	read := func(n *yaml.Node) {
		if kind := yamlx.Value(n, "_type"); kind != nil && kind.Value != "prompt" {
			l.fail(kind, "an example is written by a prompt of type prompt, not "+diag.Quote(kind.Value), "")
			return
		}
		one := l.textPrompt(n)
		if len(one.messages) == 0 {
			return
		}
		d.mark(0, "example", 0, one.spots[spot{}])
		e.Text, e.Format, e.Partial = one.messages[0].Text, one.messages[0].Format, one.partial
		if e.Text == "" {
			l.fail(n, "the example prompt is empty", "write how an example looks, such as {input} -> {output}")
		}
	}
	switch {
	case m.Has("example_prompt") && m.Has("example_prompt_path"):
		m.Fail("example_prompt_path", "there is both an example_prompt_path and an example_prompt", "remove one of them")
	case m.Has("example_prompt_path"):
		if p, root, ok := l.openYAML(m.Value("example_prompt_path")); ok {
			l.within(p, func() { read(root) })
		}
	case m.Has("example_prompt"):
		read(m.Value("example_prompt"))
	default:
		m.Require("example_prompt", "write how an example looks")
	}
}

// examples reads the examples, here or in a file of their own.
func (l *loader) examples(m yamlx.Map, d *draft) []map[string]any {
	if !m.Require("examples", "write a list of them, or the name of a file that has one") {
		return nil
	}
	n := m.Value("examples")
	var items []map[string]any
	read := func(list *yaml.Node) {
		if list.Kind != yaml.SequenceNode {
			l.fail(list, "expected a list of examples", "")
			return
		}
		for i, node := range list.Content {
			keys, ok, done := l.mapping(node, "an example", nil)
			done()
			if !ok {
				continue
			}
			d.mark(0, "examples", i, site{l.page, yamlx.Follow(node)})
			values := make(map[string]any, len(keys.Keys()))
			for _, key := range keys.Keys() {
				values[key] = yamlx.Plain(keys.Value(key))
			}
			items = append(items, values)
		}
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" {
		if p, root, ok := l.openYAML(n); ok {
			l.within(p, func() { read(root) })
		}
	} else {
		read(n)
	}
	return items
}

// checkVariables compares the variables with what the file declares. LangChain
// takes those of the templates, whatever is declared, unless it is asked to
// validate.
func (l *loader) checkVariables(d *draft, p *Prompt) {
	if d.declared == nil || d.declared.Kind != yaml.SequenceNode {
		return
	}
	declared := make([]string, len(d.declared.Content))
	for i, n := range d.declared.Content {
		declared[i] = yamlx.Follow(n).Value
	}
	used := make([]string, len(p.vars))
	for i, v := range p.vars {
		used[i] = v.Name
		if slices.Contains(declared, v.Name) || v.Optional {
			continue
		}
		what := fmt.Sprintf("the prompt uses {%s}, which input_variables does not name", v.Name)
		if d.strict {
			l.fail(d.declared, what, "add it")
		} else {
			l.warn(d.declared, what, "add it")
		}
	}
	for _, v := range p.Optional() {
		used = append(used, v.Name)
	}
	for i, name := range declared {
		if !slices.Contains(used, name) {
			l.warn(d.declared.Content[i], "nothing uses the input variable "+diag.Quote(name), diag.Suggest(name, used))
		}
	}
}
