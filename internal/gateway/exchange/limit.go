package exchange

import (
	"context"
	"fmt"
	"slices"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/tokens"
	"github.com/tandem-llm/tandem/provider"
)

// limit lowers a limit of the answer that the model's window cannot hold. Clients ask
// for 32,000 tokens whatever the window, and some servers refuse that.
func (x *Exchange) limit(ctx context.Context, s *stack.Stack, q *Question) {
	req := &q.Request
	if req.MaxTokens == nil || q.Ask != nil || len(req.Use) == 0 {
		return
	}
	t, ok := s.Target(req.Use[0])
	if !ok {
		return
	}
	window := x.windowOf(ctx, t, req)
	if window == 0 {
		return
	}
	most := window
	if t.Config.Kind != config.KindOllama { // an Ollama ends an answer at the window by itself
		most = max(window-tokens.Request(req), window/leastAnswer)
	}
	if asked := *req.MaxTokens; asked > most {
		req.MaxTokens = &most
		q.Notes = append(q.Notes, fmt.Sprintf("the limit of %d tokens is lowered to %d, because the window has %d", asked, most, window))
	}
}

// leastAnswer is the part of a window that an answer may have, however long its prompt
// is estimated to be.
const leastAnswer = 8

// windowOf is how many tokens the model that is asked first holds; 0: not known.
func (x *Exchange) windowOf(ctx context.Context, t stack.Configured, req *provider.Request) int {
	if n, ok := req.Options.Int("num_ctx"); ok {
		return n
	}
	model := req.Model
	if model == "" {
		model = t.Config.Model
	}
	all := x.models.list(ctx, x.cfg.Stack())
	i := slices.IndexFunc(all, func(e Entry) bool {
		return e.Provider == t.Config.Name && isNamed(e.Model.Name, model)
	})
	if i < 0 {
		return 0
	}
	return all[i].Window
}
