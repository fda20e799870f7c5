package exchange

import (
	"context"
	"net/http"
	"slices"
)

// Target is who is asked for a model.
type Target struct {
	Use   []string // the providers, in their order
	Model string   // the model's name there; empty: each has its own
}

// Target resolves a model's name as for a question, for a run that the exchange does
// not answer itself. Errors: a *[Failure] that names what there is.
func (x *Exchange) Target(ctx context.Context, model string) (Target, error) {
	s, q := x.cfg.Stack(), &Question{Model: model}
	if err := x.resolve(ctx, s, http.Header{}, q); err != nil {
		return Target{}, err
	}
	t := Target{Use: q.Request.Use, Model: q.Request.Model}
	if len(t.Use) == 0 {
		t.Use = slices.Clone(s.Config().Use)
	}
	return t, nil
}
