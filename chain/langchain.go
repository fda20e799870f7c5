package chain

import (
	"io/fs"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/chain/prompt"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/files"
	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

// legacy is a chain file of LangChain's (_type: llm_chain, sequential_chain or
// simple_sequential_chain), as the steps that its keys make.
type legacy struct {
	steps []Step
	pipe  bool
	chain *Chain // of them
}

// Notes list what is not used of the chain's file, such as a model's name in
// one of LangChain's, each with its file, line and column. The chain runs all
// the same. Only LangChain's files have any.
func (c *Chain) Notes() []error { return c.notes }

// legacyChain makes a chain of a file that is LangChain's.
func (f *fileReader) legacyChain(data []byte) (*Chain, error) {
	var fsys fs.FS
	dir, l := "", &loading{}
	if f.files != nil {
		fsys, dir, l = f.files.fsys, f.files.dir, f.files.loading
	}
	var options []LoadOption
	if f.jinja2 {
		options = append(options, AllowJinja2())
	}
	c, err := parseLegacy(f.file, data, fsys, dir, l, options...)
	if err != nil {
		return nil, err
	}
	return c.chain, nil
}

// parseLegacy makes steps of the text of a chain file, YAML or JSON, that errors
// call file. Files that it names are read in dir, a directory of fsys (nil: of the
// file system); empty: none is.
//
// A model's settings (temperature, max_tokens, top_p, stop, seed) become the
// step's. Its name, its keys and where it is to be found do not: who answers is
// for the configuration to say. A key in the file is an error, which does not
// show it. l counts what is read.
func parseLegacy(file string, data []byte, fsys fs.FS, dir string, l *loading, options ...LoadOption) (*legacy, error) {
	var how fileReader
	for _, option := range options {
		option(&how)
	}
	data, root, err := yamlx.ParseText(file, data, "write a chain")
	if err != nil {
		return nil, err
	}
	r := &legacyReader{fsys: fsys, dir: dir, loading: l, jinja2: how.jinja2, page: newLegacyPage(file, string(data)), sites: map[*source]legacySite{}}
	if dir != "" {
		if r.files, err = files.OpenDir(fsys, dir); err != nil {
			return nil, &diag.Error{File: file, Message: "its directory cannot be opened", Err: err}
		}
		defer r.files.Close()
	}
	p := r.part(root)
	if err := diag.Join(r.errs...); err != nil {
		return nil, err
	}
	c, ok := r.compile(p)
	if !ok {
		return nil, diag.Join(r.errs...)
	}
	c.notes = r.notes
	return &legacy{steps: p.steps, pipe: p.pipe, chain: c}, nil
}

// legacyReader reads one chain file, and those that it names.
type legacyReader struct {
	fsys   fs.FS // of dir; nil: the operating system's
	dir    string
	files  *files.Dir // dir; nil: no files
	jinja2 bool       // templates in jinja2 are taken
	page   legacyPage
	open   []string // the files being read
	*loading
	sites map[*source]legacySite
	errs  []error
	notes []error
}

// legacyPage is a file, and the place in it that is being read.
type legacyPage struct {
	file    string
	pointer string // JSON pointer of the chain
	*legacyText
}

// legacyText is a file's text; document makes prompts of parts of it.
type legacyText struct {
	text     string
	document *prompt.Document // nil: not yet
}

func newLegacyPage(file, text string) legacyPage {
	return legacyPage{file, "", &legacyText{text: text}}
}

// legacySite is where a step stands.
type legacySite struct {
	file string
	node *yaml.Node
}

// legacyPart is a chain of any type.
type legacyPart struct {
	kind   string
	node   *yaml.Node
	steps  []Step
	pipe   bool
	inputs []string
	output string // the name of its value
	named  bool   // the file itself gives it
}

// mapping reads n's keys; done hands its errors over.
func (r *legacyReader) mapping(n *yaml.Node, what string, known []string) (m yamlx.Map, ok bool, done func()) {
	d := yamlx.NewDecoder(r.page.file)
	m, ok = d.Mapping(n, what, known)
	return m, ok, func() { r.errs = append(r.errs, diag.Split(d.Err())...) }
}

func (r *legacyReader) fail(n *yaml.Node, message, remedy string) {
	r.errs = append(r.errs, yamlx.NewDecoder(r.page.file).At(n, message, remedy))
}

func (r *legacyReader) addNote(n *yaml.Node, message, remedy string) {
	r.notes = append(r.notes, yamlx.NewDecoder(r.page.file).At(n, message, remedy))
}

// compile checks the steps as the chain that they are to be.
func (r *legacyReader) compile(p legacyPart) (*Chain, bool) {
	c := newCompiler(r.jinja2)
	c.chain.pipe = p.pipe
	c.chain.steps = c.top(p.steps)
	for _, m := range c.mistakes {
		s, ok := r.sites[m.src]
		if !ok {
			s = legacySite{r.page.file, p.node}
		}
		r.errs = append(r.errs, &diag.Error{File: s.file, Line: s.node.Line, Column: s.node.Column, Message: m.message, Remedy: m.remedy, Err: m.cause})
	}
	return c.chain, len(c.mistakes) == 0
}

// part reads a chain.
func (r *legacyReader) part(n *yaml.Node) legacyPart {
	n = yamlx.Follow(n)
	m, ok, done := r.mapping(n, "a chain", nil)
	done()
	if !ok {
		return legacyPart{node: n}
	}
	p := legacyPart{node: n}
	if t := m.Value("_type"); t != nil {
		p.kind = t.Value
	}
	switch p.kind {
	case "llm_chain":
		r.llmChain(&p)
	case "sequential_chain":
		r.sequential(&p)
	case "simple_sequential_chain":
		r.simple(&p)
	case "":
		r.fail(n, "the chain has no _type", "the types are "+strings.Join(legacyTypes(), ", "))
	default:
		r.errs = append(r.errs, unreadType(r.page.file, m.Value("_type"), legacyTypes()))
	}
	return p
}

func legacyKeys(more ...string) []string {
	return append([]string{"_type", "name", "memory", "verbose", "callbacks", "callback_manager", "tags", "metadata"}, more...)
}

// common refuses what every chain may have and this does not do.
func (r *legacyReader) common(m yamlx.Map) {
	for _, key := range []string{"memory", "callbacks", "callback_manager"} {
		if n := m.Value(key); n != nil && n.Tag != "!!null" && (n.Kind == yaml.ScalarNode || len(n.Content) > 0) {
			m.Fail(key, key+" is not supported", "remove it, and pass the earlier messages to a placeholder")
		}
	}
}

// llmChain reads one prompt and how it is answered.
func (r *legacyReader) llmChain(p *legacyPart) {
	m, ok, done := r.mapping(p.node, "an llm_chain", legacyKeys("llm", "llm_path", "prompt", "prompt_path", "output_key", "output_parser", "return_final_only", "llm_kwargs"))
	defer done()
	if !ok {
		return
	}
	r.common(m)
	s := Step{src: &source{keys: m}}
	r.sites[s.src] = legacySite{r.page.file, p.node}
	p.output, p.named = "text", m.Has("output_key")
	if p.named {
		p.output = m.String("output_key")
		if !textx.IsName(p.output) {
			m.Fail("output_key", diag.Quote(p.output)+" cannot be a step's name", "write letters, digits and _ only")
		}
	}
	if f := m.Bool("return_final_only"); f != nil && !*f {
		m.Fail("return_final_only", "the full generation is not returned", "remove it: the result has the usage and who answered")
	}
	r.parser(m)
	if s.PromptFrom = r.prompt(m); s.PromptFrom != nil {
		for _, v := range s.PromptFrom.Vars() {
			p.inputs = append(p.inputs, v.Name)
		}
	}
	r.model(m, &s)
	s.Name = p.output
	p.steps = []Step{s}
}
