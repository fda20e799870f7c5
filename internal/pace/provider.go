package pace

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"sync"

	"github.com/tandem-llm/tandem/provider"
)

// Around returns p with its chats limited by l.
func Around(p provider.Provider, l *Limiter) provider.Provider { return &paced{p, l} }

type paced struct {
	provider.Provider
	limiter *Limiter
}

var _ provider.Wrapper = (*paced)(nil)

// Unwrap returns the provider that is limited.
func (p *paced) Unwrap() provider.Provider { return p.Provider }

// Chat asks when the limiter lets it.
func (p *paced) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		began, err := p.limiter.Acquire(ctx)
		if err != nil {
			yield(provider.Chunk{}, err)
			return
		}
		size, end := 0, p.limiter.Failed
		defer func() { end() }()
		for c, err := range p.Provider.Chat(ctx, req) {
			size += len(c.Text) + len(c.Thinking)
			switch {
			case err != nil:
				var e *provider.Error
				if errors.As(err, &e) && e.Kind == provider.RateLimited {
					end = func() { p.limiter.Refused(began, e.RetryAfter) }
				}
			case c.Finish != "":
				end = func() { p.limiter.Answered(began, work(size, c.Usage, c.Route)) }
			}
			if !yield(c, err) {
				return
			}
		}
	}
}

// work is about how much an engine has to do for an answer: a token of the prompt is
// read many times faster than one of the answer is written. Without a usage, the size of the
// answer tells.
func work(size int, u *provider.Usage, r *provider.Route) Work {
	w := Work{Amount: 1}
	if u == nil {
		w.Amount += float64(size) / 4
	} else {
		w.Amount += float64(u.OutputTokens) + float64(max(0, u.InputTokens-u.CachedTokens))/8
	}
	if r != nil {
		w.Took, w.Inside = r.Total-r.Load, r.Working
	}
	return w
}

// Set has a limiter for each target. The zero value limits as a zero [Config] does.
type Set struct {
	// Fixed, if not 0, is how many calls run at a time, see [Config.Fixed].
	Fixed int

	mu  sync.Mutex
	all map[target]*Limiter
}

// target is a provider, or one of its hosts.
type target struct{ provider, host string }

// Of is the limiter of a target. What is said of it holds if it has none yet. Its Most
// is what the target's configuration says that it takes at a time; 0: it does not say.
func (s *Set) Of(name string, cfg Config) *Limiter { return s.OfHost(name, "", cfg) }

// OfHost is the limiter of one host of a provider that has several.
func (s *Set) OfHost(name, host string, cfg Config) *Limiter {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := target{name, host}
	if l, ok := s.all[t]; ok {
		return l
	}
	if s.Fixed > 0 {
		cfg.Fixed = true
		if cfg.Most <= 0 || cfg.Most > s.Fixed {
			cfg.Most = s.Fixed
		}
	}
	if s.all == nil {
		s.all = map[target]*Limiter{}
	}
	s.all[t] = New(cfg)
	return s.all[t]
}

// Rows is how many rows at a time keep the targets busy: as many as the busiest of
// those in use serves, and of none in use the one of that name. A target with several
// hosts serves what they do together.
func (s *Set) Rows(first string) int {
	if s.Fixed > 0 {
		return s.Fixed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	serves := map[string]int{}
	for t, l := range s.all {
		if t.host != "" || l.Used() || t.provider == first {
			serves[t.provider] += l.Limit()
		}
	}
	most := 0
	for name, n := range serves {
		if name == first || s.used(name) {
			most = max(most, n)
		}
	}
	return cmp.Or(most, defaultStart)
}

// used reports whether there was a call of a provider. The caller holds mu.
func (s *Set) used(name string) bool {
	for t, l := range s.all {
		if t.provider == name && l.Used() {
			return true
		}
	}
	return false
}
