package gateway

import (
	"cmp"
	"context"
	"fmt"
	"math/bits"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/tokens"
	"github.com/tandem-llm/tandem/provider"
)

const (
	// answerRoom is how many tokens are kept free for an answer whose request has no
	// limit, and mostRoom for one that has: clients ask for 32,000 whatever the window.
	answerRoom, mostRoom = 1024, 4096
	// templateShare is what a model's chat template, and the error of an estimate, may
	// add to a prompt: an eighth.
	templateShare = 8
)

// window decides what becomes of the context window that a client asks for: every
// change of it loads the model again. A request that fits the loaded window never does.
func (s *Server) window(ctx context.Context, st *stack.Stack, q *exchange.Question) error {
	req := &q.Request
	asked, _ := req.Options.Int("num_ctx")
	policy := cmp.Or(st.Config().Gateway.WindowPolicy, config.WindowGrow)
	t, ok := first(st, req)
	if !ok || q.Ask != nil || policy == config.WindowExact {
		return nil
	}
	delete(req.Options, "num_ctx")            // the window is decided here
	if t.Config.NumCtx == config.WindowAuto { // the engine's side finds the largest, once
		note(q, asked, 0)
		return nil
	}
	model := cmp.Or(req.Model, t.Config.Model)
	running, _ := s.loaded.find(ctx, t, model)
	window := cmp.Or(running.Context, max(t.Config.NumCtx, 0))
	if window == 0 {
		if asked > 0 {
			setWindow(req, asked)
		}
		return nil
	}
	size := tokens.Request(req)
	need := size + size/templateShare + room(req)
	if policy == config.WindowGrow && need > window { // an estimate is usually too high
		if n, ok := s.counted(ctx, t, req); ok {
			size, need = n, n+room(req)
		}
	}
	if policy == config.WindowGrow && need > window {
		most := s.trained(ctx, t, model)
		grown := max(window, min(roundUp(need), cmp.Or(most, roundUp(need))))
		if grown > window {
			q.Notes = append(q.Notes, fmt.Sprintf("the context window grows from %d to %d tokens for a prompt of about %d", window, grown, size))
			window = grown
		}
	} else if asked > 0 {
		note(q, asked, window)
	}
	if window != t.Config.NumCtx {
		setWindow(req, window)
	}
	return nil
}

func note(q *exchange.Question, asked, window int) {
	switch {
	case asked == 0 || asked == window:
	case window == 0:
		q.Notes = append(q.Notes, fmt.Sprintf("num_ctx %d is not used: the configuration says auto", asked))
	default:
		q.Notes = append(q.Notes, fmt.Sprintf("num_ctx %d is not used: the prompt fits the window of %d, and another one would reload the model", asked, window))
	}
}

// first is the Ollama that is asked first, if it is one.
func first(st *stack.Stack, req *provider.Request) (stack.Configured, bool) {
	use := req.Use
	if len(use) == 0 {
		use = st.Config().Use
	}
	if len(use) == 0 {
		return stack.Configured{}, false
	}
	t, ok := st.Target(use[0])
	return t, ok && t.Config.Kind == config.KindOllama
}

// trained is how many tokens a model was made for; 0: not known.
func (s *Server) trained(ctx context.Context, t stack.Configured, model string) int {
	i, ok := provider.As[provider.Inspector](t.Provider)
	if !ok {
		return 0
	}
	ctx, cancel := context.WithTimeout(ctx, loadedTimeout)
	defer cancel()
	info, err := i.Inspect(ctx, model)
	if err != nil {
		return 0
	}
	return info.Context
}

// counted is how many tokens the engine counts in a prompt, where it can.
func (s *Server) counted(ctx context.Context, t stack.Configured, req *provider.Request) (int, bool) {
	c, ok := provider.As[provider.Counter](t.Provider)
	if !ok {
		return 0, false
	}
	ctx, cancel := context.WithTimeout(ctx, loadedTimeout)
	defer cancel()
	n, exact, err := c.CountTokens(ctx, *req)
	return n, exact && err == nil
}

func room(req *provider.Request) int {
	if req.MaxTokens == nil {
		return answerRoom
	}
	return min(*req.MaxTokens, mostRoom)
}

// roundUp is the power of two from n on, so that a window grows seldom.
func roundUp(n int) int { return 1 << bits.Len(uint(max(n, 2)-1)) }

func setWindow(req *provider.Request, n int) {
	options := provider.Options{"num_ctx": n}
	for k, v := range req.Options {
		if k != "num_ctx" {
			options[k] = v
		}
	}
	req.Options = options
}
