package chain

import (
	"io/fs"
	"path"
	"path/filepath"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/files"
	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/internal/yamlx"
	"github.com/tandem-llm/tandem/provider"
)

// Load reads a chain from a file: see [Parse]. Other files that it names, such
// as prompts, schemas and chains, are in its directory or below.
func Load(path string, opts ...LoadOption) (*Chain, error) {
	dir, err := files.OpenDir(nil, filepath.Dir(path))
	if err != nil {
		_, err := yamlx.Read(path) // says what is wrong with the file
		return nil, err
	}
	defer dir.Close()
	data, err := yamlx.Read(path)
	if err != nil {
		return nil, err
	}
	return load(path, data, &fileSet{files: dir, dir: filepath.Dir(path)}, opts)
}

// LoadFS is [Load] for a file of fsys, such as an embed.FS. Its images are read
// from fsys at each run.
func LoadFS(fsys fs.FS, name string, opts ...LoadOption) (*Chain, error) {
	whole, err := files.OpenDir(fsys, ".")
	if err != nil {
		return nil, err
	}
	defer whole.Close()
	data, err := yamlx.ReadIn(whole, name)
	if err != nil {
		return nil, err
	}
	dir, err := whole.Sub(path.Dir(name))
	if err != nil {
		return nil, &FileError{File: name, Message: "its directory cannot be opened", Err: err}
	}
	defer dir.Close()
	return load(name, data, &fileSet{files: dir, fsys: fsys, dir: path.Dir(name)}, opts)
}

// load makes the chain of a file that has been read.
func load(file string, data []byte, in *fileSet, opts []LoadOption) (*Chain, error) {
	in.loading = &loading{seen: []string{file}}
	if at, ok := in.files.Place(filepath.Base(file)); ok {
		in.begin(at)
	}
	f := &fileReader{file: file, files: in}
	for _, opt := range opts {
		opt(f)
	}
	c, err := f.parse(data)
	if err == nil {
		c.files = in.seen
	}
	return c, err
}

// Parse makes a chain of the text of a file, YAML or JSON, that errors call
// file. It has name, description, privacy, inputs, pipe and steps, each step
// with the keys of [Step] as docs/chains.md has them; or, in place of steps, the
// keys of the one step there is:
//
//	name: president
//	prompt: Tell me the president of {country}
//
// A prompt file of LangChain's is a chain of one step, and a chain file of
// LangChain's (llm_chain, sequential_chain, simple_sequential_chain) one of its
// steps. A model's settings in it become the steps' own; its name and address
// do not, because the caller chooses the provider: see [Chain.Notes].
//
// The error lists every mistake in the file, each with its line and column.
// Naming other files is a mistake here: [Load] reads those.
func Parse(file string, data []byte, opts ...LoadOption) (*Chain, error) {
	f := &fileReader{file: file}
	for _, opt := range opts {
		opt(f)
	}
	return f.parse(data)
}

// parse makes the chain of the file's text.
func (f *fileReader) parse(data []byte) (*Chain, error) {
	data, root, err := yamlx.ParseText(f.file, data, "write a prompt, or steps")
	if err != nil {
		return nil, err
	}
	f.text = string(data)
	typ, err := fileTypeOf(f.file, root)
	if err != nil {
		return nil, err
	}
	var c *Chain
	switch typ {
	case FileLangChainPrompt:
		c, err = f.promptChain(data)
	case FileLangChainChain:
		c, err = f.legacyChain(data)
	default:
		c = f.chain(root)
		err = diag.Join(f.errs...)
	}
	if err != nil {
		return nil, err
	}
	c.fileType = typ
	return c, nil
}

func chainKeys() []string {
	return []string{"name", "description", "privacy", "inputs", "pipe", "steps"}
}

// fileReader makes a Chain of one file's nodes.
type fileReader struct {
	file   string
	text   string
	files  *fileSet // nil: there are no others
	jinja2 bool     // templates in jinja2 are taken
	errs   []error
}

// source is a step as it is in the file.
type source struct {
	keys     yamlx.Map
	messages []yamlx.Map
	with     yamlx.Map   // values for the inputs of a chain
	within   []yamlx.Map // mappings whose keys a mistake may name, such as route
	broken   bool        // errors were found while reading it
}

