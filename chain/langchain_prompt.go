package chain

import (
	"errors"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/chain/prompt"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

func (r *legacyReader) parser(m yamlx.Map) {
	n := m.Value("output_parser")
	if n == nil || n.Tag == "!!null" || n.Kind == yaml.MappingNode && len(n.Content) == 0 {
		return
	}
	if kind := yamlx.Value(n, "_type"); kind != nil && kind.Value == "default" {
		return
	}
	m.Fail("output_parser", "the output parser is not supported", "remove it, and write `parse:` into the step of a chain file")
}

// prompt reads the prompt, here or in a file of its own.
func (r *legacyReader) prompt(m yamlx.Map) *prompt.Prompt {
	var ask *prompt.Prompt
	read := func(page legacyPage) {
		if page.document == nil {
			var err error
			if page.document, err = prompt.ParseDocument(page.file, []byte(page.text)); err != nil {
				r.errs = append(r.errs, diag.Split(err)...)
				return
			}
		}
		p, err := page.document.Prompt(page.pointer, prompt.Options{FS: r.fsys, Dir: r.dir, AllowJinja2: r.jinja2})
		r.errs = append(r.errs, diag.Split(err)...)
		if err == nil {
			ask = p
			r.notes = append(r.notes, p.Warnings()...)
		}
	}
	switch {
	case m.Has("prompt") && m.Has("prompt_path"):
		m.Fail("prompt_path", "there is both a prompt_path and a prompt", "remove one of them")
	case m.Has("prompt"):
		read(r.page.in("prompt"))
	case m.Has("prompt_path"):
		if page, _, ok := r.file(m.Value("prompt_path")); ok {
			read(page)
		}
	default:
		m.Require("prompt", "write one, or a prompt_path")
	}
	return ask
}

// file reads another file.
func (r *legacyReader) file(n *yaml.Node) (legacyPage, *yaml.Node, bool) {
	name, shown := n.Value, filepath.Join(r.dir, n.Value)
	slashed := "/" + strings.ReplaceAll(name, `\`, "/") + "/"
	switch ext := filepath.Ext(name); {
	case n.Kind != yaml.ScalarNode || n.Tag != "!!str" || name == "":
		r.fail(n, "expected a file's name", "")
		return legacyPage{}, nil, false
	case filepath.IsAbs(name) || strings.HasPrefix(slashed, "//") || strings.Contains(slashed, "/../"):
		r.fail(n, "the path "+diag.Quote(name)+" leads out of the folder", "name a file in the chain's own folder, or below it")
		return legacyPage{}, nil, false
	case r.files == nil:
		r.fail(n, "there is no folder to look for "+diag.Quote(name)+" in", "load the chain from a file")
		return legacyPage{}, nil, false
	case ext != ".json" && ext != ".yaml" && ext != ".yml":
		r.fail(n, "the file "+diag.Quote(name)+" does not end in .json, .yaml or .yml", "name one that does")
		return legacyPage{}, nil, false
	}
	data, err := yamlx.ReadIn(r.files, name)
	if err != nil {
		e := new(diag.Error)
		if !errors.As(err, &e) {
			e.Message = err.Error()
		}
		r.fail(n, "the file "+diag.Quote(name)+": "+e.Message, e.Remedy)
		return legacyPage{}, nil, false
	}
	if err := r.count(shown, len(data)); err != nil {
		r.fail(n, err.Error(), "do they name each other again and again? name fewer")
		return legacyPage{}, nil, false
	}
	data = yamlx.FromJSON(data)
	root, err := yamlx.Parse(shown, data)
	r.errs = append(r.errs, diag.Split(err)...)
	if err == nil && root == nil {
		r.fail(n, "the file "+diag.Quote(name)+" is empty", "")
	}
	return newLegacyPage(shown, string(data)), root, err == nil && root != nil
}

// in is the place of a part of the chain that is being read.
func (p legacyPage) in(part string) legacyPage {
	p.pointer += "/" + part
	return p
}
