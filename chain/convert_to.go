package chain

import (
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/chain/prompt"
	"github.com/tandem-llm/tandem/chain/template"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/yamlx"
	"github.com/tandem-llm/tandem/provider"
)

// ToLangChain returns a file of LangChain's, YAML, that asks what a chain file
// does: a prompt file of a file that is one step without a model's settings, and
// a chain file of any other. data is the file's text, and file what errors call
// it; files that it names are read in dir; empty: none is. What cannot be
// expressed is an error.
func ToLangChain(file string, data []byte, dir string) ([]byte, error) {
	f := &fileReader{file: file}
	if dir != "" {
		root, err := os.OpenRoot(dir)
		if err != nil {
			return nil, &diag.Error{File: file, Message: "its folder cannot be opened", Err: err}
		}
		defer root.Close()
		f.files = &files{root: root, dir: dir, loading: &loading{}}
	}
	c, err := f.parse(data)
	if err != nil {
		return nil, err
	}
	w := &langChainWriter{file: file, files: f.files, chain: c}
	doc, vars := w.document(f.text)
	if err := diag.Join(w.errs...); err != nil {
		return nil, err
	}
	out, err := encode(doc)
	if err != nil {
		return nil, err
	}
	converted, err := Parse(file, out)
	if err != nil {
		return nil, unlike("this file", "a file of LangChain's", "what was to be written is refused: "+err.Error())
	}
	if err := sameQuestions(c, converted, vars); err != nil {
		return nil, unlike("this file", "a file of LangChain's", err.Error())
	}
	return out, nil
}

// langChainWriter writes the steps of a chain file as LangChain has them.
type langChainWriter struct {
	file  string
	chain *Chain // the file's
	files *files
	errs  []error
	vars  []prompt.Var
}

// document reads the file's text, which has been found to be a chain file.
func (w *langChainWriter) document(text string) (*yaml.Node, []prompt.Var) {
	root, err := yamlx.Parse(w.file, []byte(text))
	if err != nil {
		w.errs = append(w.errs, err)
		return nil, nil
	}
	f := &fileReader{file: w.file, text: text, files: w.files}
	d := yamlx.NewDecoder(w.file)
	top, _ := d.Mapping(root, "a chain", nil)
	if !top.Has("steps") {
		s := f.readStep(d, top)
		var body *yaml.Node
		if settingsOf(&s) {
			body = w.llmChain(top, &s, s.Name)
		} else {
			body = w.step(top, &s)
		}
		w.inputs(top)
		aboutTandem(body, top)
		return body, w.vars
	}
	w.only(top, "a sequence", "name", "description", "inputs", "pipe", "steps")
	w.inputs(top)
	var chains []*yaml.Node
	var names, inputs []string
	pipe := top.Bool("pipe")
	piped := pipe != nil && *pipe
	for _, n := range top.List("steps", "steps") {
		keys, _ := d.Mapping(n, "a step", nil)
		s := f.readStep(d, keys)
		before := len(w.vars)
		chains = append(chains, w.llmChain(keys, &s, s.Name))
		for _, v := range w.vars[before:] {
			if !slices.Contains(names, v.Name) && !slices.Contains(inputs, v.Name) {
				inputs = append(inputs, v.Name)
			}
		}
		names = append(names, s.Name)
	}
	doc := newKeyed()
	if piped {
		doc.put("_type", "simple_sequential_chain")
		doc.put("chains", list(chains...))
		aboutTandem(doc.node, top)
		return doc.node, w.vars
	}
	doc.put("_type", "sequential_chain")
	doc.put("input_variables", inputs)
	doc.put("output_variables", names[len(names)-1:])
	doc.put("chains", list(chains...))
	aboutTandem(doc.node, top)
	return doc.node, w.vars
}

// aboutTandem writes down what the file says about itself.
func aboutTandem(doc *yaml.Node, top yamlx.Map) {
	k := keyed{doc}
	for i := 0; i+1 < len(doc.Content); i += 2 {
		if doc.Content[i].Value == "kwargs" {
			k = keyed{doc.Content[i+1]}
		}
	}
	k.set("name", top.String("name"))
	if d := top.String("description"); d != "" {
		k.put("metadata", map[string]string{"description": d})
	}
}

func settingsOf(s *Step) bool {
	return s.Temperature != nil || s.TopP != nil || s.Seed != nil || s.MaxTokens != nil || s.Stop != nil
}

// only refuses keys that LangChain's files have nothing for.
func (w *langChainWriter) only(m yamlx.Map, what string, known ...string) {
	for _, key := range m.Keys() {
		if !slices.Contains(known, key) {
			w.fail(m.Node(key), diag.Quote(key)+" cannot be expressed in "+what+" of LangChain's", "remove it, or keep the chain file")
		}
	}
}

// inputs refuses what LangChain's files cannot say of an input: they have names.
func (w *langChainWriter) inputs(top yamlx.Map) {
	for i := range w.chain.inputs {
		in := &w.chain.inputs[i]
		if top.Has("inputs") && (in.Type != TypeText && in.Type != TypeAny || in.Default != nil || in.Description != "") {
			w.fail(top.Node("inputs"), "the type, default or description of the input "+diag.Quote(in.Name)+" cannot be expressed in a file of LangChain's", "remove it, or keep the chain file")
		}
	}
}