// keepErrors keeps the errors of d and reports whether there were any.
func (f *fileReader) keepErrors(d *yamlx.Decoder) bool {
	err := d.Err()
	f.errs = append(f.errs, diag.Split(err)...)
	return err != nil
}

// namesOne reports whether a key of a mapping is a known one, or probably meant to be.
func namesOne(n *yaml.Node, known []string) bool {
	for i := 0; i < len(n.Content); i += 2 {
		if _, ok := diag.Nearest(n.Content[i].Value, known); ok {
			return true
		}
	}
	return false
}

func (f *fileReader) chain(root *yaml.Node) *Chain {
	d := yamlx.NewDecoder(f.file)
	known := slices.Concat(chainKeys(), stepKeys())
	if n := yamlx.Follow(root); n != nil && n.Kind == yaml.MappingNode && len(n.Content) > 0 && !namesOne(n, known) {
		d.Fail(n, "this is not a chain file: none of its keys is a chain's", "a chain has `prompt`, `messages` or `steps`")
		f.keepErrors(d)
		return nil
	}
	top, ok := d.Mapping(root, "a chain", known)
	if !ok {
		f.keepErrors(d)
		return nil
	}
	var steps []Step
	if top.Has("steps") {
		steps = f.topSteps(top)
	} else {
		steps = []Step{f.single(d, top)}
	}
	pipe := top.Bool("pipe")
	if pipe != nil && !top.Has("steps") {
		top.Fail("pipe", "a pipe needs steps", "write steps, or remove it")
	}
	name, description := top.String("name"), top.String("description")
	if len(steps) == 0 && d.Err() == nil {
		top.Fail("steps", "there are no steps", "write at least one")
	}
	c := newCompiler(f.jinja2)
	c.file = &source{keys: top}
	f.inputs(c, d, top)
	if f.keepErrors(d); len(steps) == 0 {
		return nil
	}
	c.chain.pipe = pipe != nil && *pipe
	c.chain.steps = c.top(steps)
	f.report(c.mistakes)
	f.place(c.chain)
	for _, w := range c.warnings {
		if !w.src.broken { // it may stand nowhere
			c.chain.warnings = append(c.chain.warnings, f.errorAt(w))
		}
	}
	c.chain.name, c.chain.description = name, description
	if !top.Has("steps") && name != "" && len(c.chain.steps) > 0 {
		c.chain.steps[0].name = name
	}
	return c.chain
}

// topSteps reads the chain's own steps, which its privacy holds for.
func (f *fileReader) topSteps(top yamlx.Map) []Step {
	for _, key := range top.Keys() {
		if !slices.Contains(chainKeys(), key) {
			top.Fail(key, "the key "+diag.Quote(key)+" belongs to a step", "move it into the steps that need it")
		}
	}
	all := privacy(top)
	steps := f.stepList(top.List("steps", "steps"))
	for i := range steps {
		steps[i].Privacy = stricter(steps[i].Privacy, all)
	}
	return steps
}

// single reads the step that the file itself is. Its name is the chain's.
func (f *fileReader) single(d *yamlx.Decoder, top yamlx.Map) Step {
	step := f.readStep(d, top)
	if step.Repeat == nil || !textx.IsName(step.Name) {
		step.Name = "" // a loop calls its value so; elsewhere a variable may have the name
	}
	step.src.broken = step.src.broken || d.Err() != nil
	return step
}

// stepList reads a list of steps.
func (f *fileReader) stepList(nodes []*yaml.Node) []Step {
	steps := make([]Step, 0, len(nodes))
	for _, n := range nodes {
		steps = append(steps, f.step(n))
	}
	return steps
}

// step reads one step.
func (f *fileReader) step(n *yaml.Node) Step {
	d := yamlx.NewDecoder(f.file)
	step := Step{src: &source{}}
	if keys, ok := d.Mapping(n, "a step", stepKeys()); ok {
		step = f.readStep(d, keys)
	}
	step.src.broken = f.keepErrors(d) || step.src.broken
	return step
}

func privacy(m yamlx.Map) provider.Privacy {
	if m.OneOf("privacy", "any", "local") == "local" {
		return provider.PrivacyLocal
	}
	return provider.PrivacyAny
}
