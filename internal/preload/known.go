package preload

import (
	"context"
	"time"

	"github.com/tandem-llm/tandem/internal/ollamahost"
	"github.com/tandem-llm/tandem/internal/vram"
	"github.com/tandem-llm/tandem/provider"
)

// modelState is what is known of a model that was asked.
type modelState struct {
	used   time.Time // 0: never seen in memory
	window int       // tokens, with which it is loaded or will be
	widest bool      // no larger window fits
	warned bool      // of a spill
	remote bool      // another host runs it
}

func (p *Provider) keyOf(model string) key { return key{p.Name(), p.cfg.Host, model} }

func (p *Provider) state(model string) modelState {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.models[model]
}

// update changes what is known of a model.
func (p *Provider) update(model string, f func(*modelState)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := p.models[model]
	f(&k)
	if p.models == nil {
		p.models = map[string]modelState{}
	}
	p.models[model] = k
}

// running asks what is in memory. It has a short timeout, as the request waits
// for it.
func (p *Provider) running(ctx context.Context) ([]provider.RunningModel, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return p.server.Running(ctx)
}

// loaded finds a model by its name, which servers give with its tag.
func loaded(running []provider.RunningModel, model string) (provider.RunningModel, bool) {
	for _, m := range running {
		if ollamahost.SameModel(m.Name, model) {
			return m, true
		}
	}
	return provider.RunningModel{}, false
}

// keepAlive is how long a model is surely in memory after its last use.
func (p *Provider) keepAlive() time.Duration {
	switch {
	case p.settings.KeepAlive == nil:
		return 5 * time.Minute
	case *p.settings.KeepAlive < 0:
		return 24 * time.Hour
	}
	return time.Duration(*p.settings.KeepAlive)
}

// loadTimeout is how long a load may take.
func (p *Provider) loadTimeout() time.Duration {
	if d := time.Duration(p.settings.Timeouts.Load); d > 0 {
		return d
	}
	return 10 * time.Minute
}

// reclaim is the memory of the models that the server would unload.
func reclaim(running []provider.RunningModel) (r vram.Reclaim) {
	for _, m := range running {
		r.VRAM += m.SizeVRAM
		r.RAM += m.Size - m.SizeVRAM
	}
	return r
}

// machineFresh is how long a look at the machine counts.
const machineFresh = 3 * time.Second

// machine is this machine's memory, at most a few seconds old.
func (p *Provider) machine(ctx context.Context) vram.Machine {
	p.mu.Lock()
	m, fresh := p.seen, time.Since(p.seenAt) < machineFresh
	p.mu.Unlock()
	if fresh {
		return m
	}
	m = p.cfg.Prober.Look(ctx)
	p.mu.Lock()
	p.seen, p.seenAt = m, time.Now()
	p.mu.Unlock()
	return m
}
