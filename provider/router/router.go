// Package router is a provider made of providers: it asks the first target
// that may and can answer, and falls back to the next one only while nothing
// of an answer has been shown.
//
// What it promises: one answer comes from one target; the order is the
// caller's; every answer's Route, and every failure's [Failure], lists all
// targets that were considered, with the reason for each that did not answer.
package router

import (
	"context"
	"errors"
	"iter"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// Target is one provider that may be asked.
type Target struct {
	provider.Provider
	// Local reports whether the target is on this machine, by resolved
	// address. Only such targets are asked under provider.PrivacyLocal; the
	// adapter checks again at the socket. Nil: it is not.
	Local func(context.Context) bool
	// Ready returns why the target cannot be asked, such as a key that is
	// missing, or nil. It is asked when the target's turn comes. An unready
	// target is an error only when nobody else answers. Nil: always ready.
	Ready func(context.Context) error
}

func (t Target) ready(ctx context.Context) error {
	if t.Ready == nil {
		return nil
	}
	return t.Ready(ctx)
}

// Router is a provider.Provider over targets. Make one with [New].
type Router struct {
	use     []string
	targets map[string]Target
	names   []string
}

var _ provider.Provider = (*Router)(nil)

// New returns a router over targets that asks those named in use, in that
// order, unless a request says otherwise. Errors: Invalid, when use is empty
// or names a target that does not exist, or two targets share a name.
func New(use []string, targets ...Target) (*Router, error) {
	r := &Router{use: use, targets: make(map[string]Target, len(targets))}
	for _, t := range targets {
		name := t.Name()
		if _, twice := r.targets[name]; twice {
			return nil, provider.Errorf(provider.Invalid, name, "", "two providers have this name; rename one")
		}
		r.targets[name] = t
		r.names = append(r.names, name)
	}
	if len(use) == 0 {
		return nil, provider.Errorf(provider.Invalid, "", "", "`use` names no provider; name at least one of: %s", strings.Join(r.names, ", "))
	}
	if err := r.known(use); err != nil {
		return nil, err
	}
	return r, nil
}

// Name is "router"; the name of who answered is in the answer's Route.
func (r *Router) Name() string { return "router" }

// Target returns the target of that name.
func (r *Router) Target(name string) (Target, bool) {
	t, ok := r.targets[name]
	return t, ok
}

// Use returns the default order.
func (r *Router) Use() []string { return r.use }

// Models lists the models of all targets in the default order. A target that
// cannot be asked is left out, unless none can.
func (r *Router) Models(ctx context.Context) ([]provider.Model, error) {
	var all []provider.Model
	f := &Failure{}
	for _, name := range r.use {
		t := r.targets[name]
		err := t.ready(ctx)
		if err != nil && ctx.Err() == nil {
			f.add(provider.Attempt{Provider: name, Outcome: provider.OutcomeSkipped}, err)
			continue
		}
		ms, err := t.Models(ctx)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			f.add(provider.Attempt{Provider: name, Outcome: provider.OutcomeFailed}, err)
			continue
		}
		all = append(all, ms...)
	}
	if len(f.Attempts) == len(r.use) {
		return nil, f.err()
	}
	return all, nil
}

// Chat asks the candidates in order. See the package comment.
func (r *Router) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		use := req.Use
		if len(use) == 0 {
			use = r.use
		} else if err := r.known(use); err != nil {
			yield(provider.Chunk{}, err)
			return
		}
		req.Use = nil
		s := search{yield: yield, start: time.Now()}
		for _, name := range use {
			t := r.targets[name]
			if err := preflight(ctx, t, req); err != nil {
				if ctx.Err() != nil {
					yield(provider.Chunk{}, ctx.Err())
					return
				}
				s.add(provider.Attempt{Provider: name, Model: req.Model, Outcome: provider.OutcomeSkipped}, err)
				continue
			}
			began := time.Now()
			err := s.ask(ctx, t, req)
			if s.settled {
				return
			}
			s.add(provider.Attempt{Provider: name, Model: req.Model, Outcome: provider.OutcomeFailed, Took: time.Since(began)}, err)
			if !fallsBack(err) {
				break
			}
		}
		yield(provider.Chunk{}, s.err())
	}
}

// search is one request on its way to a target that answers it.
type search struct {
	Failure // of the targets so far
	yield   func(provider.Chunk, error) bool
	start   time.Time
	// settled: the caller has had something that no other target may follow:
	// content, the end, or its own context's error.
	settled bool
	failed  error // of the last target, unless settled
}

// ask streams one target's answer. Unless that settles the search, the error
// is why t did not answer.
func (s *search) ask(ctx context.Context, t Target, req provider.Request) error {
	s.failed = nil
	for c, err := range t.Chat(ctx, req) {
		if err != nil && !s.settled && ctx.Err() == nil {
			s.failed = err
			break
		}
		if err == nil && c.Finish != "" {
			c.Route = s.finish(c.Route)
		}
		s.settled = true
		if !s.yield(c, err) || err != nil {
			break
		}
	}
	if s.failed == nil && !s.settled {
		s.failed = provider.Errorf(provider.Truncated, t.Name(), req.Model, "ended without an answer")
	}
	return s.failed
}

// finish completes the Route of the last chunk: who was considered, and why
// this target answered.
func (s *search) finish(rt *provider.Route) *provider.Route {
	if rt == nil {
		rt = &provider.Route{}
	}
	took := rt.Total
	rt.Reason = "first in use"
	if len(s.Attempts) > 0 {
		rt.Reason = "stood in: " + s.Error()
		shift := time.Since(s.start) - rt.Total
		rt.FirstToken += shift
		rt.Total += shift
	}
	rt.Attempts = append(s.Attempts, provider.Attempt{
		Provider: rt.Provider, Model: rt.Model, Outcome: provider.OutcomeAnswered, Took: took,
	})
	return rt
}

// preflight says why t must not be asked, or nil.
func preflight(ctx context.Context, t Target, req provider.Request) error {
	if req.Privacy == provider.PrivacyLocal && (t.Local == nil || !t.Local(ctx)) {
		return provider.Errorf(provider.Private, t.Name(), req.Model, "not on this machine, and the prompt may not leave it (privacy: local)")
	}
	return t.ready(ctx)
}

// fallsBack reports whether another target may do what this one could not.
func fallsBack(err error) bool {
	if errors.Is(err, provider.ErrAlone) {
		return false
	}
	switch provider.KindOf(err) {
	case provider.Unavailable, provider.ModelNotFound, provider.Timeout,
		provider.OutOfMemory, provider.Unsupported, provider.Offline, provider.Private:
		return true
	}
	return false
}

// known returns an Invalid error when use names a target that does not exist.
func (r *Router) known(use []string) error {
	for _, name := range use {
		if _, ok := r.targets[name]; !ok {
			return provider.Errorf(provider.Invalid, name, "", "no such provider; there are: %s", strings.Join(r.names, ", "))
		}
	}
	return nil
}
