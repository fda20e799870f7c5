package exchange

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/provider"
)

// Default is the model that stands for the configuration's own choice: the providers of
// `use` in their order, each with its default model.
const Default = "tandem"

// ChainPrefix begins the name of a chain as a model.
const ChainPrefix = "chain:"

// Chain is a chain that is a model.
type Chain struct {
	Name        string
	Description string
	Modified    time.Time
	Size        int64
	Digest      string
}

// Chains are chains that can be asked as models.
type Chains interface {
	// List is all of them, by name.
	List() []Chain
	// Ask is what answers a question to the chain. Errors: a *Failure.
	Ask(ctx context.Context, name string, h http.Header, q *Question) (Source, error)
}

// Entry is a model that can be asked for. Every field is set, as clients need it:
// some drop the whole list for one entry that lacks one.
type Entry struct {
	ID       string         // to ask for it
	Provider string         // that has it; empty: a chain, or [Default]
	Model    provider.Model // as its provider tells it, completed
	Window   int            // tokens it holds as it is used here; 0: not known
	Loaded   bool           // in memory now
	Running  provider.RunningModel
	Chain    bool

	of, first string // of [Default]: the provider that is asked first; and the model's name there
}

// origin is the provider that has the model; empty: a chain.
func (e Entry) origin() string { return cmp.Or(e.Provider, e.of) }

// isOwn reports whether a name is PROVIDER/MODEL of the entry's.
func (e *Entry) isOwn(name string) bool {
	if e.Provider == "" {
		return false
	}
	rest, ok := strings.CutPrefix(name, e.Provider)
	return ok && len(rest) > 0 && rest[0] == '/' && rest[1:] == e.Model.Name
}

// Models lists what can be asked for, in the order of `use`, chains last. A provider
// that does not answer is listed with its configured model.
func (x *Exchange) Models(ctx context.Context) []Entry {
	out := slices.Clone(x.models.list(ctx, x.cfg.Stack()))
	if x.cfg.Chains != nil {
		for _, c := range x.cfg.Chains.List() {
			// A chain's inputs go into its prompts: its window is that of the default model.
			out = append(out, Entry{ID: ChainPrefix + c.Name, Chain: true, Window: out[0].Window, Model: provider.Model{
				Name: ChainPrefix + c.Name, Size: max(c.Size, 1), Digest: c.Digest, Family: "chain", Params: "chain", Quant: "none", Modified: c.Modified,
				Capabilities: []provider.Capability{provider.CanChat},
			}})
		}
	}
	return out
}

// window is how many tokens a model holds as it is used: as it is loaded, else as the
// configuration says, else as it was made.
func window(pc config.Provider, m provider.Model, running provider.RunningModel) int {
	switch {
	case running.Context > 0:
		return running.Context
	case pc.NumCtx > 0 && m.Context > 0:
		return min(pc.NumCtx, m.Context)
	case pc.NumCtx > 0:
		return pc.NumCtx
	}
	return m.Context
}

// isNamed reports whether a model is the one of that name, to which Ollama adds :latest.
func isNamed(model, name string) bool { return model == name || model == name+":latest" }

