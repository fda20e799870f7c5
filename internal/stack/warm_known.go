package stack

import (
	"context"
	"time"

	"github.com/tandem-llm/tandem/internal/vram"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
)

// known is what is known of a model that was asked.
type known struct {
	used      time.Time // 0: never seen in memory
	window    int       // tokens, with which it is loaded or will be
	widest    bool      // no larger window fits
	warned    bool      // of a spill
	elsewhere bool      // another host runs it
}

func (w *warm) key(model string) loadKey { return loadKey{w.Name(), model} }

func (w *warm) of(model string) known {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.known[model]
}

// note changes what is known of a model.
func (w *warm) note(model string, f func(*known)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	k := w.known[model]
	f(&k)
	if w.known == nil {
		w.known = map[string]known{}
	}
	w.known[model] = k
}

// running asks what is in memory, with little patience: it is a question
// before the question.
func (w *warm) running(ctx context.Context) ([]provider.RunningModel, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return w.server.Running(ctx)
}

// loaded finds a model by its name, which servers give with its tag.
func loaded(running []provider.RunningModel, model string) (provider.RunningModel, bool) {
	for _, m := range running {
		if ollama.SameModel(m.Name, model) {
			return m, true
		}
	}
	return provider.RunningModel{}, false
}

// keepAlive is how long a model is surely in memory after its last use.
func (w *warm) keepAlive() time.Duration {
	switch {
	case w.cfg.KeepAlive == nil:
		return 5 * time.Minute
	case *w.cfg.KeepAlive < 0:
		return 24 * time.Hour
	}
	return time.Duration(*w.cfg.KeepAlive)
}

// patience is how long a load may take.
func (w *warm) patience() time.Duration {
	if d := time.Duration(w.cfg.Timeouts.Load); d > 0 {
		return d
	}
	return 10 * time.Minute
}

// reclaim is the memory of the models that the server would put away.
func reclaim(running []provider.RunningModel) (r vram.Reclaim) {
	for _, m := range running {
		r.VRAM += m.SizeVRAM
		r.RAM += m.Size - m.SizeVRAM
	}
	return r
}

// look looks at the machine, at most every few seconds.
func (w *warm) look(ctx context.Context) vram.Machine {
	w.mu.Lock()
	m, fresh := w.machine, time.Since(w.looked) < lookFresh
	w.mu.Unlock()
	if fresh {
		return m
	}
	m = w.o.Prober.Look(ctx)
	w.mu.Lock()
	w.machine, w.looked = m, time.Now()
	w.mu.Unlock()
	return m
}
