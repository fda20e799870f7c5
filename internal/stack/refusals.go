package stack

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/router"
)

// explainRefusal completes the error of a request that privacy or offline mode refused
// with what would have been sent where. It repeats nothing of the prompt. Of one
// that was sent the error says it already.
func (s *Stack) explainRefusal(ctx context.Context, err error, req *provider.Request) error {
	var e *provider.Error
	if !errors.As(err, &e) || e.Sent || (e.Kind != provider.Private && e.Kind != provider.Offline) {
		return err
	}
	attempts := []provider.Attempt{{Provider: e.Provider, Model: e.Model, Kind: e.Kind}}
	var f *router.Failure
	if errors.As(err, &f) {
		attempts = f.Attempts
	}
	var where []string
	for _, a := range attempts {
		t, ok := s.Target(a.Provider)
		if !ok || a.Kind != e.Kind {
			continue
		}
		if a.Model == "" {
			a.Model = t.Config.Model
		}
		way := "to"
		if s.local(&t)(ctx) { // and yet refused: its server has the model run elsewhere
			way = "through"
		}
		where = append(where, fmt.Sprintf("%s %s (%s, %s)", way, t.Endpoint, a.Provider, a.Model))
	}
	if len(where) == 0 {
		return err
	}
	return failure.PromptNotSent(err, req, strings.Join(where, " or "))
}
