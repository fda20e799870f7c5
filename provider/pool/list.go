package pool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// list is which models a host has.
type list struct {
	models []provider.Model // nil: not known
	at     time.Time        // when it was asked for them last; zero: it has to be
	why    string           // why they are not known now; empty: they are, or it does not tell
	asking bool
}

const (
	// listedFor is how long a list of models counts.
	listedFor = 5 * time.Second
	// defaultListTimeout is how long a host has to list its models. One with thousands of
	// them, or a slow disk, takes longer for that than to say that it is there.
	defaultListTimeout = 5 * time.Second
)

// outdated reports whether what is in memory says that the list is wrong: a model was
// loaded that has another digest than the list has for its name.
func (l *list) outdated(before, now []provider.RunningModel) bool {
	return slices.ContainsFunc(now, func(r provider.RunningModel) bool {
		i := slices.IndexFunc(l.models, func(m provider.Model) bool { return same(m.Name, r.Name) })
		if i < 0 || r.Digest == "" || l.models[i].Digest == "" || l.models[i].Digest == r.Digest {
			return false
		}
		known := func(b provider.RunningModel) bool { return same(b.Name, r.Name) && b.Digest == r.Digest }
		return !slices.ContainsFunc(before, known) // else it is an older one that is still in memory
	})
}

// unlisted reports whether a host has yet to list its models.
func (h *host) unlisted() bool { return h.runner != nil && h.list.models == nil && h.list.at.IsZero() }

// mayList reports whether a host that is there is to be asked for its models, by the
// caller.
func (p *Pool) mayList(h *host) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if h.runner == nil || h.down != "" || h.list.asking || h.list.why == "" && time.Since(h.list.at) < listedFor {
		return false
	}
	h.list.asking = true
	return true
}

// listModels asks a host for its models. Where ctx ends it is as if it had not been asked.
func (p *Pool) listModels(ctx context.Context, h *host) {
	short, cancel := context.WithTimeout(ctx, p.cfg.ListTimeout)
	defer cancel()
	models, err := h.Provider.Models(short)
	why := p.unwell(err, p.cfg.ListTimeout)
	if errors.Is(err, context.DeadlineExceeded) {
		why = fmt.Sprintf("it does not list its models within %s", p.cfg.ListTimeout)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	h.list.asking = false
	if ctx.Err() == nil {
		p.listed(h, models, why)
		p.wake()
	}
}

// listed notes which models a host has, or why that is not known. The caller holds mu.
func (p *Pool) listed(h *host, models []provider.Model, why string) {
	if h.list.at, h.list.why = time.Now(), why; models == nil {
		return // what was known still counts
	}
	h.list.models = models
	p.views = map[string]*view{}
}
