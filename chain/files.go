package chain

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/files"
	"github.com/tandem-llm/tandem/internal/yamlx"
	"github.com/tandem-llm/tandem/provider"
)

// fileSet is the directory of a chain's file: the files that it names are read
// there and below.
type fileSet struct {
	files *files.Dir
	fsys  fs.FS  // that it is in; nil: the operating system's
	dir   string // its path, which errors show
	depth int    // how many chains are being read around this one
	*loading
}

// Files returns the paths of the files that [Load] or [LoadFS] read for the
// chain: its own, then those that it names, each once. It is empty for a chain
// that was not loaded.
func (c *Chain) Files() []string { return slices.Clone(c.files) }

// read returns the text of a file, and what errors call it.
func (f *fileReader) read(m yamlx.Map, key, name string) (data []byte, shown string, ok bool) {
	if f.files == nil {
		m.Fail(key, "there is no directory to look for "+diag.Quote(name)+" in", "load the chain from a file")
		return nil, "", false
	}
	data, err := yamlx.ReadIn(f.files.files, name)
	if err != nil {
		message, remedy := err.Error(), ""
		if e := new(diag.Error); errors.As(err, &e) {
			message, remedy = name+": "+e.Message, e.Remedy
		}
		m.Fail(key, message, remedy)
		return nil, "", false
	}
	shown = filepath.Join(f.files.dir, name)
	if err := f.files.count(shown, len(data)); err != nil {
		m.Fail(key, err.Error(), "do they include each other? include fewer")
		return nil, "", false
	}
	return data, shown, true
}

// referred reads the files that a step names.
func (f *fileReader) referred(m yamlx.Map, s *Step) {
	if m.Has("file") {
		if name := m.String("file"); name != "" {
			s.PromptFrom = f.promptFile(m, name)
			s.src.broken = s.PromptFrom == nil
		} else {
			m.Fail("file", "the file has no name", "write its path")
		}
	}
	if m.Has("chain") {
		if name := m.String("chain"); name != "" {
			s.Chain = f.subChain(m, name)
			s.src.broken = s.Chain == nil // its own mistakes are told
		} else {
			m.Fail("chain", "the chain has no name", "write its file's path")
		}
	}
}

// subChain reads a chain that is a step, unless it has been read before.
func (f *fileReader) subChain(m yamlx.Map, name string) *Chain {
	done := func(*Chain) {}
	if f.files != nil {
		if at, ok := f.files.files.Place(name); ok {
			switch before := f.files.loaded(at); {
			case before == nil:
				done = f.files.begin(at)
			case before.open:
				m.Fail("chain", name+" is this chain, or one that runs it", "a chain cannot run itself: use repeat")
				return nil
			default:
				return before.chain
			}
		}
	}
	c := f.readChain(m, name)
	done(c)
	return c
}

func (f *fileReader) readChain(m yamlx.Map, name string) *Chain {
	if f.files != nil && f.files.depth >= maxDepth {
		m.Fail("chain", fmt.Sprintf("chains are nested more than %d deep", maxDepth), "does one run itself?")
		return nil
	}
	data, shown, ok := f.read(m, "chain", name)
	if !ok {
		return nil
	}
	dir, err := f.files.files.Sub(filepath.Dir(name))
	if err != nil {
		m.Fail("chain", err.Error(), "")
		return nil
	}
	defer dir.Close()
	inner := &fileSet{files: dir, fsys: f.files.fsys, dir: filepath.Dir(shown), depth: f.files.depth + 1, loading: f.files.loading}
	sub := &fileReader{file: shown, files: inner, jinja2: f.jinja2}
	c, err := sub.parse(data)
	f.errs = append(f.errs, diag.Split(err)...)
	return c
}

// outputs reads what is made of the answer.
func (f *fileReader) outputs(d *yamlx.Decoder, m yamlx.Map, s *Step) {
	if n := m.Value("schema"); n != nil {
		switch {
		case n.Kind == yaml.MappingNode:
			s.Schema = &provider.Schema{Name: schemaName(s.Name), JSON: yamlx.JSON(n)}
		case n.Kind == yaml.ScalarNode:
			s.Schema = f.schemaFile(m, n.Value, s.Name)
		default:
			m.Fail("schema", "expected a JSON Schema as a mapping, or the path of a file that has one", "")
		}
	}
	f.parser(d, m, s)
}

// schemaFile reads a schema that is in a file of its own.
func (f *fileReader) schemaFile(m yamlx.Map, name, step string) *provider.Schema {
	data, shown, ok := f.read(m, "schema", name)
	if !ok {
		return nil
	}
	root, err := yamlx.Parse(shown, data)
	if err != nil {
		f.errs = append(f.errs, diag.Split(err)...)
		return nil
	}
	if root == nil || root.Kind != yaml.MappingNode {
		m.Fail("schema", name+" has no JSON Schema", "write a mapping, such as {type: object, …}")
		return nil
	}
	return &provider.Schema{Name: schemaName(step), JSON: yamlx.JSON(root)}
}

func schemaName(step string) string {
	if step == "" {
		return "answer"
	}
	return step
}
