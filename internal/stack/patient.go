package stack

import (
	"context"
	"errors"
	"iter"
	"os/exec"
	"strconv"
	"time"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/engine"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
)

// patient waits for a model that is being loaded where nobody else answers
// meanwhile: while_loading: fallback prefers another's answer to a wait, and a
// wait to no answer.
type patient struct {
	provider.Provider // the router
	stack             *Stack
}

var _ provider.Wrapper = (*patient)(nil)

// patient is p, wrapped if any model may answer "I am being loaded".
func (s *Stack) patient(p provider.Provider) provider.Provider {
	for _, t := range s.cfg.Providers {
		if t.WhileLoading == config.LoadingFallback {
			return &patient{p, s}
		}
	}
	return p
}

// Unwrap returns the router.
func (p *patient) Unwrap() provider.Provider { return p.Provider }

// Chat asks, and asks once more after a load that it has waited for.
func (p *patient) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		if !p.once(ctx, req, yield) {
			return
		}
		for _, l := range p.stack.loads.all() {
			if err := l.wait(ctx, p.stack.options.Progress); ctx.Err() != nil {
				yield(provider.Chunk{}, err)
				return
			}
		}
		for c, err := range p.Provider.Chat(ctx, req) {
			if !yield(c, err) {
				return
			}
		}
	}
}

// once asks; it reports whether nobody answered and a model was being loaded.
func (p *patient) once(ctx context.Context, req provider.Request, yield func(provider.Chunk, error) bool) (loading bool) {
	begun := false
	for c, err := range p.Provider.Chat(ctx, req) {
		if err != nil && !begun && ctx.Err() == nil && errors.Is(err, provider.ErrLoading) {
			return true
		}
		begun = true
		if !yield(c, err) {
			return false
		}
	}
	return false
}

// unhurried is the adapter of the same server without the clocks of an answer,
// for loads and questions about them.
func (s *Stack) unhurried(pc config.Provider, c ollama.Config) (*ollama.Provider, error) {
	c.Transport = httpx.NewTransport(httpx.Options{
		Policy:  s.policy(),
		Connect: time.Duration(pc.Timeouts.Connect),
	})
	s.transports = append(s.transports, c.Transport)
	return ollama.New(c)
}

// handOver has another process go on with a load: this one is about to end,
// and the server gives up what nobody waits for.
func (s *Stack) handOver(l *loading) {
	argv := s.options.LoadCommand
	if len(argv) == 0 {
		return
	}
	argv = append(argv[:len(argv):len(argv)], "--provider", l.key.provider, "--num-ctx", strconv.Itoa(l.window), l.key.model)
	cmd := exec.Command(argv[0], argv[1:]...) //nolint:gosec,noctx // this very program; it is to outlive us
	cmd.Env = s.options.Environ
	if err := engine.StartDetached(cmd); err != nil && s.options.Warn != nil {
		s.options.Warn("the load of " + l.key.model + " ends with this command: " + err.Error())
	}
}
