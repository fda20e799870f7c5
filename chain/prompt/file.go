package prompt

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/files"
	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

// Load reads a LangChain prompt file: see [Parse]. Files that it names are in
// Options.Dir; empty: the file's own directory. path is in Options.FS where that
// is set.
func Load(path string, o Options) (*Prompt, error) {
	data, err := load(path, o.FS)
	if err != nil {
		return nil, err
	}
	if o.Dir == "" {
		o.Dir = filepath.Dir(path)
	}
	return Parse(path, data, o)
}

func load(path string, fsys fs.FS) ([]byte, error) {
	if fsys == nil {
		return yamlx.Read(path)
	}
	root, err := files.OpenDir(fsys, ".")
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return yamlx.ReadIn(root, path)
}

// Parse makes a prompt of the text of a prompt file, YAML or JSON; file is its
// name in errors. It reads what LangChain's load_prompt reads (_type: prompt,
// few_shot or chat), and what its dumpd writes of prompts ("lc": 1). The Options
// give what a file does not: Format is ignored, and Partial adds to the file's.
//
// The error holds every problem, each with its file, line and column; see
// [Prompt.Warnings] for what is odd and harmless.
func Parse(file string, data []byte, o Options) (*Prompt, error) {
	d, err := ParseDocument(file, data)
	if err != nil {
		return nil, err
	}
	return d.Prompt("", o)
}

// Document is a YAML or JSON file that has prompts in it, such as a LangChain
// chain file.
type Document struct {
	page page
	root *yaml.Node
}

// ParseDocument reads the text of a file; file is its name in errors.
func ParseDocument(file string, data []byte) (*Document, error) {
	data, root, err := yamlx.ParseText(file, data, "write a prompt")
	if err != nil {
		return nil, err
	}
	return &Document{page{file, string(data)}, root}, nil
}

// Prompt makes a prompt of what is at a JSON pointer in the document, such as
// "/chains/0/prompt"; "" is the whole document. Otherwise it is [Parse].
func (d *Document) Prompt(pointer string, o Options) (*Prompt, error) {
	n, ok := yamlx.FindExact(d.root, pointer)
	if !ok {
		return nil, &diag.Error{File: d.page.file, Line: n.Line, Column: n.Column, Message: "there is nothing at " + strconv.Quote(textx.Shorten(pointer))}
	}
	return parseNode(d.page, n, o)
}

// parseNode makes a prompt of a node of a page.
func parseNode(p page, root *yaml.Node, o Options) (*Prompt, error) {
	l := &loader{dir: o.Dir, onDisk: o.FS == nil, page: p}
	if o.Dir != "" {
		dir, err := files.OpenDir(o.FS, o.Dir)
		if err != nil {
			return nil, &diag.Error{File: p.file, Message: "its directory cannot be opened: " + cause(err).Error(), Err: err}
		}
		defer dir.Close()
		l.files = dir
	}
	d := l.prompt(root)
	if err := diag.Join(l.errs...); err != nil {
		return nil, err
	}
	o.Format = ""
	merged, err := merge("partial", d.partial, o.Partial)
	if err != nil {
		return nil, &diag.Error{File: p.file, Line: root.Line, Column: root.Column, Message: err.Error()}
	}
	o.Partial = merged
	made, err := New(o, d.messages...)
	if err != nil {
		return nil, l.placed(d, root, err)
	}
	made.text = d.text
	l.checkVariables(d, made)
	if err := diag.Join(l.errs...); err != nil {
		return nil, err
	}
	made.warnings = l.warnings
	return made, nil
}

// page is a file's name and text.
type page struct{ file, text string }

// loader reads one prompt file, and those that it names.
type loader struct {
	dir      string
	files    *files.Dir // nil: no files
	onDisk   bool       // files are the operating system's
	page     page       // being read
	errs     []error
	warnings []error
}

// draft is a prompt that has been read and not been compiled.
type draft struct {
	text     bool
	partial  map[string]any
	messages []Message
	spots    map[spot]site
	declared *yaml.Node // input_variables
	strict   bool       // validate_template
}

// spot is a text of a draft, by the coordinates of an [Error].
type spot struct {
	message int
	field   string
	index   int
}

// site is where a text stands: at a node of a page, or as a whole page.
type site struct {
	page page
	node *yaml.Node
}

func (d *draft) mark(message int, field string, index int, s site) {
	if d.spots == nil {
		d.spots = map[spot]site{}
	}
	d.spots[spot{message, field, index}] = s
}