// complete fills in what a provider does not tell.
func complete(e *Entry) {
	m := &e.Model
	if m.Modified.IsZero() {
		m.Modified = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	m.Size = max(m.Size, 1)
	m.Digest = cmp.Or(strings.TrimPrefix(m.Digest, "sha256:"), strings.Repeat("0", 64))
	m.Family, m.Params, m.Quant = cmp.Or(m.Family, "unknown"), cmp.Or(m.Params, "unknown"), cmp.Or(m.Quant, "unknown")
}

// Find is the entry of that name, as clients write it: an alias, a name with or without
// its provider, with or without ":latest". Errors: a *Failure that names what there is.
func (x *Exchange) Find(ctx context.Context, name string) (Entry, error) {
	known, wanted := x.models.list(ctx, x.cfg.Stack()), name // of every request: it copies none of them
	if _, ok := x.cfg.Stack().Config().Aliases[name]; ok {
		use, model := x.cfg.Stack().SplitModel(name)
		if wanted = model; len(use) > 0 {
			wanted = use[0] + "/" + model
		}
	}
	e, ok := x.find(wanted, known)
	all := known
	if !ok {
		all = x.Models(ctx) // chains, too
		e, ok = x.find(wanted, all)
	}
	if ok {
		if f := x.mayBeEarlier(ctx, wanted, &e); f != nil {
			return Entry{}, f
		}
		return e, nil
	}
	if f := x.mayBe(wanted, x.cfg.Stack().Config().Use); f != nil {
		return Entry{}, f
	}
	f := unknownModel(name, all)
	if p := x.unused(wanted); p != "" {
		f.Message += fmt.Sprintf(". The provider %s is configured, and not in `use`, so nothing is sent to it", p)
	}
	return Entry{}, f
}

// find is the entry of that name among all.
func (x *Exchange) find(wanted string, all []Entry) (Entry, bool) {
	for _, full := range []string{wanted, wanted + ":latest", strings.TrimSuffix(wanted, ":latest")} {
		for i := range all {
			if e := &all[i]; e.ID == full || e.isOwn(full) {
				return *e, true
			}
		}
	}
	if x.cfg.Stack().Has(wanted) { // a provider's name stands for its model
		for i := range all {
			if all[i].Provider == wanted {
				return all[i], true
			}
		}
	}
	return Entry{}, false
}

// mayBeEarlier is the failure of a plain name that was found at a provider elsewhere, and
// that an earlier provider in use may mean, whose models nobody knows since it could not be
// reached; or nil. To ask the later one would send a prompt away that may have been for
// this machine. A model that the configuration names is not a guess, and neither is a name
// with its provider.
func (x *Exchange) mayBeEarlier(ctx context.Context, name string, e *Entry) *Failure {
	s := x.cfg.Stack()
	at := slices.Index(s.Config().Use, e.Provider)
	t, ok := s.Target(e.Provider)
	owner, _, _ := strings.Cut(name, "/")
	if !ok || at <= 0 || owner == e.Provider || isNamed(e.Model.Name, t.Config.Model) || s.Here(ctx, t) {
		return nil
	}
	f := x.mayBe(name, s.Config().Use[:at])
	if f != nil {
		f.Message += "; " + e.Provider + " has one of that name: ask for " + e.Provider + "/" + Brief(e.Model.Name) + " to mean that one"
	}
	return f
}

// mayBe is the failure of a name that may be a model of one of those providers, since it
// cannot be reached and nobody knows what it has; or nil.
func (x *Exchange) mayBe(name string, use []string) *Failure {
	s, missing := x.cfg.Stack(), x.models.unlisted()
	owner, _, is := strings.Cut(name, "/")
	for _, p := range use {
		err := missing[p]
		if err == nil || is && s.Has(owner) && owner != p {
			continue
		}
		return &Failure{
			Status: http.StatusServiceUnavailable, Code: string(provider.Unavailable), Retry: true, RetryAfter: listFresh, Err: err,
			Message: fmt.Sprintf("%s may have the model %s, and cannot be reached: %v", p, Brief(name), err),
		}
	}
	return nil
}

// unused is the provider that a model's name means, where that is configured and not in
// use; or "".
func (x *Exchange) unused(name string) string {
	s := x.cfg.Stack()
	for _, t := range s.Targets {
		p := t.Config.Name
		if !slices.Contains(s.Config().Use, p) && (name == p || name == t.Config.Model || strings.HasPrefix(name, p+"/")) {
			return p
		}
	}
	return ""
}

// mostNamed is how many models an error names.
const mostNamed = 12

func unknownModel(name string, all []Entry) *Failure {
	ids := make([]string, len(all))
	for i, e := range all {
		ids[i] = e.ID
	}
	text := fmt.Sprintf("model '%s' not found", Brief(oneLine(name))) // as Ollama says it: clients look for this
	if near, ok := diag.Nearest(name, ids); ok {
		text += "; did you mean " + near + "?"
	} else {
		text += "."
	}
	shown := ids
	if len(shown) > mostNamed {
		shown = shown[:mostNamed]
	}
	text += " Models: " + strings.Join(shown, ", ")
	if more := len(ids) - len(shown); more > 0 {
		text += fmt.Sprintf(", and %d more", more)
	}
	return &Failure{Status: http.StatusNotFound, Code: CodeNoModel, Kind: provider.ModelNotFound, Message: text, Param: "model", Err: errors.New(text)}
}

// Brief is a name as a message may hold it.
func Brief(s string) string {
	if r := []rune(s); len(r) > 80 {
		return string(r[:80]) + "…"
	}
	return s
}
