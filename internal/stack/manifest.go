package stack

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/ollamahost"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/cache"
)

// How long what an engine says counts: a model may be pulled or loaded anew at any
// time.
const (
	loadedFresh = time.Second // what is in memory
	modelFresh  = time.Minute // all else, while the model in memory has the same digest
)

// manifests tells on what answers were made.
type manifests struct {
	stack *Stack
	now   func() time.Time // nil: time.Now
	mu    sync.Mutex
	facts map[string]engineFacts // by provider and model
}

// engineFacts are what an engine says of itself and of a model.
type engineFacts struct {
	store.Manifest
	loadedAt time.Time // when it said what is in memory
	modelAt  time.Time // when it said all else
}

// of is the manifest of an answer. It starts no engine: one that has gone
// meanwhile tells nothing.
func (m *manifests) of(ctx context.Context, rt *provider.Route, req *provider.Request) *store.Manifest {
	t, ok := m.stack.Target(rt.Provider)
	if !ok || cache.Hit(rt) { // what stands there now is not what answered
		return nil
	}
	out := m.engine(ctx, &t, rt)
	options := maps.Clone(map[string]any(t.Config.Options))
	if options == nil {
		options = map[string]any{}
	}
	maps.Copy(options, req.Options)
	out.Options = options
	return &out
}

// Manifest tells on what an answer of the stack was made, as the log has it.
func (s *Stack) Manifest(ctx context.Context, rt *provider.Route, req *provider.Request) *store.Manifest {
	return (&manifests{stack: s}).of(ctx, rt, req)
}

// engine is the part of a manifest that the engine tells.
func (m *manifests) engine(ctx context.Context, t *Configured, rt *provider.Route) store.Manifest {
	if t.Config.Kind != config.KindOllama {
		return store.Manifest{Engine: t.Config.Kind, Model: rt.Model} // the API has no words for it
	}
	key := rt.Who() + "\n" + rt.Model
	now := time.Now()
	if m.now != nil {
		now = m.now()
	}
	m.mu.Lock()
	f, known := m.facts[key]
	m.mu.Unlock()
	if known && now.Sub(f.loadedAt) < loadedFresh {
		return f.Manifest
	}
	adapter := m.stack.server(t, rt)
	if !known || now.Sub(f.modelAt) >= modelFresh || !f.stillLoaded(ctx, adapter) {
		f = engineFacts{Manifest: store.Manifest{Engine: t.Config.Kind, Model: rt.Model, NumCtx: max(t.Config.NumCtx, 0)}, modelAt: now}
		f.Incomplete = !f.ask(ctx, adapter)
		if rt.Local {
			f.GPU = gpus("/proc/driver/nvidia/gpus")
		}
	}
	if f.Incomplete {
		return f.Manifest
	}
	f.loadedAt = now
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.facts == nil {
		m.facts = map[string]engineFacts{}
	}
	m.facts[key] = f
	return f.Manifest
}

// stillLoaded asks what is in memory, and reports whether that is the model that f
// describes.
func (f *engineFacts) stillLoaded(ctx context.Context, p provider.Provider) bool {
	r, ok := provider.As[provider.Runner](p)
	if !ok || f.Digest == "" {
		return false
	}
	running, err := r.Running(ctx)
	return err == nil && f.readLoaded(running)
}

// ask asks an engine about itself and its model, and reports whether it told
// everything.
func (f *engineFacts) ask(ctx context.Context, p provider.Provider) bool {
	if v, ok := provider.As[provider.Versioner](p); ok {
		var err error
		if f.Version, err = v.Version(ctx); err != nil {
			return false
		}
	}
	if r, ok := provider.As[provider.Runner](p); ok {
		running, err := r.Running(ctx)
		if err != nil {
			return false
		}
		f.readLoaded(running)
	}
	models, err := p.Models(ctx)
	for _, l := range models {
		if ollamahost.SameModel(l.Name, f.Model) && (f.Digest == "" || f.Digest == l.Digest) {
			f.Digest, f.Quant = l.Digest, l.Quant
		}
	}
	return err == nil
}

// readLoaded takes what is said of the model in memory, and reports whether it is
// there, with f's digest if f has one.
func (f *engineFacts) readLoaded(running []provider.RunningModel) bool {
	for _, l := range running {
		if !ollamahost.SameModel(l.Name, f.Model) || f.Digest != "" && f.Digest != l.Digest {
			continue
		}
		f.Digest, f.Size, f.SizeVRAM = l.Digest, l.Size, l.SizeVRAM
		if l.Context > 0 {
			f.NumCtx = l.Context
		}
		return true
	}
	return false
}

// server is the adapter of the server that gave an answer.
func (s *Stack) server(t *Configured, rt *provider.Route) provider.Provider {
	if a := s.adapters[rt.Provider]; a != nil {
		for _, m := range a.members {
			if m.Host == rt.Host {
				return m.Provider
			}
		}
	}
	return bare(t.Provider)
}

// bare is the adapter inside the wrappers: unlike them it starts nothing.
func bare(p provider.Provider) provider.Provider {
	for {
		w, ok := p.(provider.Wrapper)
		if !ok {
			return p
		}
		inner := w.Unwrap()
		if inner == nil {
			return p
		}
		p = inner
	}
}

// gpus names the NVIDIA cards that the Linux driver lists below dir.
func gpus(dir string) string {
	files, err := filepath.Glob(filepath.Join(dir, "*", "information"))
	if err != nil {
		return ""
	}
	var names []string
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(data)) {
			if name, ok := strings.CutPrefix(line, "Model:"); ok {
				names = append(names, strings.TrimSpace(name))
			}
		}
	}
	return strings.Join(names, ", ")
}
