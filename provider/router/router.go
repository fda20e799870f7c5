// Package router is a provider made of providers: it asks the first target
// that may and can answer, asks it again where that may help, and falls back
// to the next one only while nothing of an answer has been shown.
//
// What it promises: one answer comes from one target; the order is the
// caller's; an answer that says nothing, or is not the JSON that was asked
// for, is a failure; every answer's Route, and every failure's [Failure],
// lists all targets that were considered, with the reason for each that did
// not answer, and where the prompt may have gone.
//
// It is the one place that retries a call that failed ([Policy]), and has a
// circuit breaker for each target. docs/router.md tells it as a whole, and docs/failures.md,
// which a test writes, what follows each failure.
package router

import (
	"cmp"
	"context"
	"iter"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/breaker"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/structured"
)

// Config says who may answer, and how failures are met.
type Config struct {
	Use     []string // names of Targets: the first choice, then the fallbacks; nil: all, in their order
	Targets []Target // their names are unique
	Policy  Policy
	// Offline drops targets that are not local before they are asked. The
	// adapters check again at the socket.
	Offline bool
	// Observe, if not nil, is told what happens as it happens. It must be
	// quick, and safe for concurrent use.
	Observe func(Event)
	// Explain may put more into the error with which a request ends. It keeps its
	// Kind, and what it wraps. Nil: it stays as it is.
	Explain func(ctx context.Context, err error, req *provider.Request) error
	Clock   Clock
}

// Policy says how failures are met. Its zero value is the default.
type Policy struct {
	Retries *int // most retries of one target, of one request; nil: 2
	// RetryPaid retries a paid call that may have been charged, see
	// [provider.Error.MayBeCharged].
	RetryPaid bool
	// Restart begins an answer again that broke off, on the same target or the
	// next; [provider.Chunk.Restart] tells the reader. Otherwise what breaks
	// off is an error.
	Restart bool
	// Total is the most time from the call to the answer's end, whoever is
	// asked. 0: no limit.
	Total time.Duration
}

// Clock is the time, for tests to replace. Nil fields are the real one.
type Clock struct {
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error // ends early with ctx's error
	// Jitter returns a duration from 0 to most.
	Jitter func(most time.Duration) time.Duration
}

// Target is one provider that may be asked. Its hooks may be nil: what they
// would tell is then not known. They must be safe for concurrent use.
type Target struct {
	provider.Provider
	// Model is what the provider asks for when a request names none.
	Model string
	// Local reports whether the target is on this machine, by resolved
	// address, and runs its models there. Only such targets are asked under
	// provider.PrivacyLocal; the adapter checks again at the socket. Nil: as the
	// provider says, if it is a [provider.Localer], as the adapters are; else it
	// is not.
	Local func(context.Context) bool
	// NotLocal says why, and what to do about it, where Local says no. Nil, or
	// no reason: it is not on this machine.
	NotLocal func(context.Context) (why, remedy string)
	// Ready returns why the target cannot be asked, such as a key that is
	// missing, or nil. It is asked when the target's turn comes, or when
	// another target's retry depends on it. An unready target is an error only
	// when no other provider answers. Nil: always ready.
	Ready func(context.Context) error
	// Window is how many tokens the request's model holds, prompt and answer
	// together. It must not make a call for an ordinary request.
	Window func(ctx context.Context, req *provider.Request) (tokens int, known bool)
	// Can is what the model can do. It may ask the server, for it is only
	// consulted about requests with tools, images or thinking.
	Can func(ctx context.Context, model string) (can []provider.Capability, known bool)
	// Present reports whether the server has the model. It may ask the server,
	// for only [Router.Plan] consults it: a call finds out by itself.
	Present func(ctx context.Context, model string) (present, known bool)
	// Alternative is another model that the server has and that can do what req
	// needs, for a request that names none, once the server does not have Model. It
	// may ask the server. Its error says why there is none. Nil: Model is the only one.
	Alternative func(ctx context.Context, req *provider.Request) (model string, err error)
	// Quote is what a prompt of so many tokens would cost at least, in US
	// dollars, for the table of a [Plan].
	Quote func(ctx context.Context, req *provider.Request, promptTokens int) (usd float64, known bool)
	// Preflight are further reasons not to ask, in order.
	Preflight []Check
	// Paid says that a call may be charged.
	Paid bool
	// Total is the most time that the target has for its answer, retries
	// included; then the next one is asked, unless content was shown. 0: no
	// limit.
	Total time.Duration
}

// Check returns why a target must not be asked, or nil. The error's Kind and
// text become the attempt's. It is asked last, right before the call; after it
// the call need not come. When [Planning], it must change nothing, load
// nothing and reserve nothing.
type Check func(ctx context.Context, req *provider.Request) error

// Router is a provider.Provider over targets. Make one with [New].
type Router struct {
	cfg     Config
	targets map[string]*target
	names   []string
	retries int
}

