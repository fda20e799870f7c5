package router

import (
	"context"
	"errors"
	"fmt"

	"github.com/tandem-llm/tandem/internal/breaker"
	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/provider"
)

// target is a Target and how it fares.
type target struct {
	Target
	breaker *breaker.Breaker
	budget  *retryBudget
}

func (t *target) ready(ctx context.Context) error {
	if t.Ready == nil {
		return nil
	}
	return t.Ready(ctx)
}

// model is what the target would be asked for.
func (t *target) model(req *provider.Request) string {
	if req.Model != "" {
		return req.Model
	}
	return t.Model
}

// alternative is the model that is asked instead of the target's own, where the
// server does not have that, as failed says of a request that names none. "": there
// is none, and err is failed with the reason.
func (t *target) alternative(ctx context.Context, req *provider.Request, failed error) (model string, err error) {
	e := (*provider.Error)(nil)
	if t.Alternative == nil || req.Model != "" || !errors.As(failed, &e) || e.Kind != provider.ModelNotFound {
		return "", failed
	}
	if model, err = t.Alternative(ctx, req); err == nil || ctx.Err() != nil {
		return model, failed
	}
	out := *e
	out.Err = fmt.Errorf("%w; %w", e.Err, err)
	return "", &out
}

// stays reports whether a prompt for that model stayed on this machine, as far as is known
// of a call without an answer.
func (t *target) stays(ctx context.Context, model string) bool {
	return t.Local != nil && t.Local(ctx) && !failure.RunsElsewhere(t.Provider, model)
}

// endpoint is where the target's prompts go, or "".
func (t *target) endpoint() string {
	if e, ok := provider.As[interface{ Endpoint() string }](t.Provider); ok {
		return e.Endpoint()
	}
	return ""
}
