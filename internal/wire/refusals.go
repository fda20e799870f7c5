package wire

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/router"
)

// refusals completes an answer that privacy or offline mode refused with what
// would have been sent where. It repeats nothing of the prompt.
type refusals struct {
	provider.Provider
	target func(name string) (Target, bool)
	local  func(context.Context, *Target) bool
}

var _ provider.Wrapper = (*refusals)(nil)

// Unwrap returns the router.
func (r *refusals) Unwrap() provider.Provider { return r.Provider }

// Chat asks the router.
func (r *refusals) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		for c, err := range r.Provider.Chat(ctx, req) {
			if err != nil {
				err = r.complete(ctx, err, &req)
			}
			if !yield(c, err) {
				return
			}
		}
	}
}

func (r *refusals) complete(ctx context.Context, err error, req *provider.Request) error {
	e, ok := err.(*provider.Error) //nolint:errorlint // the caller's own error goes back unchanged
	if !ok || (e.Kind != provider.Private && e.Kind != provider.Offline) {
		return err
	}
	attempts := []provider.Attempt{{Provider: e.Provider, Model: e.Model, Kind: e.Kind}}
	var f *router.Failure
	if errors.As(err, &f) {
		attempts = f.Attempts
	}
	var where []string
	for _, a := range attempts {
		t, ok := r.target(a.Provider)
		if !ok || a.Kind != e.Kind {
			continue
		}
		if a.Model == "" {
			a.Model = t.Config.Model
		}
		way := "to"
		if r.local(ctx, &t) { // and yet refused: its server has the model run elsewhere
			way = "through"
		}
		where = append(where, fmt.Sprintf("%s %s (%s, %s)", way, t.Endpoint, a.Provider, a.Model))
	}
	if len(where) == 0 {
		return err
	}
	return provider.Refused(err, req.Size(), strings.Join(where, " or "))
}
