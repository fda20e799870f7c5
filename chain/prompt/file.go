package prompt

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

// Load reads a prompt file of LangChain's: see [Parse]. Files that it names are
// in Options.Dir, which is the file's own folder where it is empty.
func Load(path string, o Options) (*Prompt, error) {
	data, err := yamlx.Read(path)
	if err != nil {
		return nil, err
	}
	if o.Dir == "" {
		o.Dir = filepath.Dir(path)
	}
	return Parse(path, data, o)
}

// Parse makes a prompt of the text of a prompt file, YAML or JSON, that errors
// call file. It reads what LangChain's load_prompt does (_type: prompt, few_shot
// or chat), and what its dumpd writes of prompts ("lc": 1). The Options give what
// a file does not: its Format is ignored, and its Partial adds to the file's.
//
// The error holds every mistake, each with its file, line and column.
// What is odd and harmless is in [Prompt.Warnings].
func Parse(file string, data []byte, o Options) (*Prompt, error) {
	data, root, err := yamlx.ParseText(file, data, "write a prompt")
	if err != nil {
		return nil, err
	}
	return ParseNode(file, string(data), root, o)
}

// IsFile reports whether a file with this root is a prompt file of LangChain's,
// and no chain.
func IsFile(root *yaml.Node) bool {
	switch kind := yamlx.Value(root, "_type"); {
	case kind != nil:
		return slices.Contains(fileTypes(), kind.Value)
	default:
		return yamlx.Value(root, "lc") != nil
	}
}

func fileTypes() []string { return []string{"prompt", "few_shot", "chat"} }

// ParseNode is [Parse] for a prompt that stands in another file, at a node of
// its text.
func ParseNode(file, text string, root *yaml.Node, o Options) (*Prompt, error) {
	l := &loader{dir: o.Dir, page: page{file, text}}
	if o.Dir != "" {
		r, err := os.OpenRoot(o.Dir)
		if err != nil {
			return nil, &diag.Error{File: file, Message: "its folder cannot be opened: " + cause(err).Error(), Err: err}
		}
		defer r.Close()
		l.root = r
	}
	d := l.prompt(root)
	if err := diag.Join(l.errs...); err != nil {
		return nil, err
	}
	o.Format = ""
	merged, err := merge("partial", d.partial, o.Partial)
	if err != nil {
		return nil, &diag.Error{File: file, Line: root.Line, Column: root.Column, Message: err.Error()}
	}
	o.Partial = merged
	p, err := New(o, d.messages...)
	if err != nil {
		return nil, l.placed(d, root, err)
	}
	p.text = d.text
	l.checkVariables(d, p)
	if err := diag.Join(l.errs...); err != nil {
		return nil, err
	}
	p.warnings = l.warnings
	return p, nil
}

// page is a file's name and text.
type page struct{ file, text string }

// loader reads one prompt file, and those that it names.
type loader struct {
	dir      string
	root     *os.Root // nil: no files
	page     page     // being read
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
		out = append(out, s.error(m.What, m.Remedy, textx.Position{Line: m.Line, Column: m.Column}))
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
	if l.root == nil {
		l.fail(n, "there is no folder to look for "+diag.Quote(name)+" in", "load the prompt from a file")
		return page{}, false
	}
	shown := filepath.Join(l.dir, name)
	if !slices.Contains(endings, filepath.Ext(name)) {
		l.fail(n, "the file "+diag.Quote(name)+" does not end in "+strings.Join(endings, " or "), "name one that does")
		return page{}, false
	}
	data, err := yamlx.ReadIn(l.root, name)
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
	if target, err := filepath.EvalSymlinks(shown); err == nil && !slices.Contains(endings, filepath.Ext(target)) {
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
