package gateway

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/gateway/queue"
	"github.com/tandem-llm/tandem/internal/ollamahost"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/provider"
)

const (
	// loadedFresh is how long it counts which models are in memory.
	loadedFresh = time.Second
	// loadedTimeout is how long a call waits to be told.
	loadedTimeout = 2 * time.Second
)

// loaded knows which models the engines have in memory.
type loaded struct {
	mu    sync.Mutex
	known map[string]loadedModels // by provider
}

type loadedModels struct {
	at     time.Time
	models []provider.RunningModel
}

// of is what a provider has in memory; nil: nothing, or it is not known.
func (l *loaded) of(ctx context.Context, t stack.Configured) []provider.RunningModel {
	name := t.Config.Name
	l.mu.Lock()
	k, ok := l.known[name]
	l.mu.Unlock()
	if ok && time.Since(k.at) < loadedFresh {
		return k.models
	}
	r, ok := provider.As[provider.Runner](t.Provider)
	if !ok || t.Config.Kind != config.KindOllama {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, loadedTimeout)
	defer cancel()
	models, err := r.Running(ctx)
	if err != nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known == nil {
		l.known = map[string]loadedModels{}
	}
	l.known[name] = loadedModels{time.Now(), models}
	return models
}

// find is a model in memory, by the name that it is asked for.
func (l *loaded) find(ctx context.Context, t stack.Configured, model string) (provider.RunningModel, bool) {
	for _, m := range l.of(ctx, t) {
		if ollamahost.SameModel(m.Name, model) {
			return m, true
		}
	}
	return provider.RunningModel{}, false
}

// lane is how a provider's engine takes calls: an Ollama swaps models, and another
// server is only known to take as many calls as the configuration says.
func (s *Server) lane(name, model string) (l queue.Lane, asked string, ok bool) {
	t, ok := s.stack.Load().Target(name)
	if !ok {
		return queue.Lane{}, "", false
	}
	if model == "" {
		model = t.Config.Model
	}
	l.Slots = t.Config.MaxConcurrent * max(len(t.Config.Hosts), 1)
	switch {
	case len(t.Config.Hosts) > 0: // the pool knows what each has in memory
		return l, model, l.Slots > 0
	case t.Config.Kind == config.KindOllama:
		l.Swaps = true
		l.Loaded = func(ctx context.Context) []string {
			var names []string
			for _, m := range s.loaded.of(ctx, t) {
				names = append(names, strings.TrimSuffix(m.Name, ":latest"))
			}
			return names
		}
		return l, strings.TrimSuffix(model, ":latest"), true
	case l.Slots > 0:
		return l, model, true
	}
	return l, model, false
}
