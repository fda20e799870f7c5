package exchange

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/internal/preload"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/router"
)

// Answer is what a dialect writes.
type Answer struct {
	provider.Response        // of a stream: what has come so far
	Call              Call   // as it is now; whole at the end
	Model             string // that answers, or is asked: what "model" of a reply says
	Began             time.Time
}

// Answerer writes the answer to one question in its dialect. Its methods are called one
// at a time. In a stream Beat comes any number of times before the first Chunk, then
// chunks, then End or FailStream. What they write to w is sent when they return, and what
// Chunk writes as soon as no further chunk is at hand.
type Answerer interface {
	// ContentType is that of a stream.
	ContentType() string
	// Beat says that the call is alive while nothing of its answer has come. It must
	// not bind the dialect to an answer.
	Beat(w io.Writer, a *Answer) error
	// Chunk writes content: text, thinking or tool calls. The first one opens the
	// dialect's message.
	Chunk(w io.Writer, a *Answer, c *provider.Chunk) error
	// End writes the end: why it ended, usage, the call in an extra member.
	End(w io.Writer, a *Answer) error
	// FailStream ends a stream with the dialect's own error.
	FailStream(w io.Writer, a *Answer, f *Failure) error
	// Whole writes a whole answer as the reply.
	Whole(w http.ResponseWriter, a *Answer)
	// Fail writes a failure as the reply.
	Fail(w http.ResponseWriter, f *Failure)
}

// Asked is a request as it came.
type Asked struct {
	Dialect string
	Body    []byte // as it was read; only its digest is kept
}

// Answer asks the question, and has d write the answer. Nothing is written before there
// is content or a failure, but for heartbeats: until then another provider may answer.
func (x *Exchange) Answer(w http.ResponseWriter, r *http.Request, in Asked, q *Question, d Answerer) {
	rp := &reply{x: x, w: w, events: eventWriter{to: w}, d: d, stream: q.Stream}
	ctx, run, err := x.Begin(r, in, q)
	if err != nil {
		rp.refuse(err)
		return
	}
	rp.run, rp.call = run, run.call
	if q.Stream {
		run.tell = rp.write
	}
	run.settle(ctx, rp.answers(ctx, q))
}

// reply is one answer on its way out.
type reply struct {
	x      *Exchange
	w      http.ResponseWriter
	events eventWriter // into w
	d      Answerer
	stream bool
	run    *Run
	call   *liveCall

	mu       sync.Mutex // of the writer, until there is content
	timer    *time.Timer
	open     bool  // the stream's header is written
	content  bool  // some of the answer has come
	unsent   bool  // something is written that was not sent
	told     bool  // it is told when that has to be sent, see waits
	lost     error // it could not be sent
	answer   Answer
	piece    provider.Chunk // that came last: one piece of memory for all of them
	text     strings.Builder
	thinking strings.Builder
}

// refuse writes a failure before any call.
func (rp *reply) refuse(err error) { rp.d.Fail(rp.w, rp.x.failureOf(err)) }

// answers asks, and writes what comes. Its error was written, unless the client has left.
func (rp *reply) answers(ctx context.Context, q *Question) error {
	rp.answer.Began = rp.call.Began
	if rp.stream {
		rp.startTimer()
		defer rp.close()
	}
	err := rp.ask(ctx, q)
	rp.stopTimer()
	if err == nil {
		return nil
	}
	if f := cancelled(ctx); f != nil {
		err = f
	} else if ctx.Err() != nil { // the client has left
		rp.run.update(func(c *Call) { c.State = Cancelled })
		return err
	}
	rp.fail(ctx, q, err)
	return err
}

// ask waits for its turn, and ranges over the answer.
func (rp *reply) ask(ctx context.Context, q *Question) error {
	if queue := rp.x.cfg.Queue; queue != nil && q.Ask == nil {
		rp.run.update(func(c *Call) { c.State = Queued })
		t := ticket(rp.run.stack, &q.Request, &rp.call.Call)
		t.Background = q.Background
		t.Position = func(n int) { rp.run.update(func(c *Call) { c.Position = n }) }
		release, err := queue.Enter(ctx, t)
		if err != nil {
			return err
		}
		defer release()
		rp.run.update(func(c *Call) { c.State, c.Position = Asking, 0 })
	}
	ctx = router.WithObserver(ctx, rp.observe)
	ctx, gaveUp := rp.impatient(ctx)
	defer gaveUp(nil)
	switch {
	case !rp.stream:
		ctx = stack.WithWhole(ctx)
	case q.Ask == nil: // between the calls of a chain there may be others
		ctx = stack.WithWaits(ctx, rp.waits)
	}
	for c, err := range rp.run.source(ctx) {
		if err != nil {
			if f := cancelled(ctx); f != nil {
				return f
			}
			return err
		}
		rp.piece = c
		if err := rp.chunk(&rp.piece); err != nil {
			return err
		}
	}
	return rp.finish()
}

// cancelled is why a call was ended from here; nil: it was not.
func cancelled(ctx context.Context) *Failure {
	var f *Failure
	if ctx.Err() != nil && errors.As(context.Cause(ctx), &f) {
		return f
	}
	return nil
}