// absorb adds the messages of another draft.
func (d *draft) absorb(other *draft) {
	for at, s := range other.spots {
		d.mark(at.message+len(d.messages), at.field, at.index, s)
	}
	d.messages = append(d.messages, other.messages...)
}

func (l *loader) fail(n *yaml.Node, message, remedy string) {
	l.errs = append(l.errs, l.at(n, message, remedy))
}

func (l *loader) warn(n *yaml.Node, message, remedy string) {
	l.warnings = append(l.warnings, l.at(n, message, remedy))
}

func (l *loader) at(n *yaml.Node, message, remedy string) error {
	return yamlx.NewDecoder(l.page.file).At(n, message, remedy)
}

// mapping reads n's keys, and hands its errors to the loader when done is
// called.
func (l *loader) mapping(n *yaml.Node, what string, known []string) (m yamlx.Map, ok bool, done func()) {
	d := yamlx.NewDecoder(l.page.file)
	m, ok = d.Mapping(n, what, known)
	return m, ok, func() { l.errs = append(l.errs, diag.Split(d.Err())...) }
}

// placed turns the compiler's mistakes into errors with places.
func (l *loader) placed(d *draft, root *yaml.Node, err error) error {
	var out []error
	for _, err := range diag.Split(err) {
		var m *Error
		if !errors.As(err, &m) {
			out = append(out, err)
			continue
		}
		s, ok := d.spots[spot{m.Message, m.Field, m.Index}]
		if !ok {
			s, ok = d.spots[spot{m.Message, m.Field, 0}]
		}
		if !ok {
			s = site{l.page, root}
		}
		e := s.error(m.What, m.Remedy, textx.Position{Line: m.Line, Column: m.Column})
		e.Err = m.Err
		out = append(out, e)
	}
	return diag.Join(out...)
}

// error makes an error at a position of the text that stands at s.
func (s site) error(message, remedy string, at textx.Position) *diag.Error {
	e := &diag.Error{File: s.page.file, Message: message, Remedy: remedy}
	if s.node == nil {
		e.Line, e.Column = at.Line, at.Column
		return e
	}
	return yamlx.Locate(e, s.page.text, s.node, at)
}

// open reads a file that the prompt file names at n. endings are those that its
// name may have.
func (l *loader) open(n *yaml.Node, endings ...string) (page, bool) {
	name := n.Value
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" || strings.TrimSpace(name) == "" {
		l.fail(n, "expected a file's name", "")
		return page{}, false
	}
	if what := badPath(name); what != "" {
		l.fail(n, what, "name a file in the prompt's own folder, or below it")
		return page{}, false
	}
	if l.files == nil {
		l.fail(n, "there is no folder to look for "+diag.Quote(name)+" in", "load the prompt from a file")
		return page{}, false
	}
	shown := filepath.Join(l.dir, name)
	if !slices.Contains(endings, filepath.Ext(name)) {
		l.fail(n, "the file "+diag.Quote(name)+" does not end in "+strings.Join(endings, " or "), "name one that does")
		return page{}, false
	}
	data, err := yamlx.ReadIn(l.files, name)
	if err != nil {
		e := new(diag.Error)
		if !errors.As(err, &e) {
			e.Message = err.Error()
		}
		if e.Line > 0 {
			e.File = shown
			l.errs = append(l.errs, e)
		} else {
			l.fail(n, "the file "+diag.Quote(name)+": "+e.Message, e.Remedy)
		}
		return page{}, false
	}
	if target, err := filepath.EvalSymlinks(shown); l.onDisk && err == nil && !slices.Contains(endings, filepath.Ext(target)) {
		l.fail(n, "the file "+diag.Quote(name)+" is a link to one that does not end in "+strings.Join(endings, " or "), "name one that does")
		return page{}, false
	}
	return page{shown, string(yamlx.FromJSON(data))}, true
}

// openYAML is open for a file of YAML or JSON.
func (l *loader) openYAML(n *yaml.Node) (page, *yaml.Node, bool) {
	p, ok := l.open(n, ".json", ".yaml", ".yml")
	if !ok {
		return p, nil, false
	}
	root, err := yamlx.Parse(p.file, []byte(p.text))
	l.errs = append(l.errs, diag.Split(err)...)
	if err == nil && root == nil {
		l.fail(n, "the file "+diag.Quote(n.Value)+" is empty", "")
	}
	return p, root, err == nil && root != nil
}

// within reads something of another page.
func (l *loader) within(p page, read func()) {
	outer := l.page
	l.page = p
	read()
	l.page = outer
}
