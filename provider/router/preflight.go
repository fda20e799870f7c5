package router

import (
	"context"
	"fmt"
	"slices"

	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/provider"
)

// depth is how far a preflight looks.
type depth int

const (
	lookAhead  depth = iota // is it worth a thought? Makes no call
	beforeCall              // its turn has come
	planning                // a table is wanted, and no answer
)

type planningKey struct{}

// Planning reports whether a [Check] is asked for a [Plan]: nobody will be
// called, so that it must change nothing, load nothing and reserve nothing.
func Planning(ctx context.Context) bool { return ctx.Value(planningKey{}) != nil }

// preflight says why t must not be asked, or nil: cheap reasons first.
func (r *Router) preflight(ctx context.Context, t *target, req *provider.Request, s *size, d depth) error {
	refuse := func(k provider.Kind, format string, args ...any) error {
		return provider.Errorf(k, t.Name(), t.model(req), format, args...)
	}
	if req.Privacy == provider.PrivacyLocal || r.cfg.Offline {
		if err := req.NoImageURLs(); err != nil {
			return failure.Named(err, t.Name(), t.model(req))
		}
	}
	local := func() bool { return t.Local != nil && t.Local(ctx) }
	switch {
	case req.Privacy == provider.PrivacyLocal && !local():
		why, remedy := t.notLocal(ctx)
		return refuse(provider.Private, "%s, and the prompt may not leave it (privacy: local)%s", why, remedy)
	case r.cfg.Offline && !local():
		why, remedy := t.notLocal(ctx)
		return refuse(provider.Offline, "%s, and offline mode is on%s", why, remedy)
	}
	if err := t.ready(ctx); err != nil {
		return err
	}
	if why, _ := t.breaker.State(r.cfg.Clock.Now()); why != "" {
		return refuse(provider.Unavailable, "%w", paused(why))
	}
	if t.Window != nil {
		if n, known := t.Window(ctx, req); known && s.atLeast > n {
			return refuse(provider.ContextOverflow, "the prompt has at least %d tokens, and the context window is %d", s.atLeast, n)
		}
	}
	if d == lookAhead {
		return nil
	}
	if t.Present != nil && d == planning {
		if there, known := t.Present(ctx, t.model(req)); known && !there {
			return refuse(provider.ModelNotFound, "the server does not have the model")
		}
	}
	needs := req.Needs()
	if d == planning {
		needs = append(needs, provider.CanChat) // a call is told by the server
	}
	if c := t.missingCapability(ctx, req, needs); c != "" {
		return refuse(provider.Unsupported, "%w", failure.About(fmt.Errorf("the model does not support %s", lacking[c]), failure.MemberFor(c)))
	}
	for _, check := range t.Preflight {
		if err := check(ctx, req); err != nil {
			return withTarget(err, t, req)
		}
	}
	return ctx.Err()
}

// notLocal says why t is not on this machine, and what to do about it, for
// behind a text.
func (t *target) notLocal(ctx context.Context) (why, remedy string) {
	if t.NotLocal != nil {
		why, remedy = t.NotLocal(ctx)
	}
	if why == "" {
		return "not on this machine", ""
	}
	if remedy != "" {
		remedy = "; " + remedy
	}
	return why, remedy
}

// missingCapability is the first of needs that the model is known not to have, or "".
func (t *target) missingCapability(ctx context.Context, req *provider.Request, needs []provider.Capability) provider.Capability {
	if len(needs) == 0 || t.Can == nil {
		return ""
	}
	can, known := t.Can(ctx, t.model(req))
	if !known {
		return ""
	}
	for _, c := range needs {
		if !slices.Contains(can, c) {
			return c
		}
	}
	return ""
}

// lacking is how an error names what a model cannot do.
var lacking = map[provider.Capability]string{
	provider.CanTools: "tools", provider.CanVision: "images", provider.CanThink: "thinking", provider.CanInsert: "insert", provider.CanChat: "chat",
}

// withTarget is a check's error as t's own.
func withTarget(err error, t *target, req *provider.Request) error {
	e, ok := err.(*provider.Error) //nolint:errorlint // what wraps it says more
	if !ok {
		return err
	}
	out := *e
	if out.Provider == "" {
		out.Provider = t.Name()
	}
	if out.Model == "" {
		out.Model = t.model(req)
	}
	return &out
}

// windowTooSmall says why t cannot hold what overflowed a window of most tokens, or
// nil.
func (t *target) windowTooSmall(ctx context.Context, req *provider.Request, most int) error {
	if most == 0 || t.Window == nil {
		return nil
	}
	n, known := t.Window(ctx, req)
	if !known || n > most {
		return nil
	}
	return &provider.Error{
		Kind: provider.ContextOverflow, Provider: t.Name(), Model: t.model(req),
		Err: fmt.Errorf("its context window of %d tokens is not larger than the %d tokens that the prompt exceeds", n, most),
	}
}