// impatient is ctx for a request whose reply cannot say that it is alive: it is given
// up when a model is loaded for longer than the patience. The load continues.
func (rp *reply) impatient(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	began := time.Now()
	progress := func(text string) {
		rp.run.update(func(c *Call) { c.Waiting = text })
		if !rp.stream && time.Since(began) > rp.x.cfg.LoadPatience {
			cancel(&Failure{
				Status: http.StatusServiceUnavailable, Code: CodeLoading, Retry: true, RetryAfter: loadingRetry,
				Message: "the model is not ready: " + text + "; ask again in a few seconds, or ask for a stream, which waits",
			})
		}
	}
	return preload.WithProgress(ctx, progress), cancel
}

// ticket is the place in the queue of a call's request.
func ticket(s *stack.Stack, req *provider.Request, c *Call) Ticket {
	t := Ticket{Model: req.Model, Session: c.Session, Caller: c.Caller}
	if use := req.Use; len(use) > 0 {
		t.Provider = use[0]
	} else if use := s.Config().Use; len(use) > 0 {
		t.Provider = use[0]
	}
	return t
}

// observe follows the router: who is asked is who answers, once content comes.
func (rp *reply) observe(e router.Event) {
	rp.run.observe(e)
	if e.Type == router.Asking {
		rp.run.update(func(c *Call) { c.Provider, c.Model, c.Waiting = e.Provider, e.Model, "" })
	}
}

// currentLocked has the answer say what the call is now.
func (rp *reply) currentLocked() {
	rp.answer.Call = rp.run.Call()
	if rp.answer.Model = rp.answer.Call.Model; rp.answer.Model == "" {
		rp.answer.Model = rp.answer.Call.Asked
	}
}

// ErrBegunAnew is an answer that began again after some of it was sent.
var ErrBegunAnew = provider.Errorf(provider.Truncated, "", "", "the answer broke off, and began again; what was sent cannot be taken back")

// chunk takes a piece of the answer.
func (rp *reply) chunk(c *provider.Chunk) error {
	if c.Restart && rp.content && !c.Thought && rp.stream {
		return ErrBegunAnew
	}
	c.AppendTo(&rp.text, &rp.thinking)
	if c.Restart && !c.Thought {
		rp.answer.ToolCalls = nil
	}
	rp.answer.ToolCalls = append(rp.answer.ToolCalls, c.ToolCalls...)
	hasContent := c.Text != "" || c.Thinking != "" || len(c.ToolCalls) > 0
	first := hasContent && !rp.content
	if first {
		rp.stopTimer()
		rp.content = true
		rp.run.worked.Store(true)
		rp.run.update(func(c *Call) { c.State, c.Waiting, c.First = Answering, "", time.Since(c.Began) })
	}
	if c.Finish != "" {
		rp.answer.Finish, rp.answer.Usage, rp.answer.Route = c.Finish, c.Usage, c.Route
	}
	if !hasContent || !rp.stream {
		return nil
	}
	if c.Restart && c.Thought { // a tag that ends thinking came without its beginning: as the server sent it
		shown := *c
		shown.Text = "</think>\n\n" + c.Text
		c = &shown
	}
	return rp.goOn(c, first)
}

// finish writes the end of an answer.
func (rp *reply) finish() error {
	a := &rp.answer
	if a.Finish == "" {
		return provider.Errorf(provider.Truncated, rp.call.Provider, rp.call.Model, "the answer ended too early")
	}
	a.Text, a.Thinking = rp.text.String(), rp.thinking.String()
	rp.run.worked.Store(true)
	rp.run.update(func(c *Call) {
		c.State, c.Finish, c.Usage, c.Route, c.Status = Answered, a.Finish, a.Usage, a.Route, http.StatusOK
		if a.Route != nil {
			c.Provider, c.Model = a.Route.Provider, a.Route.Model
		}
	})
	if a.Route != nil {
		rp.x.extras.keep(rp.call.Caller, rp.call.Session, a.Route.Provider, a.ToolCalls)
	}
	if rp.stream {
		rp.stopTimer() // nothing comes behind the end
		return rp.write(func(w io.Writer) error { return rp.d.End(w, a) })
	}
	rp.headers()
	rp.d.Whole(rp.w, a)
	return nil
}

// fail writes how the answer failed, in the reply or in the stream.
func (rp *reply) fail(ctx context.Context, q *Question, err error) {
	f := rp.x.measured(ctx, q, rp.x.failureOf(err))
	if name, ok := q.Names[f.Param]; ok && f.Param != "" {
		own := *f
		own.Param = name
		f = &own
	}
	rp.run.update(func(c *Call) {
		c.fails(f)
	})
	rp.mu.Lock()
	open := rp.open
	rp.mu.Unlock()
	if open {
		_ = rp.write(func(w io.Writer) error { return rp.d.FailStream(w, &rp.answer, f) }) // nobody is left to be told
		return
	}
	rp.headers()
	rp.d.Fail(rp.w, f)
}
