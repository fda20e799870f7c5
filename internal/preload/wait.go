package preload

import (
	"context"
	"errors"
	"iter"
	"sync"

	"github.com/tandem-llm/tandem/provider"
)

// WaitForLoad returns p, a router, which waits for a model that is being loaded
// if no other provider answers: while_loading: fallback prefers another provider's
// answer to a wait, and a wait to no answer.
func WaitForLoad(p provider.Provider, loads *Loads) provider.Provider {
	return &waiting{p, loads}
}

type waiting struct {
	provider.Provider
	loads *Loads
}

var _ provider.Wrapper = (*waiting)(nil)

// Unwrap returns the router.
func (w *waiting) Unwrap() provider.Provider { return w.Provider }

// Chat asks. If no provider answers because a model is being loaded, it waits until
// one of the loads that this request was told about has ended, and asks again: once
// for each load.
func (w *waiting) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		waited := map[*load]bool{}
		for {
			own := &pending{}
			loading := w.ask(context.WithValue(ctx, pendingKey{}, own), req, yield)
			if loading == nil {
				return
			}
			next := own.first(waited)
			if next == nil {
				yield(provider.Chunk{}, loading)
				return
			}
			if err := next.wait(ctx, w.loads.cfg.Progress); ctx.Err() != nil {
				yield(provider.Chunk{}, err)
				return
			}
			waited[next] = true
		}
	}
}

// ask asks. It keeps back, and returns, the error that no provider answers because a
// model is being loaded.
func (w *waiting) ask(ctx context.Context, req provider.Request, yield func(provider.Chunk, error) bool) (loading error) {
	begun := false
	for c, err := range w.Provider.Chat(ctx, req) {
		if err != nil && !begun && ctx.Err() == nil && errors.Is(err, provider.ErrLoading) {
			return err
		}
		begun = true
		if !yield(c, err) {
			return nil
		}
	}
	return nil
}

// pending are the loads that a request was told about. A nil one keeps none.
type pending struct {
	mu    sync.Mutex
	loads []*load
}

type pendingKey struct{}

func pendingOf(ctx context.Context) *pending {
	p, _ := ctx.Value(pendingKey{}).(*pending)
	return p
}

func (p *pending) add(l *load) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.loads = append(p.loads, l)
}

// first is the first load that was not waited for, in the router's order, or nil.
func (p *pending) first(waited map[*load]bool) *load {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.loads {
		if !waited[l] {
			return l
		}
	}
	return nil
}
