package chain

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/chain/prompt"
	"github.com/tandem-llm/tandem/chain/template"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

// errUnconvertible is what a chain file cannot express.
var errUnconvertible = errors.New("cannot be converted")

// unconvertible is the error for what cannot be expressed in where.
func unconvertible(what, where, remedy string) error {
	return fmt.Errorf("%w: %s cannot be expressed in %s; %s", errUnconvertible, what, where, remedy)
}

// FromLangChain converts a LangChain prompt or chain file to a chain file,
// YAML, that sends the same requests: the same messages for the same values,
// with the same settings. data is the file's text, YAML or JSON, and file its
// name in errors. Files that it names are read in dir; empty: such a file is an
// error. What cannot be expressed is an error. The notes list what is not used
// of the file, each with line and column.
func FromLangChain(file string, data []byte, dir string) (out []byte, notes []error, err error) {
	c, vars, doc, err := fromLangChain(file, data, dir)
	if err != nil {
		return nil, nil, err
	}
	out, err = encode(aboutLangChain(file, data, doc))
	if err != nil {
		return nil, nil, err
	}
	converted, err := Parse(file, out)
	if err != nil {
		return nil, nil, unconvertible("this file", "a chain file", "the converted file is invalid: "+err.Error())
	}
	if err := sameQuestions(c, converted, vars); err != nil {
		return nil, nil, unconvertible("this file", "a chain file", err.Error())
	}
	return out, c.notes, nil
}

// aboutLangChain puts what a file of LangChain's says about itself before the document's
// keys.
func aboutLangChain(file string, data []byte, doc *yaml.Node) *yaml.Node {
	root, err := yamlx.Parse(file, yamlx.FromJSON(data))
	if err != nil {
		return doc
	}
	plain, _ := yamlx.Plain(root).(map[string]any)
	if kwargs, ok := plain["kwargs"].(map[string]any); ok {
		plain = kwargs
	}
	k := newKeyed()
	if len(doc.Content) == 0 || doc.Content[0].Value != "name" {
		k.set("name", plain["name"])
	}
	if about, ok := plain["metadata"].(map[string]any); ok {
		k.set("description", about["description"])
	}
	k.node.Content = append(k.node.Content, doc.Content...)
	return k.node
}

// fromLangChain reads a file, and makes the chain file's document.
func fromLangChain(file string, data []byte, dir string) (*Chain, []prompt.Var, *yaml.Node, error) {
	root, err := yamlx.Parse(file, yamlx.FromJSON(data))
	if err != nil {
		return nil, nil, nil, err
	}
	typ, err := fileTypeOf(file, root)
	if err != nil {
		return nil, nil, nil, err
	}
	if typ == FileLangChainChain {
		l, err := parseLegacy(file, data, nil, dir, &loading{})
		if err != nil {
			return nil, nil, nil, err
		}
		doc, err := legacyDocument(l)
		var vars []prompt.Var
		for _, s := range l.steps {
			if s.PromptFrom != nil {
				vars = append(vars, s.PromptFrom.Vars()...)
			}
		}
		return l.chain, vars, doc, err
	}
	p, err := prompt.Parse(file, data, prompt.Options{Dir: dir})
	if err != nil {
		return nil, nil, nil, err
	}
	c, err := New(Step{PromptFrom: p})
	if err != nil {
		return nil, nil, nil, err
	}
	c.notes = p.Warnings()
	k := newKeyed()
	if err := promptKeys(k, p); err != nil {
		return nil, nil, nil, err
	}
	return c, p.Vars(), k.node, nil
}

// legacyDocument writes a legacy chain's steps.
func legacyDocument(l *legacy) (*yaml.Node, error) {
	doc := newKeyed()
	doc.set("pipe", l.pipe)
	var steps []*yaml.Node
	for _, s := range l.steps {
		if s.PromptFrom == nil {
			return nil, unconvertible("a chain in a chain", "one file", "convert it on its own, and name it under `chain`")
		}
		k := newKeyed()
		k.set("name", s.Name)
		if err := promptKeys(k, s.PromptFrom); err != nil {
			return nil, err
		}
		k.set("temperature", s.Temperature)
		k.set("top_p", s.TopP)
		k.set("seed", s.Seed)
		k.set("max_tokens", s.MaxTokens)
		k.set("stop", s.Stop)
		steps = append(steps, k.node)
	}
	if len(steps) == 1 && !l.pipe {
		return steps[0], nil
	}
	doc.put("steps", list(steps...))
	return doc.node, nil
}

