package stack

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/cache"
	"github.com/tandem-llm/tandem/provider/ollama"
)

// manifests tells on what answers were made. What an engine says of itself is
// asked once for each model.
type manifests struct {
	stack *Stack
	mu    sync.Mutex
	known map[string]store.Manifest // by provider and model; engine facts only
}

// of is the manifest of an answer. It starts no engine: one that has gone
// meanwhile tells nothing.
func (m *manifests) of(ctx context.Context, rt *provider.Route, req *provider.Request) *store.Manifest {
	t, ok := m.stack.Target(rt.Provider)
	if !ok || cache.Hit(rt) { // what stands there now is not what answered
		return nil
	}
	out := m.facts(ctx, &t, rt)
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

func (m *manifests) facts(ctx context.Context, t *Configured, rt *provider.Route) store.Manifest {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := rt.Provider + "\n" + rt.Model
	if f, ok := m.known[key]; ok {
		return f
	}
	f := store.Manifest{Engine: t.Config.Kind, Model: rt.Model}
	if t.Config.Kind != config.KindOllama {
		return f // the API has no words for it
	}
	f.NumCtx = max(t.Config.NumCtx, 0)
	f.Incomplete = !engineFacts(ctx, bare(t.Provider), &f)
	if rt.Local {
		f.GPU = gpus("/proc/driver/nvidia/gpus")
	}
	if m.known == nil {
		m.known = map[string]store.Manifest{}
	}
	if !f.Incomplete {
		m.known[key] = f
	}
	return f
}

// engineFacts asks an engine about itself and its model, and reports whether
// it told everything.
func engineFacts(ctx context.Context, p provider.Provider, f *store.Manifest) bool {
	whole := true
	if v, ok := provider.As[provider.Versioner](p); ok {
		version, err := v.Version(ctx)
		f.Version = version
		whole = err == nil
	}
	if r, ok := provider.As[provider.Runner](p); ok && whole {
		loaded, err := r.Running(ctx)
		whole = err == nil
		for _, l := range loaded {
			if ollama.SameModel(l.Name, f.Model) {
				f.Digest, f.Size, f.SizeVRAM = l.Digest, l.Size, l.SizeVRAM
				if l.Context > 0 {
					f.NumCtx = l.Context
				}
			}
		}
	}
	if !whole {
		return false
	}
	models, err := p.Models(ctx)
	for _, l := range models {
		if ollama.SameModel(l.Name, f.Model) && (f.Digest == "" || f.Digest == l.Digest) {
			f.Digest, f.Quant = l.Digest, l.Quant
		}
	}
	return err == nil
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
