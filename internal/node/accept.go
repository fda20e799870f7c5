package node

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/natsqueue"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/provider"
)

// Host is this machine as it runs the rows of others: by its own configuration.
type Host struct {
	Stack *stack.Stack
	// AllowTools are patterns of tools that chains of others may use; none: they may use
	// no tool.
	AllowTools []string
	// ToolOptions are those of a loop over tools.
	ToolOptions func([]tool.Tool) tool.Options
	// Pull has models downloaded that are missing.
	Pull bool
	// Shown is a result as it is stored.
	Shown func(runner.Result, error) runner.Result
}

// Accept says how the rows of a batch run here, or why they do not. See [Config].
func (h *Host) Accept(ctx context.Context, m *natsqueue.Manifest, bundle []byte, waiting func(string)) (*Rows, error) {
	a, err := h.asks(m, bundle)
	if err != nil {
		return nil, err
	}
	if len(a.chains) > 0 {
		if err := h.allows(a.chains[0].Tools()); err != nil {
			return nil, err
		}
	}
	if a.wanted, err = h.wanted(ctx, m); err != nil {
		return nil, err
	}
	for _, want := range a.wanted {
		if err := h.provides(m, &want); err != nil {
			return nil, err
		}
		for _, model := range a.modelsOf(&want) {
			if err := h.present(ctx, want.Name, model, waiting); err != nil {
				return nil, err
			}
		}
	}
	run, done, err := a.open(ctx)
	if err != nil {
		return nil, err
	}
	logged := store.Run{ID: m.ID, Began: time.Now(), Command: "node", Chain: a.title}
	return &Rows{
		Run: func(ctx context.Context, item batch.Item) batch.Reply {
			return run(store.WithRow(store.WithRun(ctx, logged), item.Number), item)
		},
		Turn: func(ctx context.Context, item batch.Item) error {
			for _, name := range a.first(&item) {
				if _, err := h.Stack.Engine(name).Wait(ctx); err != nil {
					return err
				}
			}
			return nil
		},
		Close: done,
	}, nil
}

// wanted are the providers that a batch may ask here. Where only local ones may answer, the
// others are passed over, as on one machine; one has to be left.
func (h *Host) wanted(ctx context.Context, m *natsqueue.Manifest) ([]natsqueue.Provider, error) {
	if !m.Local {
		return m.Providers, nil
	}
	var local []natsqueue.Provider
	others := ""
	for _, want := range m.Providers {
		t, ok := h.Stack.Target(want.Name)
		if ok && t.Untrusted == nil && !h.Stack.Here(ctx, t) {
			others = cmp.Or(others, want.Name)
			continue
		}
		local = append(local, want)
	}
	if len(local) == 0 && others != "" {
		return nil, provider.Errorf(provider.Private, others, "", "the rows may be answered only by local providers, and %q is not local here", others)
	}
	return local, nil
}

// provides is why this machine is not what a batch wants of a provider; nil: it is.
func (h *Host) provides(m *natsqueue.Manifest, want *natsqueue.Provider) error {
	t, ok := h.Stack.Target(want.Name)
	switch {
	case !ok:
		return provider.Errorf(provider.Unsupported, want.Name, "", "this node has no provider %q", want.Name)
	case t.Untrusted != nil:
		return t.Untrusted
	case t.Config.Kind != want.Kind:
		return provider.Errorf(provider.Unsupported, want.Name, "", "the provider %q is of kind %s here, and the batch wants %s", want.Name, t.Config.Kind, want.Kind)
	case want.Model != "" && t.Config.Model != want.Model:
		return provider.Errorf(provider.Unsupported, want.Name, "", "the provider %q has the model %s here, and the batch wants %s", want.Name, t.Config.Model, want.Model)
	}
	return nil
}

// present is why an Ollama does not have a model; nil: it has, or it is not known. What is
// missing is downloaded where that is allowed.
func (h *Host) present(ctx context.Context, name, model string, waiting func(string)) error {
	t, _ := h.Stack.Target(name)
	puller, ok := provider.As[provider.Puller](t.Provider)
	if !ok || model == "" {
		return nil
	}
	models, err := h.Stack.Listed(ctx, name)
	if err != nil { // an engine that is not running is started by the first row
		return nil //nolint:nilerr // as above
	}
	for _, m := range models {
		if m.Name == model || m.Name == model+":latest" {
			return nil
		}
	}
	if !h.Pull {
		return provider.Errorf(provider.ModelNotFound, name, model, "%s does not have the model %s, and this node downloads none", name, model)
	}
	for p, err := range puller.Pull(ctx, model) {
		if err != nil {
			return err
		}
		text := "downloading " + model
		if p.Total > 0 {
			text += fmt.Sprintf(": %d%%", p.Completed*100/p.Total)
		}
		waiting(text)
	}
	return nil
}

// Loaded are the models in memory, as provider/model. It starts no engine.
func (h *Host) Loaded(ctx context.Context) []string {
	var out []string
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	for i := range h.Stack.Targets {
		t := &h.Stack.Targets[i]
		r, ok := provider.As[provider.Runner](t.Provider)
		if !ok || t.Untrusted != nil || t.Engine != nil && !t.Engine.Status(ctx).Answering {
			continue
		}
		running, err := r.Running(ctx)
		if err != nil {
			continue
		}
		for _, m := range running {
			out = append(out, t.Config.Name+"/"+strings.TrimSuffix(m.Name, ":latest"))
		}
	}
	return out
}
