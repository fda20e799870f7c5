package template

import (
	"github.com/tandem-llm/tandem/chain/template/internal/mustache"
)

// parseMustache compiles a mustache template. Its variables are those outside of
// all sections, as LangChain tells them; inside, what is missing is empty.
func parseMustache(text string, partials map[string]string) (*Template, error) {
	m, err := mustache.Parse(text, partials)
	if err != nil {
		return nil, placed(text, err)
	}
	t := &Template{text: text, format: Mustache, body: m}
	vars := newIndexer(t)
	for _, v := range m.Vars() {
		kind := Text
		if v.Inside {
			kind = Any
		}
		if v.InSection {
			at := vars.place(v.Offset)
			t.optional = append(t.optional, Var{v.Name, at.Line, at.Column, kind})
			continue
		}
		vars.index(v.Name, v.Offset, kind)
	}
	return t, nil
}
