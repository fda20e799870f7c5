package prompt

import (
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"reflect"

	"github.com/tandem-llm/tandem/chain/template"
	"github.com/tandem-llm/tandem/internal/textx"
)

// Add returns a prompt of p and then the others, as LangChain's + does: texts
// that [Text] made are joined to one text, and otherwise messages follow
// messages. Errors: texts in two formats, a variable that both give a partial,
// files from two folders, and those of [New].
func (p *Prompt) Add(others ...*Prompt) (*Prompt, error) {
	for _, other := range others {
		sum, err := p.add(other)
		if err != nil {
			return nil, err
		}
		p = sum
	}
	return p, nil
}

func (p *Prompt) add(other *Prompt) (*Prompt, error) {
	o := p.options
	var err error
	if o.Partial, err = merge("partial", p.options.Partial, other.options.Partial); err != nil {
		return nil, err
	}
	if o.Partials, err = merge("mustache partial", p.options.Partials, other.options.Partials); err != nil {
		return nil, err
	}
	if o.Dir == "" {
		o.Dir, o.FS = other.options.Dir, other.options.FS
	} else if other.options.Dir != "" && (o.Dir != other.options.Dir || !sameFS(o.FS, other.options.FS)) {
		return nil, wrong("the prompts read their files from two directories", "put them into one")
	}
	o.AllowJinja2 = p.options.AllowJinja2 || other.options.AllowJinja2
	o.Examples = nil
	a, b := p.placed(), other.placed()
	if p.text && other.text && a[0].Examples == nil && b[0].Examples == nil {
		if format(a[0].Format) != format(b[0].Format) {
			return nil, wrong(fmt.Sprintf("templates in %s and %s cannot be joined", format(a[0].Format), format(b[0].Format)), "write both in one format")
		}
		one := a[0]
		one.Text += b[0].Text
		if one.Partial, err = merge("partial", a[0].Partial, b[0].Partial); err != nil {
			return nil, err
		}
		sum, err := New(o, one)
		if err == nil {
			sum.text = true
		}
		return sum, err
	}
	return New(o, append(a, b...)...)
}

func format(f template.Format) template.Format { return cmp.Or(f, template.FString) }

func wrong(what, remedy string) error { return &Error{Message: -1, What: what, Remedy: remedy} }

// placed returns p's messages with what the Options say of each written into
// them: the format, and the examples.
func (p *Prompt) placed() []Message {
	c := compiler{options: p.options, prompt: p}
	before := c.placeExamples(p.source)
	var out []Message
	for i, m := range p.source {
		m.Format = cmp.Or(m.Format, p.options.Format)
		if i == before {
			e := *p.options.Examples
			if e.Text == "" {
				out = append(out, Message{Examples: &e, Format: m.Format})
			} else {
				m.Examples = &e
			}
		}
		out = append(out, m)
	}
	return out
}

func merge[V any](what string, a, b map[string]V) (map[string]V, error) {
	if len(a) == 0 {
		return b, nil
	}
	out := maps.Clone(a)
	for name, value := range b {
		if _, twice := out[name]; twice {
			return nil, wrong(fmt.Sprintf("both prompts have the %s %q", what, textx.Shorten(name)), "rename it in one of them")
		}
		out[name] = value
	}
	return out, nil
}

// sameFS reports whether both are one file system. An fs.FS need not be
// comparable: fstest.MapFS is a map.
func sameFS(a, b fs.FS) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	switch {
	case x.Type() != y.Type():
		return false
	case x.Comparable() && y.Comparable():
		return x.Equal(y)
	}
	return x.Kind() == reflect.Map && x.Pointer() == y.Pointer()
}
