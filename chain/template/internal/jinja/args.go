package jinja

import (
	"strings"

	"github.com/tandem-llm/tandem/chain/template/internal/pyval"
)

// args are the arguments of a call, as values.
type args struct {
	list  []any
	named []named
}

type named struct {
	name  string
	value any
}

func (r *renderer) args(a arguments) args {
	var out args
	plain := len(a.values) - len(a.names)
	for i, x := range a.values {
		if v := r.eval(x); i < plain {
			out.list = append(out.list, v)
		} else {
			out.named = append(out.named, named{a.names[i-plain], v})
		}
	}
	if a.list != nil {
		more := r.iterate(a.list.place(), r.eval(a.list))
		r.spend(costItem * len(more))
		out.list = append(out.list[:len(out.list):len(out.list)], more...)
	}
	if a.dict != nil {
		d, ok := r.eval(a.dict).(*pyval.Dict)
		if !ok {
			refuse(a.dict.place(), "the value after ** must be a mapping")
		}
		for i := range d.Len() {
			k, v := d.At(i)
			out.named = append(out.named, named{r.str(k), v})
		}
	}
	return out
}

// bound are the arguments of a filter, test or method by its parameters.
type bound struct {
	r      *renderer
	at     int
	what   string
	values map[string]any
}

// bind fits arguments to parameters. Those that end in ? may be left out.
func (r *renderer) bind(at int, what string, a args, params ...string) bound {
	b := bound{r, at, what, map[string]any{}}
	if len(a.list) > len(params) {
		refuse(at, "%s takes at most %d arguments, but got %d", what, len(params), len(a.list))
	}
	for i, p := range params[:len(a.list)] {
		b.values[strings.TrimSuffix(p, "?")] = a.list[i]
	}
	for _, n := range a.named {
		if _, twice := b.values[n.name]; twice || !contains(params, n.name) && !contains(params, n.name+"?") {
			refuse(at, "%s does not take %s", what, n.name)
		}
		b.values[n.name] = n.value
	}
	for _, p := range params {
		if _, ok := b.values[p]; !ok && !strings.HasSuffix(p, "?") {
			refuse(at, "%s needs %s", what, p)
		}
	}
	return b
}

func (b bound) has(name string) bool { _, ok := b.values[name]; return ok }

func (b bound) any(name string, usual any) any {
	if v, ok := b.values[name]; ok {
		return v
	}
	return usual
}

func (b bound) bool(name string) bool { return truth(b.any(name, false)) }

func (b bound) textArg(name, usual string) string {
	v, ok := b.values[name]
	if !ok {
		return usual
	}
	s, ok := v.(string)
	if !ok {
		refuse(b.at, "%s takes a string as %s, but got a value of type %s%s", b.what, name, typeName(v), why(v))
	}
	return s
}

// int is bounded, as a width or count is.
func (b bound) int(name string, usual int) int {
	v, ok := b.values[name]
	if !ok {
		return usual
	}
	n, ok := pyval.Big(v)
	if !ok {
		refuse(b.at, "%s takes an integer as %s, but got a value of type %s%s", b.what, name, typeName(v), why(v))
	}
	if !n.IsInt64() || n.Int64() > maxWork || n.Int64() < -maxWork {
		refuse(b.at, "%s of %s is too large", name, b.what)
	}
	return int(n.Int64())
}
