package exchange

import (
	"context"
	"io"
	"iter"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tandem-llm/tandem/internal/preload"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/router"
)

// Source is what answers a question instead of one call to a model: a chain does. It
// makes its own calls through the run.
type Source func(ctx context.Context, run *Run) iter.Seq2[provider.Chunk, error]

// Run is a question under way. The calls that a chain makes for it go through it: what
// the question forbids holds for each of them, each waits for its turn, and the
// register shows it.
type Run struct {
	x     *Exchange
	stack *stack.Stack
	q     *Question
	call  *liveCall
	asked func() string                     // the question, as the storm guard knows it
	ctx   context.Context                   //nolint:containedctx // of the client: it says whether that has left
	tell  func(func(io.Writer) error) error // nil: the reply is not a stream
	// unseen is a run that is not among the calls, and that nobody waits for.
	unseen bool
	// worked says that a model was at work.
	worked atomic.Bool
	// failed is how many generations failed.
	failed atomic.Int32
	steps  steps
}

// Begin admits a question, and has it among the calls: its request is completed and
// tightened, and one that failed too often of late is refused. The context has the
// caller's settings, and ends when the client leaves or the call is cancelled. End has to
// be called at the run's end. Errors: a failure, and then there is nothing to end.
func (x *Exchange) Begin(r *http.Request, in Asked, q *Question) (context.Context, *Run, error) {
	sent := q.Request // as the client sent it: what is decided here may be another thing the next time
	sent.Options = maps.Clone(sent.Options)
	if err := x.prepare(r, q); err != nil {
		return nil, nil, err
	}
	session := sessionOf(r.Header, q)
	run := &Run{x: x, stack: x.cfg.Stack(), q: q, ctx: r.Context()}
	run.asked = sync.OnceValue(func() string { return session + identity(r.Header, in, q, &sent) })
	if f := x.storm.refuse(run.asked); f != nil {
		return nil, nil, f
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	run.call = &liveCall{cancel: cancel, Call: Call{
		ID: store.NewID(), Dialect: in.Dialect, Operation: operationOf(q), Path: r.URL.Path, Asked: q.Model, Caller: x.caller(ctx).Name, Session: session,
		Stream: q.Stream, Began: time.Now(), State: Asking, Ignored: q.Ignored, Notes: q.Notes, Model: q.Request.Model,
	}}
	if !x.extras.none() {
		run.asked() // of what the client sent
		x.extras.restore(run.call.Caller, session, &q.Request)
	}
	x.begin(run.call)
	failed, again := x.storm.asked(run.asked)
	ctx = router.WithBounds(ctx, router.Bounds{
		Generations: max(1, stormFailures-failed),               // another like it may have failed meanwhile
		NoRetries:   again || r.Header.Get(retriesHeader) != "", // the client asks again itself
	})
	return begun(WithCache(ctx, r.Header), &run.call.Call), run, nil
}

// retriesHeader is sent by clients that ask again by themselves: OpenAI's and
// Anthropic's libraries, and Claude Code.
const retriesHeader = "X-Stainless-Retry-Count"

// observe counts the generations that fail.
func (u *Run) observe(e router.Event) {
	if e.Type == router.BrokeOff || e.Type == router.Failed && router.Generated(e.Err) {
		u.failed.Add(1)
	}
}

func operationOf(q *Question) Operation {
	if q.Ask != nil || strings.HasPrefix(q.Model, ChainPrefix) {
		return RunChain
	}
	return Chat
}

// Heartbeat is how long a reply may be silent before it says that it is alive.
func (u *Run) Heartbeat() time.Duration { return u.x.cfg.Heartbeat }

// ID is the call's.
func (u *Run) ID() string { return u.call.ID }

// Call is the call as it is now.
func (u *Run) Call() Call {
	u.x.mu.Lock()
	defer u.x.mu.Unlock()
	return u.call.Call
}

// Request is what the client set, with what it, its key and the configuration forbid.
func (u *Run) Request() provider.Request { return u.q.Request }

// Stack is the stack that the run began with. After a reload there may be another.
func (u *Run) Stack() *stack.Stack { return u.stack }

// Tell writes to a client that gets a stream, beside the answer's chunks. It opens the
// stream. In a reply that is not a stream it does nothing.
func (u *Run) Tell(write func(io.Writer) error) error {
	if u.tell == nil {
		return nil
	}
	return u.tell(write)
}

// WithWaiting returns a context in which the call says what it waits for: an engine that
// starts, or a model that is loaded.
func (u *Run) WithWaiting(ctx context.Context) context.Context {
	return preload.WithProgress(ctx, func(text string) { u.update(func(c *Call) { c.Waiting = text }) })
}

// End ends a run that the exchange does not answer itself, with what it came to. It
// returns the error as the client is to see it: the cancellation's, if there was one.
func (u *Run) End(ctx context.Context, route *provider.Route, usage *provider.Usage, err error) error {
	if f := cancelled(ctx); f != nil && err != nil {
		err = f
	}
	u.update(func(c *Call) {
		c.State, c.Route, c.Usage, c.Status, c.Waiting = Answered, route, usage, http.StatusOK, ""
		if route != nil {
			c.Provider, c.Model = route.Provider, route.Model
		}
		switch {
		case u.ctx.Err() != nil:
			c.State = Cancelled
		case err != nil:
			c.fails(u.x.failureOf(err))
		}
	})
	u.settle(ctx, err)
	return err
}

// settle is the end of a call, whatever came of it.
func (u *Run) settle(ctx context.Context, err error) {
	switch {
	case err == nil:
		u.x.storm.succeeds(u.asked)
	case u.ctx.Err() == nil && ctx.Err() == nil:
		n, f := int(u.failed.Load()), u.x.failureOf(err)
		if n == 0 && u.worked.Load() { // it failed behind a generation that did not
			n = 1
		}
		if n > 0 || f.Retry {
			u.x.storm.fails(u.asked, n, f.Message)
		}
	}
	u.x.end(u.call)
	u.call.cancel(nil)
}

func (u *Run) update(change func(*Call)) { u.x.update(u.call, change) }

// source is what answers the question.
func (u *Run) source(ctx context.Context) iter.Seq2[provider.Chunk, error] {
	if u.q.Ask != nil {
		return u.q.Ask(ctx, u)
	}
	return u.stack.Chat(ctx, u.q.Request)
}
