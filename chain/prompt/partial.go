package prompt

import (
	"context"
	"fmt"
	"slices"

	"github.com/tandem-llm/tandem/chain/template"
	"github.com/tandem-llm/tandem/provider"
)

// partials are values that variables have once and for all.
type partials struct {
	values  template.Map
	prompts []string // the names whose value is a *Prompt, sorted
}

func makePartials(values map[string]any) partials {
	if len(values) == 0 {
		return partials{}
	}
	p := partials{values: template.Map{}}
	for name, value := range values {
		if _, ok := value.(*Prompt); ok {
			p.prompts = append(p.prompts, name)
		}
		p.values[name] = value
	}
	slices.Sort(p.prompts)
	return p
}

func (p partials) has(name string) bool {
	_, ok := p.values[name]
	return ok
}

// over returns v with p's values before it. Prompts among them are rendered
// with v.
func (p partials) over(ctx context.Context, v template.Values, call Call) (template.Values, error) {
	if p.values == nil {
		return v, nil
	}
	o := overlay{own: p.values, under: v}
	for _, name := range p.prompts {
		messages, err := p.values[name].(*Prompt).MessagesFor(ctx, v, call)
		if err != nil {
			return nil, fmt.Errorf("partial %q: %w", name, err)
		}
		if o.rendered == nil {
			o.rendered = map[string]rendered{}
		}
		o.rendered[name] = messages
	}
	return o, nil
}

// rendered are the messages of a partial that is a prompt. As a text it is
// their text: compiling has seen to it that there is one of text alone.
type rendered []provider.Message

// String is the text of the only message.
func (r rendered) String() string { return r[0].Text }

// overlay looks in own before under.
type overlay struct {
	own      template.Map
	rendered map[string]rendered
	under    template.Values
}

// Lookup calls what has to be called.
func (o overlay) Lookup(name string) (any, bool) {
	value, ok := o.own[name]
	if !ok {
		return o.under.Lookup(name)
	}
	switch f := value.(type) {
	case func() any:
		return f(), true
	case func() string:
		return f(), true
	case *Prompt:
		return o.rendered[name], true
	}
	return value, true
}