var (
	_ provider.Provider = (*Router)(nil)
	_ Planner           = (*Router)(nil)
)

// New returns a router over cfg's targets, which are asked in the order of Use
// unless a request says otherwise. Errors: Invalid, when there is no target, Use
// names one that does not exist, or two share a name.
func New(cfg Config) (*Router, error) {
	cfg.Clock.defaults()
	r := &Router{cfg: cfg, targets: make(map[string]*target, len(cfg.Targets)), retries: defaultRetries}
	if n := cfg.Policy.Retries; n != nil {
		r.retries = *n
	}
	for _, t := range cfg.Targets {
		name := t.Name()
		if _, twice := r.targets[name]; twice {
			return nil, provider.Errorf(provider.Invalid, name, "", "two providers have this name; rename one")
		}
		if t.Local == nil {
			if l, ok := provider.As[provider.Localer](t.Provider); ok {
				t.Local = l.Local
			}
		}
		t.Provider = structured.New(t.Provider, structured.Config{})
		r.targets[name] = &target{Target: t, breaker: &breaker.Breaker{}, budget: &retryBudget{}}
		r.names = append(r.names, name)
	}
	if len(r.names) == 0 {
		return nil, provider.Errorf(provider.Invalid, "", "", "there is no provider to ask; name one")
	}
	if len(cfg.Use) == 0 {
		r.cfg.Use = r.names
	}
	if err := r.checkNames(r.cfg.Use); err != nil {
		return nil, err
	}
	return r, nil
}

// KeepHealth has the targets of those names share their circuit breakers and retry
// budgets with another router, which r is about to replace. Call it before r is
// asked.
func (r *Router) KeepHealth(of *Router, names []string) {
	for _, name := range names {
		if now, old := r.targets[name], of.targets[name]; now != nil && old != nil {
			now.breaker, now.budget = old.breaker, old.budget
		}
	}
}

// Paused is why a target's circuit breaker lets no call through now; empty: it does, or
// there is no such target.
func (r *Router) Paused(name string) string {
	t, ok := r.targets[name]
	if !ok {
		return ""
	}
	why, _ := t.breaker.State(r.cfg.Clock.Now())
	return why
}

// Breaker is the state of a target's circuit breaker; empty: there is no such target.
func (r *Router) Breaker(name string) BreakerState {
	t, ok := r.targets[name]
	if !ok {
		return ""
	}
	return BreakerState(t.breaker.Phase(r.cfg.Clock.Now()))
}

// Name is "router"; the name of who answered is in the answer's Route.
func (r *Router) Name() string { return "router" }

// Target returns the target of that name.
func (r *Router) Target(name string) (Target, bool) {
	t, ok := r.targets[name]
	if !ok {
		return Target{}, false
	}
	return t.Target, true
}

// Use returns the default order.
func (r *Router) Use() []string { return r.cfg.Use }

// Models lists the models of all targets in the default order. A target that
// cannot be asked is left out, unless none can.
func (r *Router) Models(ctx context.Context) ([]provider.Model, error) {
	var all []provider.Model
	f := &Failure{}
	for _, name := range r.cfg.Use {
		t := r.targets[name]
		err := t.ready(ctx)
		if err != nil && ctx.Err() == nil {
			f.addAttempt(provider.Attempt{Provider: name, Outcome: provider.OutcomeSkipped}, err)
			continue
		}
		ms, err := t.Models(ctx)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			f.addAttempt(provider.Attempt{Provider: name, Outcome: provider.OutcomeFailed}, err)
			continue
		}
		for _, m := range ms {
			m.Provider = cmp.Or(m.Provider, name)
			all = append(all, m)
		}
	}
	if len(f.Attempts) == len(r.cfg.Use) {
		return nil, f.providerError()
	}
	return all, nil
}

// Chat asks the candidates in order. See the package comment.
func (r *Router) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		s := &call{r: r, req: req, yield: yield}
		if err := s.run(ctx); err != nil {
			yield(provider.Chunk{}, r.explain(ctx, err, &s.req))
		}
	}
}

// explain is the error with which a request ends.
func (r *Router) explain(ctx context.Context, err error, req *provider.Request) error {
	if r.cfg.Explain == nil {
		return err
	}
	return r.cfg.Explain(ctx, err, req)
}

// candidates are the names of the targets that may answer req, in order.
func (r *Router) candidates(req *provider.Request) ([]string, error) {
	if len(req.Use) == 0 {
		return r.cfg.Use, nil
	}
	return req.Use, r.checkNames(req.Use)
}

// checkNames returns an Invalid error when use names a target that does not exist.
func (r *Router) checkNames(use []string) error {
	for _, name := range use {
		if _, ok := r.targets[name]; !ok {
			return provider.Errorf(provider.Invalid, name, "", "no such provider; there are: %s", strings.Join(r.names, ", "))
		}
	}
	return nil
}