// promptKeys writes a prompt as the keys of a step.
func promptKeys(k keyed, p *prompt.Prompt) error {
	o, messages := p.Source()
	messages = plainer(messages)
	format, err := oneFormat(messages)
	if err != nil {
		return err
	}
	partial := maps.Clone(o.Partial)
	for i := range messages {
		for name, value := range messages[i].Partial {
			if have, twice := partial[name]; twice && !reflect.DeepEqual(have, value) {
				return unconvertible("a partial variable of two values ("+name+")", "a step", "rename it in one of the messages")
			}
			if partial == nil {
				partial = map[string]any{}
			}
			partial[name] = value
		}
	}
	if format != template.FString {
		k.set("format", string(format))
	}
	if p.IsText() {
		if messages[0].Text == "" {
			return unconvertible("a few-shot prompt without a suffix", "a step", "write what is asked as its suffix")
		}
		k.put("prompt", messages[0].Text)
		if e := messages[0].Examples; e != nil && len(e.Items) > 0 {
			examples, err := examplesNode(e)
			if err != nil {
				return err
			}
			k.put("examples", examples)
		}
	} else {
		var nodes []*yaml.Node
		for i := range messages {
			n, err := messageNode(&messages[i])
			if err != nil {
				return err
			}
			nodes = append(nodes, n)
		}
		k.put("messages", list(nodes...))
	}
	k.set("partial", partial)
	return nil
}

// plainer writes messages with as little as they need: f-strings without variables
// as mustache where that is what the others are, and examples that are none as
// the text around them.
func plainer(messages []Message) []Message {
	messages = slices.Clone(messages)
	mustache := slices.ContainsFunc(messages, func(m Message) bool { return m.Format == template.Mustache })
	for i := range messages {
		m := &messages[i]
		if e := m.Examples; e != nil && len(e.Items) == 0 && e.Text != "" && e.Prefix != "" {
			separator := "\n\n"
			if e.Separator != nil {
				separator = *e.Separator
			}
			m.Text = e.Prefix + separator + m.Text
		}
		if !mustache || m.Format != template.FString || m.Placeholder != "" || len(m.Images) > 0 {
			continue
		}
		t, err := template.Parse(template.FString, m.Text)
		if err != nil || len(t.Vars()) > 0 {
			continue
		}
		if text, err := t.Render(nil); err == nil && !strings.Contains(text, "{{") {
			m.Text, m.Format = text, template.Mustache
		}
	}
	return messages
}

// oneFormat is the format that all messages have.
func oneFormat(messages []Message) (template.Format, error) {
	format := template.Format("")
	for _, m := range messages {
		f := m.Format
		if m.Placeholder != "" {
			continue
		}
		if f == "" {
			f = template.FString
		}
		if format != "" && f != format {
			return "", unconvertible("messages in two template formats", "a step", "write them in one")
		}
		format = f
	}
	if format == "" {
		format = template.FString
	}
	return format, nil
}

func messageNode(m *Message) (*yaml.Node, error) {
	k := newKeyed()
	switch {
	case len(m.ToolCalls) > 0:
		return nil, unconvertible("an assistant's tool call", "a chain file", "leave it out, or write the chain in Go")
	case m.Examples != nil:
		return nil, unconvertible("examples among the messages", "a step", "write them under `examples`")
	}
	k.set("role", string(m.Role))
	k.set("content", m.Text)
	k.set("images", m.Images)
	k.set("placeholder", m.Placeholder)
	k.set("optional", m.Optional)
	k.set("limit", m.Limit)
	k.set("tool_call_id", m.ToolCallID)
	k.set("tool_name", m.ToolName)
	return k.node, nil
}

// examplesNode writes examples of text. LangChain reads an example as a template
// once more, so that its braces are doubled there and not here.
func examplesNode(e *prompt.Examples) (*yaml.Node, error) {
	single := func(s string) string { return strings.NewReplacer("{{", "{", "}}", "}").Replace(s) }
	k := newKeyed()
	var items []*yaml.Node
	for _, item := range e.Items {
		one := newKeyed()
		for _, name := range slices.Sorted(maps.Keys(item)) {
			value := item[name]
			if text, ok := value.(string); ok && e.Reread {
				value = single(text)
			}
			one.put(name, value)
		}
		for _, name := range slices.Sorted(maps.Keys(e.Partial)) {
			one.put(name, e.Partial[name])
		}
		items = append(items, one.node)
	}
	text := e.Text
	if e.Reread {
		text = strings.NewReplacer("{{{{", "{{", "}}}}", "}}").Replace(text)
	}
	k.put("text", text)
	k.put("items", list(items...))
	k.set("prefix", e.Prefix)
	if e.Separator != nil && *e.Separator != "\n\n" {
		k.put("separator", *e.Separator)
	}
	return k.node, nil
}