func (w *langChainWriter) fail(n *yaml.Node, message, remedy string) {
	w.errs = append(w.errs, yamlx.NewDecoder(w.file).At(n, message, remedy))
}

// llmChain writes a step with its settings.
func (w *langChainWriter) llmChain(m yamlx.Map, s *Step, output string) *yaml.Node {
	k := newKeyed()
	k.put("_type", "llm_chain")
	k.set("output_key", output)
	body := w.step(m, s)
	switch {
	case len(body.Content) == 0 || typed(body):
	case s.System != "":
		w.fail(m.Node("system"), "a system message cannot be expressed in a chain of LangChain's, whose prompts are texts", "write it into the `prompt`, or convert the step by itself")
	default:
		w.fail(m.Node("messages"), "messages cannot be expressed in a chain of LangChain's, whose prompts are texts", "write `prompt`, or convert the step by itself")
	}
	k.put("prompt", body)
	llm := newKeyed()
	llm.set("temperature", s.Temperature)
	llm.set("top_p", s.TopP)
	llm.set("seed", s.Seed)
	llm.set("max_tokens", s.MaxTokens)
	llm.set("stop", s.Stop)
	k.put("llm", llm.node)
	return k.node
}

// typed reports whether a prompt has a _type, and no lc.
func typed(n *yaml.Node) bool { return n.Content[0].Value == "_type" }

// step writes the prompt of a step.
func (w *langChainWriter) step(m yamlx.Map, s *Step) *yaml.Node {
	w.only(m, "a prompt", "name", "description", "inputs", "prompt", "system", "messages", "format", "partial", "examples", "images",
		"temperature", "top_p", "seed", "max_tokens", "stop")
	if kinds := s.kinds(); len(kinds) != 1 || kinds[0] != "prompt" && kinds[0] != "messages" {
		return newKeyed().node // it asks nothing, which has been told
	}
	messages, _ := messagesOf(s)
	format := s.Format
	if format == "" {
		format = template.FString
	}
	p, err := prompt.New(prompt.Options{Format: format, Partial: s.Partial, Examples: s.Examples}, messages...)
	if err != nil || len(w.errs) > 0 {
		if err != nil {
			w.fail(m.Node("prompt"), err.Error(), "")
		}
		return newKeyed().node
	}
	w.vars = append(w.vars, p.Vars()...)
	text := len(messages) == 1 && messages[0].Role == provider.RoleUser && len(messages[0].Images) == 0 && len(s.Messages) == 0
	switch {
	case s.Examples != nil && text && s.Examples.Text != "":
		return w.fewShot(m, s, p, format)
	case s.Examples != nil:
		w.fail(m.Node("examples"), "examples among messages cannot be expressed in a prompt of LangChain's", "LangChain writes none; write examples of `text`, with `prompt` alone")
		return newKeyed().node
	case text:
		k := w.promptNode(p, format)
		k.put("template", s.Prompt)
		return k.node
	}
	return w.chat(m, p, messages, format, s.Partial)
}

// promptNode begins a prompt of _type prompt.
func (w *langChainWriter) promptNode(p *prompt.Prompt, format template.Format) keyed {
	k := newKeyed()
	k.put("_type", "prompt")
	k.put("input_variables", varNames(p))
	if o, _ := p.Source(); len(o.Partial) > 0 {
		k.put("partial_variables", o.Partial)
	}
	k.put("template_format", string(format))
	return k
}

func varNames(p *prompt.Prompt) []string {
	names := []string{}
	for _, v := range p.Vars() {
		if !v.Optional {
			names = append(names, v.Name)
		}
	}
	slices.Sort(names)
	return names
}

// fewShot writes examples of text. LangChain reads each as a template once more,
// so that braces in them are doubled.
func (w *langChainWriter) fewShot(m yamlx.Map, s *Step, p *prompt.Prompt, format template.Format) *yaml.Node {
	e := s.Examples
	switch {
	case format != template.FString:
		w.fail(m.Node("format"), "LangChain's few-shot prompts are f-strings", "write it as one")
		return newKeyed().node
	case e.Selector != nil:
		w.fail(m.Node("examples"), "a selector cannot be expressed in a prompt of LangChain's", "remove `select`")
		return newKeyed().node
	}
	double := strings.NewReplacer("{", "{{", "}", "}}")
	k := w.promptNode(p, format)
	k.node.Content[1].SetString("few_shot")
	k.put("prefix", e.Prefix)
	k.put("suffix", s.Prompt)
	separator := "\n\n"
	if e.Separator != nil {
		separator = *e.Separator
	}
	k.put("example_separator", separator)
	one := newKeyed()
	one.put("_type", "prompt")
	one.put("template", strings.NewReplacer("{{", "{{{{", "}}", "}}}}").Replace(e.Text))
	if t, err := template.Parse(format, e.Text); err == nil {
		names := []string{}
		for _, v := range t.Vars() {
			names = append(names, v.Name)
		}
		slices.Sort(names)
		one.put("input_variables", names)
	}
	k.put("example_prompt", one.node)
	items := make([]map[string]any, len(e.Items))
	for i, item := range e.Items {
		items[i] = map[string]any{}
		for name, value := range item {
			if text, ok := value.(string); ok {
				value = double.Replace(text)
			}
			items[i][name] = value
		}
	}
	k.put("examples", items)
	return k.node
}
