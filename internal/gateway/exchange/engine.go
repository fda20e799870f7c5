package exchange

import (
	"context"
	"iter"
	"net/http"
	"time"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/provider"
)

// FailureOf is err as a failure, in the words of this program.
func (x *Exchange) FailureOf(err error) *Failure { return x.failureOf(err) }

// inspectTimeout is how long a provider may take to describe a model.
const inspectTimeout = 3 * time.Second

// Inspect is what the provider of a model tells of it; empty where it tells nothing now.
// The entry's window is lowered to what the model was made for.
func (x *Exchange) Inspect(ctx context.Context, e *Entry) provider.ModelInfo {
	t, ok := x.cfg.Stack().Target(e.origin())
	if !ok {
		return provider.ModelInfo{}
	}
	i, ok := provider.As[provider.Inspector](t.Provider)
	if !ok {
		return provider.ModelInfo{}
	}
	ctx, cancel := context.WithTimeout(ctx, inspectTimeout)
	defer cancel()
	info, err := i.Inspect(ctx, e.first)
	if err != nil { // the list says enough
		return provider.ModelInfo{}
	}
	if info.Context > 0 && (e.Window == 0 || e.Window > info.Context) {
		e.Window = info.Context
	}
	return info
}

// Running are the models that the engines have in memory now.
func (x *Exchange) Running(ctx context.Context) []Entry {
	ctx, cancel := context.WithTimeout(ctx, inspectTimeout)
	defer cancel()
	in := map[string][]provider.RunningModel{} // by provider
	for _, t := range x.cfg.Stack().Targets {
		if r, ok := provider.As[provider.Runner](t.Provider); ok && t.Config.Kind == config.KindOllama && t.Untrusted == nil {
			in[t.Config.Name], _ = r.Running(ctx) // of one that does not answer nothing is known
		}
	}
	var out []Entry
	for _, e := range x.Models(ctx) {
		for _, m := range in[e.Provider] {
			if m.Name == e.Model.Name {
				e.Loaded, e.Running, e.Window = true, m, m.Context
				out = append(out, e)
			}
		}
	}
	return out
}

// Load brings the model of that name into memory, or takes it out of it, where its
// engine can be told to. A model that is run elsewhere, and a chain, is as ready as it
// can be. Errors: those of the engine.
func (x *Exchange) Load(r *http.Request, name string, unload bool) error {
	t, model, err := x.engine(r, name)
	if err != nil || t.Config.Kind != config.KindOllama {
		return err
	}
	if unload {
		if u, ok := provider.As[provider.Unloader](t.Provider); ok {
			return u.Unload(r.Context(), model)
		}
		return nil
	}
	if t.Engine != nil {
		if err := t.Engine.Ensure(r.Context(), nil); err != nil {
			return &provider.Error{Kind: provider.Unavailable, Provider: t.Config.Name, Err: err}
		}
	}
	if l, ok := provider.As[provider.Loader](t.Provider); ok {
		return l.Load(r.Context(), model)
	}
	return nil
}

// engine is the provider that would be asked first for the model of that name, and the
// model's name there; the zero value for a chain.
func (x *Exchange) engine(r *http.Request, name string) (t stack.Configured, model string, err error) {
	s, q := x.cfg.Stack(), &Question{Model: name}
	if x.Closing() {
		return t, "", errStopping
	}
	if err := x.resolve(r.Context(), s, r.Header, q); err != nil || q.Ask != nil {
		return t, "", err
	}
	if err := x.tighten(r, s, q); err != nil {
		return t, "", err
	}
	t, _ = s.Target(q.Request.Use[0])
	return t, q.Request.Model, nil
}

// Pull downloads a model to the first engine in use, for a caller that may.
func (x *Exchange) Pull(r *http.Request, model string) (iter.Seq2[provider.PullProgress, error], error) {
	s, c := x.cfg.Stack(), x.caller(r.Context())
	if !c.Pull {
		return nil, &Failure{
			Status: http.StatusForbidden, Code: string(provider.Denied), Param: "model",
			Message: "this server downloads models only for a key that may; run `tandem models pull " + Brief(oneLine(model)) + "` where it runs",
		}
	}
	q := &Question{}
	if err := x.tighten(r, s, q); err != nil {
		return nil, err
	}
	for _, name := range q.Request.Use {
		t, _ := s.Target(name)
		if p, ok := provider.As[provider.Puller](t.Provider); ok && t.Config.Kind == config.KindOllama && t.Untrusted == nil {
			return p.Pull(r.Context(), model), nil
		}
	}
	return nil, &Failure{Status: http.StatusBadRequest, Code: CodeUnsupported, Message: "no provider in use downloads models; only Ollama does"}
}
