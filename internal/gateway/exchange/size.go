package exchange

import (
	"context"

	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/router"
)

// Size is how large a prompt is for who would be asked.
type Size struct {
	Tokens    int
	Estimated bool // no tokenizer of the engine has counted it
	Window    int  // tokens that the model holds; 0: not known
}

// sizeOf is how large a prompt is for the first who would be asked, or for whom it is
// too long.
func sizeOf(ctx context.Context, s *stack.Stack, req provider.Request) (Size, error) {
	planner, ok := provider.As[router.Planner](s.Provider)
	if !ok {
		return Size{}, provider.Errorf(provider.Unsupported, "", req.Model, "no provider here can count the tokens of a prompt")
	}
	plan, err := planner.Plan(ctx, req)
	if err != nil {
		return Size{}, err
	}
	for _, c := range plan.Candidates {
		if c.Keep || c.Kind == provider.ContextOverflow {
			return Size{Tokens: c.PromptTokens, Estimated: c.Estimated, Window: c.Window}, nil
		}
	}
	return Size{}, plan.Err()
}

// measured is a failure of a prompt that is too long, with its size where that is known.
func (x *Exchange) measured(ctx context.Context, q *Question, f *Failure) *Failure {
	if f.Kind != provider.ContextOverflow || q.Ask != nil {
		return f
	}
	size, err := sizeOf(context.WithoutCancel(ctx), x.cfg.Stack(), q.Request)
	if err != nil || size.Window == 0 || size.Tokens <= size.Window {
		return f
	}
	out := *f
	out.Size = &size
	return &out
}
