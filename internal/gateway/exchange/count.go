package exchange

import (
	"net/http"

	"github.com/tandem-llm/tandem/internal/tokens"
	"github.com/tandem-llm/tandem/provider"
)

// Counted is how long a prompt is.
type Counted struct {
	Tokens int
	// Exact says that the engine's own tokenizer counted; else it is an estimate.
	Exact    bool
	Provider string // whose model it was counted for
}

// Count is how many tokens a question's prompt has, for the model that would be asked
// first. It generates and loads nothing. Errors: a failure.
func (x *Exchange) Count(r *http.Request, q *Question) (Counted, *Failure) {
	if err := x.prepare(r, q); err != nil {
		return Counted{}, x.failureOf(err)
	}
	req := q.Request
	out := Counted{Tokens: tokens.Request(&req)}
	if q.Ask != nil || len(req.Use) == 0 {
		return out, nil
	}
	out.Provider = req.Use[0]
	t, ok := x.cfg.Stack().Target(out.Provider)
	if !ok {
		return out, nil
	}
	counter, ok := provider.As[provider.Counter](t.Provider)
	if !ok {
		return out, nil
	}
	req.Use = nil
	n, exact, err := counter.CountTokens(r.Context(), req)
	if err != nil {
		return out, x.failureOf(err)
	}
	out.Tokens, out.Exact = n, exact
	return out, nil
}
