package template

import (
	"github.com/tandem-llm/tandem/chain/template/internal/jinja"
)

// parseJinja2 compiles a jinja2 template. Its variables, with the optional ones,
// are those that jinja2.meta.find_undeclared_variables tells.
func parseJinja2(text string) (*Template, error) {
	j, err := jinja.Parse(text)
	if err != nil {
		return nil, placed(text, err)
	}
	t := &Template{text: text, format: Jinja2, body: j}
	vars := newIndexer(t)
	for _, v := range j.Vars() {
		kind := Text
		if v.Inside {
			kind = Any
		}
		if v.Optional {
			at := vars.place(v.Offset)
			t.optional = append(t.optional, Var{v.Name, at.Line, at.Column, kind})
		} else {
			vars.index(v.Name, v.Offset, kind)
		}
	}
	return t, nil
}
