package exchange

import (
	"net/http"
	"slices"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/gateway/body"
)

// Class is what becomes of a parameter.
type Class string

// The classes.
const (
	// Honoured parameters do what the API says.
	Honoured Class = "honoured"
	// Harmless ones cannot change the answer: they are taken, and named in
	// X-Tandem-Ignored.
	Harmless Class = "harmless"
	// Refused ones would change the answer, and nobody here can honour them.
	Refused Class = "refused"
)

// Param is a parameter of a dialect.
type Param struct {
	Name  string
	Class Class
	Note  string // what it does here, for the documentation
	// Unless is the JSON of values that ask for nothing, such as false and 1: with
	// one of them a Refused parameter is taken.
	Unless []string
}

// Params are the parameters of one path of a dialect.
type Params []Param

func (p Params) names() (all []string) {
	for i := range p {
		all = append(all, p[i].Name)
	}
	return all
}

// Check finds the parameters of a request that are not used: harmless ones, and those
// that the table does not know. A parameter that would change the answer, and under
// strict an unknown one, is a failure.
func (p Params) Check(o body.Object, strict bool) (ignored []string, err error) {
	for _, name := range o.Names() {
		i := slices.IndexFunc(p, func(x Param) bool { return x.Name == name })
		switch {
		case i < 0 && strict:
			hint := ""
			if near, ok := diag.Nearest(name, p.names()); ok {
				hint = "; did you mean " + near + "?"
			}
			return nil, &Failure{Status: http.StatusBadRequest, Code: CodeParameter, Param: name, Message: "unknown parameter " + name + ", and X-Tandem-Strict forbids those" + hint}
		case i < 0, p[i].Class == Harmless:
			if o.Has(name) {
				ignored = append(ignored, name)
			}
		case p[i].Class == Refused && o.Has(name) && !slices.Contains(p[i].Unless, string(o.Raw(name))):
			note := p[i].Note
			if note == "" {
				note = "it would change the answer, and no provider here can honour it"
			}
			return nil, &Failure{Status: http.StatusBadRequest, Code: CodeParameter, Param: o.PathOf(name), Message: "unsupported parameter " + o.PathOf(name) + ": " + note}
		}
	}
	return ignored, nil
}
