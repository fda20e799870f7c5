package pool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/internal/tokens"
	"github.com/tandem-llm/tandem/provider"
)

var (
	_ provider.Embedder  = (*Pool)(nil)
	_ provider.Inspector = (*Pool)(nil)
	_ provider.Runner    = (*Pool)(nil)
	_ provider.Loader    = (*Pool)(nil)
	_ provider.Unloader  = (*Pool)(nil)
	_ provider.Counter   = (*Pool)(nil)
	_ provider.Puller    = (*Pool)(nil)
)

// hostTimeout is how long a host may take to be asked about, where others can answer.
const hostTimeout = 5 * time.Second

// each asks all hosts at once, and returns what they have said, by their place, and
// their errors.
func each[T any](ctx context.Context, p *Pool, ask func(context.Context, *host) (T, error)) (out []T, errs []error) {
	out, errs = make([]T, len(p.hosts)), make([]error, len(p.hosts))
	var all sync.WaitGroup
	for i, h := range p.hosts {
		all.Go(func() { out[i], errs[i] = ask(ctx, h) })
	}
	all.Wait()
	return out, errs
}

// bounded is ctx with hostTimeout, where there are other hosts.
func (p *Pool) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if len(p.hosts) == 1 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, hostTimeout)
}

// allFailed is the error where every host has failed; nil where one has not.
func (p *Pool) allFailed(ctx context.Context, model string, errs []error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	f := &failure.Hosts{}
	var kind provider.Kind
	for i, err := range errs {
		if err == nil {
			return nil
		}
		if errors.Is(err, context.DeadlineExceeded) {
			err = provider.Errorf(provider.Timeout, p.cfg.Name, model, "no answer within %s", hostTimeout)
		}
		e := &provider.Error{Kind: provider.Unavailable, Err: err}
		errors.As(err, &e)
		if kind = e.Kind; i > 0 && f.Attempts[i-1].Kind != kind {
			kind = provider.Unavailable
		}
		f.Attempts = append(f.Attempts, provider.Attempt{
			Provider: p.cfg.Name, Host: p.hosts[i].Name, Model: model, Outcome: provider.OutcomeFailed, Kind: e.Kind, Reason: text(e),
		})
		f.Errs = append(f.Errs, err)
	}
	return &provider.Error{Kind: kind, Provider: p.cfg.Name, Model: model, Err: f}
}

// Models lists the models that any host has, in the order of the hosts.
func (p *Pool) Models(ctx context.Context) ([]provider.Model, error) {
	lists, errs := each(ctx, p, func(ctx context.Context, h *host) ([]provider.Model, error) {
		ctx, cancel := p.bounded(ctx)
		defer cancel()
		return h.Provider.Models(ctx)
	})
	if err := p.allFailed(ctx, "", errs); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []provider.Model
	for _, list := range lists {
		for _, m := range list {
			i := slices.IndexFunc(all, func(have provider.Model) bool { return same(have.Name, m.Name) })
			switch {
			case i < 0:
				all = append(all, m)
			case m.Digest != "" && m.Digest != all[i].Digest && m.Digest == p.view(all[i].Name).serves:
				m.Remote = cmp.Or(all[i].Remote, m.Remote)
				all[i] = m // the one that answers
			default:
				all[i].Remote = cmp.Or(all[i].Remote, m.Remote)
			}
		}
	}
	return all, nil
}

// Inspect describes a model, as the first host that has it does.
func (p *Pool) Inspect(ctx context.Context, model string) (provider.ModelInfo, error) {
	infos, errs := each(ctx, p, func(ctx context.Context, h *host) (provider.ModelInfo, error) {
		i, ok := provider.As[provider.Inspector](h.Provider)
		if !ok {
			return provider.ModelInfo{}, provider.Errorf(provider.Unsupported, p.cfg.Name, model, "it does not describe models")
		}
		ctx, cancel := p.bounded(ctx)
		defer cancel()
		return i.Inspect(ctx, p.model(model))
	})
	for i, err := range errs {
		if err == nil {
			return infos[i], nil
		}
	}
	return provider.ModelInfo{}, p.allFailed(ctx, p.model(model), errs)
}

