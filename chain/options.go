package chain

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/tandem-llm/tandem/chain/prompt"
	"github.com/tandem-llm/tandem/chain/retrieve"
	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/structured"
)

// Option changes one run of a chain.
type Option func(*options)

type options struct {
	defaults provider.Request
	tools    tool.Options
	find     Finder
	embedder provider.Embedder

	passagesStay func(ctx context.Context, collection string) bool
}

// Defaults sets what the steps leave unset: model, providers, temperature, and
// whatever else r sets. A step's own settings override r's; privacy can only be
// tightened. r has no messages.
func Defaults(r provider.Request) Option {
	return func(o *options) {
		r.Privacy = stricter(r.Privacy, o.defaults.Privacy)
		o.defaults = r
	}
}

// WithTools sets the tools that steps may name, and which of them may run: see
// [tool.Options]. A step has those that it names in Tools, and no others. A
// name is a tool's Ref or Name; "server/*" stands for all of a server's.
func WithTools(t tool.Options) Option { return func(o *options) { o.tools = t } }

// Lookup is the search of a Retrieve step.
type Lookup struct {
	Collection string
	Query      string // not empty
	K          int    // at least 1
	MMR        bool
	Privacy    provider.Privacy // of the query
}

// Finder looks passages up, the best first. The route says who embedded the
// query; it may be nil.
type Finder func(context.Context, Lookup) ([]retrieve.Passage, *provider.Route, error)

// WithPassages sets the search of Retrieve steps.
func WithPassages(f Finder) Option { return func(o *options) { o.find = f } }

// PassagesStay tells [Chain.Plan] which collections have passages that must
// stay on this machine. A run sees it on each passage.
func PassagesStay(f func(ctx context.Context, collection string) bool) Option {
	return func(o *options) { o.passagesStay = f }
}

// WithEmbedder sets who embeds texts when a prompt's examples are selected by
// meaning. The default is the provider of the run, if it can.
func WithEmbedder(e provider.Embedder) Option { return func(o *options) { o.embedder = e } }

// shared is what all steps of a run share.
type shared struct {
	options
	held atomic.Pointer[structured.Provider] // the run's provider, held to schemas; nil: none was needed yet
}

// lacks returns what the chain names and the options do not give.
func (c *Chain) lacks(o *options) error {
	for _, name := range c.needs.tools {
		if len(pick(o.tools.Tools, []string{name})) == 0 {
			return provider.Errorf(provider.Invalid, "", "", "a step names the tool %q, which does not exist; configure its server, or remove it", name)
		}
	}
	if len(c.needs.collections) > 0 && o.find == nil {
		return provider.Errorf(provider.Invalid, "", "", "a step searches the collection %q, but no finder is set; use WithPassages", c.needs.collections[0])
	}
	return nil
}

// checkDefaults refuses defaults that would have no effect.
func (o *options) checkDefaults() error {
	switch {
	case len(o.defaults.Messages) > 0:
		return provider.Errorf(provider.Invalid, "", "", "Defaults cannot have messages; put them into a step, or into the prompt")
	case o.defaults.Schema != nil:
		return provider.Errorf(provider.Invalid, "", "", "Defaults cannot have a schema; put it into a step, or use As")
	}
	return nil
}

// checkPredict refuses options that have no effect on one prompt.
func (o *options) checkPredict() error {
	var unused string
	switch {
	case o.find != nil:
		unused = "WithPassages has no effect on a single prompt, which looks up no passages"
	case o.passagesStay != nil:
		unused = "PassagesStay has no effect on a single prompt, which looks up no passages"
	case o.embedder != nil:
		unused = "WithEmbedder has no effect on a single prompt, which has no examples to select"
	default:
		return o.checkDefaults()
	}
	return provider.Errorf(provider.Invalid, "", "", "%s; remove it, or make a chain with New", unused)
}

// pick returns the tools that the names stand for.
func pick(all []tool.Tool, names []string) []tool.Tool {
	var picked []tool.Tool
	for _, t := range all {
		if slices.ContainsFunc(names, func(name string) bool { return tool.Matches(name, &t) }) {
			picked = append(picked, t)
		}
	}
	return picked
}

// asked is the provider that a step asks: the run's, with the step's tools, and
// held to its schema.
func (x *exec) asked(b *ask, at stepPath) provider.Provider {
	switch {
	case len(b.tools) > 0 && b.schema != nil:
		return structured.New(x.withTools(b.tools, at), structured.Config{})
	case len(b.tools) > 0:
		return x.withTools(b.tools, at)
	case b.schema != nil:
		return x.held()
	}
	return x.provider
}

// held is the run's provider, held to schemas. There is one in a run, so that it
// compiles each of them once.
func (x *exec) held() provider.Provider {
	if p := x.shared.held.Load(); p != nil {
		return p
	}
	x.shared.held.CompareAndSwap(nil, structured.New(x.provider, structured.Config{}))
	return x.shared.held.Load()
}

// withTools is the run's provider with the tools of these names.
func (x *exec) withTools(names []string, at stepPath) provider.Provider {
	o := x.shared.tools
	o.Tools = pick(o.Tools, names)
	observe := o.Observe
	o.Observe = func(e tool.Event) {
		if observe != nil {
			observe(e)
		}
		x.show(Event{Type: StepTool, Index: at.index, Step: at.path, Tool: &e})
	}
	return tool.Loop(x.provider, o)
}

// call is what a prompt needs besides values.
func (x *exec) call(privacy provider.Privacy) prompt.Call {
	e := x.shared.embedder
	if e == nil {
		e, _ = provider.As[provider.Embedder](x.provider)
	}
	return prompt.Call{Embedder: e, Privacy: privacy}
}

// passages looks passages up, and writes them as a prompt wants them. Where one
// of them is to stay on this machine, so is the rest of the run.
func (x *exec) passages(ctx context.Context, s *step, b *lookup, query string, at stepPath) (StepResult, error) {
	own := overlay(*x.defaults, &s.settings).Privacy
	found, route, err := x.shared.find(at.context(ctx), Lookup{Collection: b.collection, Query: query, K: b.k, MMR: b.mmr, Privacy: x.stays.tightened(own)})
	if err != nil {
		return StepResult{}, x.stays.explained(err, own)
	}
	if len(found) == 0 {
		return StepResult{}, provider.Errorf(provider.Invalid, "", "", "%w", &NoPassagesError{b.collection})
	}
	if retrieve.Privacy(found) == provider.PrivacyLocal {
		x.stays.join(&stays{passage: at.path})
	}
	text := retrieve.Format(found)
	return StepResult{Text: text, Value: text, Finish: provider.FinishStop, Route: route, Passages: found}, nil
}
