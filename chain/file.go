package chain

import (
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/internal/yamlx"
	"github.com/tandem-llm/tandem/provider"
)

// Load reads a chain from a file: see [Parse].
func Load(path string) (*Chain, error) {
	data, err := yamlx.Read(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data)
}

// Parse makes a chain of the text of a file, YAML or JSON, that errors call
// file. It has name, description, privacy, pipe and steps, each step with the
// keys of [Step]; or, in place of steps, the keys of the one step there is:
//
//	name: president
//	prompt: Tell me the president of {country}
//
// The error holds every mistake in the file, each with its line and column.
func Parse(file string, data []byte) (*Chain, error) {
	data, err := yamlx.Text(file, data)
	if err != nil {
		return nil, err
	}
	root, err := yamlx.Parse(file, data)
	if err != nil {
		return nil, err
	}
	if root == nil {
		return nil, &yamlx.Error{File: file, Message: "there is nothing in it", Remedy: "write a prompt, or steps"}
	}
	f := &fileReader{file: file, text: string(data)}
	c := f.chain(root)
	if err := yamlx.Join(f.errs...); err != nil {
		return nil, err
	}
	return c, nil
}

func chainKeys() []string { return []string{"name", "description", "privacy", "pipe", "steps"} }

func stepKeys() []string {
	return []string{
		"name", "system", "prompt", "messages", "use", "model", "temperature",
		"top_p", "seed", "max_tokens", "stop", "think", "privacy",
	}
}

// fileReader makes a Chain of one file's nodes.
type fileReader struct {
	file  string
	text  string
	steps []fileStep
	errs  []error
}

// fileStep is a step as it stands in the file.
type fileStep struct {
	keys     yamlx.Map
	messages []yamlx.Map
	broken   bool // errors were found while reading it
}

// note keeps the errors of d and reports whether there were any.
func (f *fileReader) note(d *yamlx.Decoder) bool {
	err := d.Err()
	if err != nil {
		f.errs = append(f.errs, split(err)...)
	}
	return err != nil
}

func split(err error) []error {
	if err == nil {
		return nil
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		return many.Unwrap()
	}
	return []error{err}
}

func (f *fileReader) chain(root *yaml.Node) *Chain {
	d := yamlx.NewDecoder(f.file)
	top, ok := d.Mapping(root, "a chain", slices.Concat(chainKeys(), stepKeys()))
	if !ok {
		f.note(d)
		return nil
	}
	var steps []Step
	if top.Has("steps") {
		steps = f.stepList(d, top)
	} else {
		steps = []Step{f.single(d, top)}
	}
	pipe := top.Bool("pipe")
	if pipe != nil && !top.Has("steps") {
		top.Fail("pipe", "a pipe has steps, and there are none", "write steps, or remove it")
	}
	name, description := top.String("name"), top.String("description")
	if len(steps) == 0 && d.Err() == nil {
		top.Fail("steps", "there are no steps", "write at least one")
	}
	if f.note(d); len(steps) == 0 {
		return nil
	}
	c, mistakes := compile(steps, pipe != nil && *pipe)
	f.report(mistakes)
	f.place(c)
	c.name, c.description = name, description
	if !top.Has("steps") && name != "" {
		c.steps[0].name = name
	}
	return c
}

// stepList reads the list of steps.
func (f *fileReader) stepList(d *yamlx.Decoder, top yamlx.Map) []Step {
	for _, key := range top.Keys() {
		if !slices.Contains(chainKeys(), key) {
			top.Fail(key, "the key "+yamlx.Quote(key)+" belongs to a step", "move it into the steps that need it")
		}
	}
	var steps []Step
	all := privacy(top)
	for _, n := range top.List("steps", "steps") {
		sd := yamlx.NewDecoder(f.file)
		keys, ok := sd.Mapping(n, "a step", stepKeys())
		step, messages := Step{}, []yamlx.Map(nil)
		if ok {
			step, messages = readStep(sd, keys)
		}
		step.Privacy = stricter(step.Privacy, all)
		steps = append(steps, step)
		f.steps = append(f.steps, fileStep{keys, messages, f.note(sd)})
	}
	return steps
}

// single reads the step that the file itself is. Its name is the chain's.
func (f *fileReader) single(d *yamlx.Decoder, top yamlx.Map) Step {
	step, messages := readStep(d, top)
	step.Name = ""
	f.steps = []fileStep{{top, messages, d.Err() != nil}}
	return step
}

func readStep(d *yamlx.Decoder, m yamlx.Map) (Step, []yamlx.Map) {
	s := Step{
		Name:        m.String("name"),
		System:      m.String("system"),
		Prompt:      m.String("prompt"),
		Use:         words(m, "use"),
		Model:       m.String("model"),
		Temperature: m.Float("temperature", 0, 2),
		TopP:        m.Float("top_p", 0, 1),
		Seed:        m.Int("seed", -1<<63),
		Stop:        words(m, "stop"),
		Think:       provider.Thinking(m.OneOf("think", "off", "on", "low", "medium", "high")),
		Privacy:     privacy(m),
	}
	if n := m.Int("max_tokens", 1); n != nil {
		s.MaxTokens = provider.Ptr(int(*n))
	}
	if m.Has("model") && s.Model == "" {
		m.Fail("model", "the model has no name", "write it, or remove the key")
	}
	if m.Has("use") && s.Use != nil && len(s.Use) == 0 {
		m.Fail("use", "no provider is named", "name one, or remove the key")
	}
	if m.Has("system") && blank(s.System) {
		m.Fail("system", "the system message is empty", "write it, or remove the key")
	}
	var messages []yamlx.Map
	for _, n := range m.List("messages", "messages") {
		keys, ok := d.Mapping(n, "a message", []string{"role", "content"})
		if !ok {
			continue
		}
		messages = append(messages, keys)
		keys.Require("content", "write what is said")
		role := ""
		if keys.Require("role", "write who speaks: system, user or assistant") {
			role = keys.OneOf("role", "system", "user", "assistant")
		}
		s.Messages = append(s.Messages, Message{Role: provider.Role(role), Text: keys.String("content")})
	}
	return s, messages
}

// words reads a text or a list of texts, none of them empty.
func words(m yamlx.Map, key string) []string {
	list := m.Strings(key)
	if slices.Contains(list, "") {
		m.Fail(key, "an empty text is in it", "remove it")
		return nil
	}
	return list
}

func privacy(m yamlx.Map) provider.Privacy {
	if m.OneOf("privacy", "any", "local") == "local" {
		return provider.PrivacyLocal
	}
	return provider.PrivacyAny
}
