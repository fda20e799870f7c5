package failure

import (
	"context"

	"github.com/tandem-llm/tandem/internal/ollamahost"
	"github.com/tandem-llm/tandem/provider"
)

// RunsElsewhere reports whether a model's name, or what p has learned of it, says that its
// server has it run elsewhere. Nobody is asked.
func RunsElsewhere(p provider.Provider, model string) bool {
	if ollamahost.CloudModel(model) {
		return true
	}
	r, ok := provider.As[interface {
		RunsRemotely(ctx context.Context, model string) bool
	}](p)
	return ok && r.RunsRemotely(canceled(), model)
}

// canceled is a context with which nobody is asked anything.
func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
