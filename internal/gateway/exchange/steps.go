package exchange

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/collection"
	"github.com/tandem-llm/tandem/provider"
)

// StepCall is a call that a chain's step made.
type StepCall struct {
	Step     string         `json:"step,omitempty"`
	Began    time.Time      `json:"began"`
	State    State          `json:"state"`
	Position int            `json:"position,omitempty"` // in the queue, while it waits there
	Provider string         `json:"provider,omitempty"` // that is asked, or has answered
	Model    string         `json:"model,omitempty"`
	Local    *bool          `json:"local,omitempty"` // whether the prompt stayed; nil: not known
	Cost     *provider.Cost `json:"cost,omitempty"`
	Took     time.Duration  `json:"took_ns,omitempty"`
	Error    string         `json:"error,omitempty"`

	asked []string // the providers that were called
}

// mostSteps is how many calls of a run are kept; of a run with more, the last.
const mostSteps = 100

// steps are the calls of a run. The register's lock is theirs.
type steps struct {
	calls []*StepCall
	cost  provider.Cost
	spent []Spent
	left  bool // a prompt may have left this machine
	ended int  // calls in cost
}

// Provider is who answers the run's calls: the stack, under what the question forbids,
// and each call in its turn.
func (u *Run) Provider() provider.Provider { return &stepProvider{u.stack, u} }

type stepProvider struct {
	provider.Provider
	run *Run
}

var _ provider.Wrapper = (*stepProvider)(nil)

// Unwrap returns the stack.
func (p *stepProvider) Unwrap() provider.Provider { return p.Provider }

// Chat asks when it is the call's turn.
func (p *stepProvider) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		if err := p.run.prepare(ctx, &req); err != nil {
			yield(provider.Chunk{}, err)
			return
		}
		if req.Privacy == provider.PrivacyLocal {
			p.run.q.stays.Store(true)
		}
		s, ctx := p.run.step(ctx)
		release, err := p.run.turn(ctx, s, &req)
		if err != nil {
			p.run.stepEnds(s, nil, nil, err)
			yield(provider.Chunk{}, err)
			return
		}
		defer release()
		p.chunks(ctx, s, req, yield)
	}
}

// chunks passes an answer on.
func (p *stepProvider) chunks(ctx context.Context, s *StepCall, req provider.Request, yield func(provider.Chunk, error) bool) {
	var (
		route   *provider.Route
		usage   *provider.Usage
		answers bool
		err     error = errLeft
	)
	defer func() { p.run.stepEnds(s, route, usage, err) }()
	for c, failed := range p.Provider.Chat(ctx, req) {
		if failed == nil && !answers && !c.Empty() {
			answers = true
			p.run.worked.Store(true)
			p.run.stepIs(func() { s.State = Answering })
		}
		if c.Route != nil {
			route, usage = c.Route, c.Usage
		}
		if failed != nil {
			err = failed
		}
		if !yield(c, failed) || failed != nil {
			return
		}
	}
	err = nil
}

// errLeft is why a step's call ended whose answer was read no further.
var errLeft = &Failure{Code: "cancelled", Message: "the client stopped reading the answer"}

// tighten applies to a call what the question forbids, whatever the chain says.
func (u *Run) tighten(req *provider.Request) error {
	if u.q.Request.Privacy == provider.PrivacyLocal {
		req.Privacy = provider.PrivacyLocal
	}
	only := u.q.Only
	if only == nil {
		return nil
	}
	wanted := req.Use
	if len(wanted) == 0 {
		wanted = u.stack.Config().Use
	}
	if req.Use = allowed(wanted, only); len(req.Use) == 0 {
		return mayNot(wanted, only)
	}
	return nil
}

func mayNot(wanted, only []string) error {
	return provider.Errorf(provider.Private, "", "", "a step asks %s, and only %s may answer this request", strings.Join(wanted, ", "), strings.Join(only, ", "))
}

// WithTurns returns a context in which texts are embedded as the run's models are asked:
// by providers that the question allows, each call in its turn.
func (u *Run) WithTurns(ctx context.Context) context.Context {
	return collection.WithGate(ctx, func(ctx context.Context, name, model string, embed func(context.Context) (provider.EmbedResponse, error)) (provider.EmbedResponse, error) {
		req := provider.Request{Use: []string{name}, Model: model}
		if err := u.tighten(&req); err != nil {
			return provider.EmbedResponse{}, err
		}
		s, ctx := u.step(ctx)
		release, err := u.turn(ctx, s, &req)
		if err != nil {
			u.stepEnds(s, nil, nil, err)
			return provider.EmbedResponse{}, err
		}
		defer release()
		u.stepIs(func() { s.Provider, s.Model, s.asked = name, model, []string{name} })
		r, err := embed(ctx)
		u.stepEnds(s, r.Route, r.Usage, err)
		return r, err
	})
}

// Embedder makes vectors for the run's prompts.
func (u *Run) Embedder() provider.Embedder { return runEmbedder{u} }

type runEmbedder struct{ run *Run }

// Embed makes vectors, of texts that stay where the question has to.
func (e runEmbedder) Embed(ctx context.Context, req provider.EmbedRequest) (provider.EmbedResponse, error) {
	if e.run.q.Request.Privacy == provider.PrivacyLocal {
		req.Privacy = provider.PrivacyLocal
	}
	return e.run.stack.Collections.Embedder().Embed(ctx, req)
}

// prepare completes the request of a call: what the question forbids, and the window of
// the model, which is decided as for any question unless the chain says which it is.
func (u *Run) prepare(ctx context.Context, req *provider.Request) error {
	if err := u.tighten(req); err != nil {
		return err
	}
	if err := u.stack.Resolve(req); err != nil {
		return err
	}
	if _, own := req.Options["num_ctx"]; own || u.x.cfg.Prepare == nil {
		return nil
	}
	q := &Question{Request: *req}
	q.Request.Options = maps.Clone(req.Options) // the chain's own are shared
	if err := u.x.cfg.Prepare(ctx, u.stack, q); err != nil {
		return err
	}
	*req = q.Request
	u.note(q.Notes)
	return nil
}

// note adds what was changed about a call's request to what is told.
func (u *Run) note(notes []string) {
	if len(notes) == 0 {
		return
	}
	u.update(func(c *Call) {
		for _, n := range notes {
			if !slices.Contains(c.Notes, n) && len(c.Notes) < mostNotes {
				c.Notes = append(slices.Clip(c.Notes), n)
			}
		}
	})
}

// mostNotes is how many notes a call has.
const mostNotes = 20

// turn waits for a call's turn.
func (u *Run) turn(ctx context.Context, s *StepCall, req *provider.Request) (release func(), err error) {
	if u.x.cfg.Queue == nil {
		return func() {}, nil
	}
	t := ticket(u.stack, req, &u.call.Call)
	t.Background = u.q.Background || u.unseen
	t.Position = func(n int) { u.stepIs(func() { s.State, s.Position = Queued, n }) }
	release, err = u.x.cfg.Queue.Enter(ctx, t)
	switch {
	case err == nil:
		u.stepIs(func() { s.State, s.Position = Asking, 0 })
	case u.unseen && len(req.Use) > 0:
		err = waits(err, req)
	}
	return release, err
}
