package chain

import (
	"path/filepath"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/chain/prompt"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/internal/yamlx"
	"github.com/tandem-llm/tandem/provider"
)

// LoadOption changes how a chain's file is read.
type LoadOption func(*fileReader)

// AllowJinja2 accepts jinja2 templates, which are programs, in the file and in
// those that it names. Use it if you trust the author.
func AllowJinja2() LoadOption { return func(f *fileReader) { f.jinja2 = true } }

// asking reads how a step asks the model.
func (f *fileReader) asking(d *yamlx.Decoder, m yamlx.Map, s *Step) {
	s.src.messages, s.Messages = f.messages(d, m)
	s.Images = words(m, "images")
	if f.files != nil {
		s.Dir, s.FS = f.files.dir, f.files.fsys
	}
	if partials, ok := m.Map("partials", "texts by name", nil); ok {
		s.Partials = make(map[string]string, len(partials.Keys()))
		for _, name := range partials.Keys() {
			s.Partials[name] = partials.String(name)
		}
	}
	if keys, ok := m.Map("examples", "examples", []string{"items", "text", "messages", "prefix", "separator", "select"}); ok {
		s.Examples = f.examples(d, keys)
	}
}

// messages reads a list of messages.
func (f *fileReader) messages(d *yamlx.Decoder, m yamlx.Map) (nodes []yamlx.Map, messages []prompt.Message) {
	for _, n := range m.List("messages", "messages") {
		keys, ok := d.Mapping(n, "a message", []string{"role", "content", "images", "placeholder", "optional", "limit", "tool_call_id", "tool_name"})
		if !ok {
			continue
		}
		message := prompt.Message{
			Text: keys.String("content"), Images: words(keys, "images"),
			Placeholder: keys.String("placeholder"), Limit: count(keys, "limit", 1),
			ToolCallID: keys.String("tool_call_id"), ToolName: keys.String("tool_name"),
		}
		if optional := keys.Bool("optional"); optional != nil {
			message.Optional = *optional
		}
		switch {
		case keys.Has("placeholder"):
			for _, key := range []string{"role", "content", "images"} {
				if keys.Has(key) {
					keys.Fail(key, "a placeholder stands for whole messages, and has no "+key+" of its own", "remove it, or make it a message of its own")
				}
			}
			if message.Placeholder == "" {
				keys.Fail("placeholder", "the placeholder names no variable", "name the variable that holds the messages")
			}
		case keys.Require("role", "add a role: system, user or assistant"):
			message.Role = provider.Role(keys.OneOf("role", "system", "user", "assistant", "tool"))
		}
		if !keys.Has("placeholder") && !keys.Has("images") {
			keys.Require("content", "add a text")
		}
		nodes, messages = append(nodes, keys), append(messages, message)
	}
	return nodes, messages
}

// examples reads examples, whose items may lie in a file of their own.
func (f *fileReader) examples(d *yamlx.Decoder, m yamlx.Map) *prompt.Examples {
	e := &prompt.Examples{Text: m.String("text"), Prefix: m.String("prefix")}
	_, e.Messages = f.messages(d, m)
	if m.Has("separator") {
		e.Separator = provider.Ptr(m.String("separator"))
	}
	items := m.Value("items")
	if m.Require("items", "write the examples, each a mapping of variables to values") && items.Kind == yaml.ScalarNode {
		data, shown, ok := f.read(m, "items", items.Value)
		if !ok {
			return e
		}
		root, err := yamlx.Parse(shown, data)
		if err != nil {
			f.errs = append(f.errs, diag.Split(err)...)
			return e
		}
		items = root
	}
	list, ok := yamlx.Plain(items).([]any)
	for _, item := range list {
		values, isMap := textx.Numbers(item).(map[string]any)
		ok = ok && isMap
		e.Items = append(e.Items, values)
	}
	if m.Has("items") && (!ok || len(list) == 0) {
		m.Fail("items", "expected a list of examples, each a mapping of variables to values", "")
	}
	if keys, ok := m.Map("select", "how examples are chosen", []string{"by", "max", "k", "fetch_k", "lambda", "keys", "model"}); ok {
		e.Selector = selector(keys)
	}
	return e
}

func selector(m yamlx.Map) prompt.Selector {
	by := m.OneOf("by", "length", "similar", "mmr")
	m.Require("by", "write length, similar or mmr")
	takes := map[string][]string{"length": {"by", "max"}, "similar": {"by", "k", "keys", "model"}, "mmr": {"by", "k", "fetch_k", "lambda", "keys", "model"}}[by]
	for _, key := range m.Keys() {
		if by != "" && !slices.Contains(takes, key) {
			m.Fail(key, "the key "+diag.Quote(key)+" does not belong to examples chosen by "+by, "remove it")
		}
	}
	k, keys, model := count(m, "k", 1), words(m, "keys"), m.String("model")
	switch by {
	case "length":
		return prompt.Length{Max: count(m, "max", 1)}
	case "similar":
		return prompt.Similar{K: k, Keys: keys, Model: model}
	case "mmr":
		return prompt.MMR{K: k, FetchK: count(m, "fetch_k", 1), Lambda: m.Float("lambda", 0, 1), Keys: keys, Model: model}
	}
	return nil
}

// promptFile reads a prompt that is in a file of its own, as LangChain writes
// them.
func (f *fileReader) promptFile(m yamlx.Map, name string) *prompt.Prompt {
	if f.files != nil {
		if p, read := f.files.prompts[filepath.Join(f.files.dir, name)]; read {
			return p
		}
	}
	data, shown, ok := f.read(m, "file", name)
	if !ok {
		return nil
	}
	p, err := prompt.Parse(shown, data, prompt.Options{FS: f.files.fsys, Dir: filepath.Dir(shown), AllowJinja2: f.jinja2})
	f.errs = append(f.errs, diag.Split(err)...)
	f.files.keep(shown, p)
	return p
}

// promptChain makes a chain of one step of a file that is a prompt itself.
func (f *fileReader) promptChain(data []byte) (*Chain, error) {
	o := prompt.Options{AllowJinja2: f.jinja2}
	if f.files != nil {
		o.Dir, o.FS = f.files.dir, f.files.fsys
	}
	p, err := prompt.Parse(f.file, data, o)
	if err != nil {
		return nil, err
	}
	c, err := New(Step{PromptFrom: p})
	if err == nil {
		c.notes = p.Warnings()
	}
	return c, err
}
