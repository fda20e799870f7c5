package exchange

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/provider"
)

// prepare completes a question: which providers are asked for which model, what the
// caller and the headers forbid, and what the configuration says where the client says
// nothing.
func (x *Exchange) prepare(r *http.Request, q *Question) error {
	s, ctx := x.cfg.Stack(), r.Context()
	if x.Closing() {
		return errStopping
	}
	if q.Embed != nil {
		return x.prepareEmbedding(r, q)
	}
	if err := x.resolve(ctx, s, r.Header, q); err != nil {
		return err
	}
	if c := q.Request.Completion; c != nil && q.Ask != nil {
		return &Failure{Status: http.StatusBadRequest, Code: CodeParameter, Param: c.Member(), Message: "unsupported parameter " + c.Member() + ": a chain cannot complete text; ask a model"}
	}
	if err := x.tighten(r, s, q); err != nil {
		return err
	}
	if _, err := cacheUse(r.Header); err != nil {
		return err
	}
	defaults(s, &q.Request)
	if x.cfg.Prepare != nil {
		if err := x.cfg.Prepare(ctx, s, q); err != nil {
			return err
		}
	}
	x.limit(ctx, s, q)
	return nil
}

// resolve says who is asked for what. A provider's own default model is left unset, so
// that another provider can answer with its own; another model is asked of that
// provider alone.
func (x *Exchange) resolve(ctx context.Context, s *stack.Stack, h http.Header, q *Question) error {
	if q.Ask != nil {
		return nil
	}
	if name, ok := strings.CutPrefix(q.Model, ChainPrefix); ok && x.cfg.Chains != nil {
		ask, err := x.cfg.Chains.Ask(ctx, strings.TrimSuffix(name, ":latest"), h, q) // as Ollama's clients write names
		if err != nil {
			return err
		}
		q.Ask = ask
		return nil
	}
	if q.Model == "" || isNamed(q.Model, Default) {
		q.Request.Model = ""
		return nil
	}
	e, err := x.Find(ctx, q.Model)
	if err != nil {
		return err
	}
	t, _ := s.Target(e.Provider)
	if own := t.Config.Model; own != "" && isNamed(e.Model.Name, own) {
		q.Request.Model, q.Request.Use = "", from(s.Config().Use, e.Provider)
		return nil
	}
	q.Request.Model, q.Request.Use = e.Model.Name, []string{e.Provider}
	return nil
}

// from is use with the provider of that name first: those after it are its fallbacks, and
// those before it do not.
func from(use []string, name string) []string {
	if i := slices.Index(use, name); i >= 0 {
		return slices.Clone(use[i:])
	}
	return []string{name}
}

// tighten applies what the caller's key and the request's headers forbid. They can only
// forbid: a header never allows what the configuration or the key does not.
func (x *Exchange) tighten(r *http.Request, s *stack.Stack, q *Question) error {
	c := x.caller(r.Context())
	q.caller = c.Name
	use := q.Request.Use
	if len(use) == 0 {
		use = s.Config().Use
	}
	if c.Use != nil {
		use = allowed(use, c.Use)
		q.Only = slices.Clone(c.Use)
		if len(use) == 0 {
			return &Failure{Status: http.StatusForbidden, Code: string(provider.Denied), Message: "the key " + c.Name + " may not use what answers this model; it may use " + strings.Join(c.Use, ", ")}
		}
	}
	for _, v := range r.Header.Values("X-Tandem-Use") { // each forbids something
		var only []string
		for name := range strings.SplitSeq(v, ",") {
			name = strings.TrimSpace(name)
			if !s.Has(name) {
				return Refuse("x-tandem-use", "x-tandem-use: there is no provider "+Brief(name))
			}
			only = append(only, name)
		}
		use = allowed(use, only)
		q.Only = slices.Clone(use)
		if len(use) == 0 {
			return Refuse("x-tandem-use", "x-tandem-use: none of "+Brief(v)+" may answer this model")
		}
	}
	q.Request.Use = slices.Clone(use)
	for _, v := range r.Header.Values("X-Tandem-Privacy") {
		switch v {
		case "", config.PrivacyAny:
		case string(provider.PrivacyLocal):
			q.Request.Privacy = provider.PrivacyLocal
		default:
			return Refuse("x-tandem-privacy", "x-tandem-privacy has to be local or any, not "+Brief(v))
		}
	}
	if c.Privacy == provider.PrivacyLocal {
		q.Request.Privacy = provider.PrivacyLocal
	}
	return nil
}

// allowed are those of use that only has, in the order of use.
func allowed(use, only []string) []string {
	return slices.DeleteFunc(slices.Clone(use), func(name string) bool { return !slices.Contains(only, name) })
}

// defaults writes what the configuration says where the client says nothing.
func defaults(s *stack.Stack, req *provider.Request) {
	var d provider.Request
	s.Defaults(&d)
	Fill(req, &d)
}

// Fill writes what d says where the request says nothing. It loosens no privacy.
func Fill(req, d *provider.Request) {
	if req.Temperature == nil {
		req.Temperature = d.Temperature
	}
	if req.TopP == nil {
		req.TopP = d.TopP
	}
	if req.Seed == nil {
		req.Seed = d.Seed
	}
	if req.MaxTokens == nil {
		req.MaxTokens = d.MaxTokens
	}
	if req.Stop == nil {
		req.Stop = d.Stop
	}
	if req.Think == provider.ThinkDefault {
		req.Think = d.Think
	}
	if d.Privacy == provider.PrivacyLocal {
		req.Privacy = d.Privacy
	}
	if len(d.Options) > 0 {
		options := maps.Clone(d.Options)
		maps.Copy(options, req.Options)
		req.Options = options
	}
}