// Running lists what the hosts have in memory, a model once for each host.
func (p *Pool) Running(ctx context.Context) ([]provider.RunningModel, error) {
	lists, errs := each(ctx, p, func(ctx context.Context, h *host) ([]provider.RunningModel, error) {
		if h.runner == nil {
			return nil, nil
		}
		ctx, cancel := p.bounded(ctx)
		defer cancel()
		return h.runner.Running(ctx)
	})
	if err := p.allFailed(ctx, "", errs); err != nil {
		return nil, err
	}
	return slices.Concat(lists...), nil
}

// Load brings a model into the memory of every host that has it.
func (p *Pool) Load(ctx context.Context, model string) error {
	return p.everywhere(ctx, model, func(ctx context.Context, h *host) error {
		l, ok := provider.As[provider.Loader](h.Provider)
		if !ok {
			return provider.Errorf(provider.Unsupported, p.cfg.Name, model, "it loads models itself")
		}
		return l.Load(ctx, model)
	})
}

// Unload frees a model's memory on every host.
func (p *Pool) Unload(ctx context.Context, model string) error {
	return p.everywhere(ctx, model, func(ctx context.Context, h *host) error {
		u, ok := provider.As[provider.Unloader](h.Provider)
		if !ok {
			return provider.Errorf(provider.Unsupported, p.cfg.Name, model, "it does not unload models")
		}
		return u.Unload(ctx, model)
	})
}

// everywhere does something with a model on every host. It fails where a host fails that
// has the model, and where none has it.
func (p *Pool) everywhere(ctx context.Context, model string, do func(context.Context, *host) error) error {
	_, errs := each(ctx, p, func(ctx context.Context, h *host) (struct{}, error) { return struct{}{}, do(ctx, h) })
	if err := p.allFailed(ctx, p.model(model), errs); err != nil {
		return err
	}
	for i, err := range errs {
		if err != nil && !errors.Is(err, provider.ModelNotFound) {
			return p.onHost(p.hosts[i], err)
		}
	}
	return ctx.Err()
}

// onHost is the error of a host, with its name.
func (p *Pool) onHost(h *host, err error) error {
	var e *provider.Error
	if !errors.As(err, &e) {
		return err
	}
	out := *e
	out.Err = fmt.Errorf("%s: %w", h.Name, e.Err)
	return &out
}

// CountTokens counts a prompt with the tokenizer of the first host that has one.
func (p *Pool) CountTokens(ctx context.Context, req provider.Request) (n int, exact bool, err error) {
	if err := p.check(ctx, &req); err != nil {
		return 0, false, err
	}
	for _, h := range p.hosts {
		p.mu.Lock()
		down := h.down != ""
		p.mu.Unlock()
		counter, ok := provider.As[provider.Counter](h.Provider)
		if !ok || down {
			continue
		}
		if n, exact, err = counter.CountTokens(ctx, req); err != nil || exact {
			return n, exact, err
		}
	}
	return tokens.Request(&req), false, nil
}

// Pull downloads a model to one host after another.
func (p *Pool) Pull(ctx context.Context, model string) iter.Seq2[provider.PullProgress, error] {
	return func(yield func(provider.PullProgress, error) bool) {
		for i, h := range p.hosts {
			puller, ok := provider.As[provider.Puller](h.Provider)
			if !ok {
				yield(provider.PullProgress{}, provider.Errorf(provider.Unsupported, p.cfg.Name, model, "it downloads no models"))
				return
			}
			for progress, err := range puller.Pull(ctx, model) {
				if err != nil {
					yield(provider.PullProgress{}, p.onHost(h, err))
					return
				}
				progress.Status = h.Name + ": " + progress.Status
				progress.Done = progress.Done && i == len(p.hosts)-1
				if !yield(progress, nil) {
					return
				}
			}
		}
	}
}

// Embed asks a host for vectors, and others where one fails.
func (p *Pool) Embed(ctx context.Context, req provider.EmbedRequest) (out provider.EmbedResponse, err error) {
	if err := req.Validate(); err != nil {
		return out, failure.Named(err, p.cfg.Name, p.model(req.Model))
	}
	c := p.newCall(req.Model)
	defer p.enter(c.model)()
	err = c.share(ctx, func(a *attempt) error {
		e, ok := provider.As[provider.Embedder](a.host.Provider)
		if !ok {
			return provider.Errorf(provider.Unsupported, p.cfg.Name, c.model, "it does not make embeddings")
		}
		var err error
		if out, err = e.Embed(a.ctx, req); err == nil {
			a.hear()
			if !a.show() {
				return errGiven
			}
			a.whole, out.Route = true, c.route(a, out.Route)
		}
		return err
	})
	return out, err
}
