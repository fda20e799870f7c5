package batches

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"time"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/openai"
	"github.com/tandem-llm/tandem/internal/pace"
	"github.com/tandem-llm/tandem/internal/priority"
	"github.com/tandem-llm/tandem/internal/requests"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/provider"
)

const (
	// lookEvery is how often it is looked whether another process has cancelled a batch.
	lookEvery = time.Second
	// giveUpAfter is how many rows in a row may fail for a reason that is the provider's
	// before the others wait.
	giveUpAfter = 25
	// graceTime is how long requests that are being answered have when their batch has
	// been cancelled, or its time is over: an engine that hangs ends no call by itself.
	graceTime = 10 * time.Minute
	// mostIdle is how often rows are asked again that failed for a reason that is the
	// provider's, where no row is answered between: fewer than giveUpAfter may be at fault.
	mostIdle = 8
)

// passing are the kinds of errors that pass with time. A provider that is away is waited
// for before a row fails.
func passing() []string {
	return []string{string(provider.RateLimited), string(provider.QuotaExhausted), string(provider.OutOfMemory)}
}

// answer answers rows until none is left, or the batch is stopped: it says which.
func (s *Service) answer(ctx context.Context, j *job, f *batch.File, r *record) (end string, err error) {
	over := make(chan struct{})
	watched := make(chan struct{})
	var waits priority.Waits // as they were stored last
	go func() {
		defer close(watched)
		s.watch(ctx, j, f, r, &waits, over)
	}()
	defer func() {
		close(over)
		<-watched
		err = errors.Join(err, j.storeWaits(ctx, f, &waits))
	}()
	if end := s.turn(ctx, j); end != "" {
		return end, nil
	}
	defer s.leaveSlot(j)
	switch cancelled, err := f.Cancelled(ctx); {
	case err != nil:
		return "", err
	case cancelled:
		return endCancelled, nil
	case r.Expires <= s.now().Unix():
		return endExpired, nil
	}
	if err := store.New(s.cfg.Dir).SettleLost(ctx, j.id); err != nil {
		return "", err
	}
	return s.work(ctx, j, f, r)
}

// watch stops the batch when its time is over, or when another process has cancelled it.
func (s *Service) watch(ctx context.Context, j *job, f *batch.File, r *record, waits *priority.Waits, over <-chan struct{}) {
	expires := time.NewTimer(time.Unix(r.Expires, 0).Sub(s.now()))
	defer expires.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		if is, err := f.Cancelled(ctx); err == nil && is {
			j.halt(endCancelled)
			return
		}
		if err := j.storeWaits(ctx, f, waits); err != nil {
			s.warn(err.Error()) // it is stored again at the end
		}
		select {
		case <-over:
			return
		case <-expires.C:
			j.halt(endExpired)
			return
		case <-look.C:
		}
	}
}

// work asks the rows. Where the provider is away, or the budget used up, it waits and asks
// again.
func (s *Service) work(ctx context.Context, j *job, f *batch.File, r *record) (end string, err error) {
	s.mu.Lock()
	j.began = time.Now()
	s.mu.Unlock()
	asking, interrupt := context.WithCancel(ctx)
	defer interrupt()
	defer s.wait(j, "")
	late, tooLate := context.WithCancel(ctx)
	defer tooLate()
	defer s.after(j, tooLate)()
	targets := s.targets(ctx, r)
	s.bound(ctx, targets)
	working := priority.Batch(asking, priority.Options{Over: j.stop, Meter: &j.meter, Queued: true})
	working = store.WithRun(working, store.Run{ID: j.id, Began: time.Now(), Command: "serve", Chain: f.Spec().Input.File})
	o := batch.Options{
		Concurrency: s.rowsAtOnce(), Turn: s.turns(targets), Stop: j.stop, Resumable: true, GiveUp: giveUpAfter, Kept: func(out []batch.Outcome) { s.keep(j, r, out) },
		Waits: true, There: s.answers, Away: func(why error) { s.away(j, why) },
	}
	done := -1 // rows, when one was answered last
	for rest, idle := leastRest, 0; ; rest = min(2*rest, mostRest) {
		err := batch.Work(working, f, s.rowRun(late, j, r, interrupt), o)
		var many *batch.TooManyError
		switch errors.As(err, &many); {
		case asking.Err() != nil:
			return endStopping, nil
		case err == nil, many != nil:
			st, err := f.Status(ctx)
			if err != nil {
				return "", err
			}
			if st.Done > done {
				rest, idle, done = leastRest, 0, st.Done
			}
			again, err := s.retry(ctx, j, f, &st, many, idle)
			switch {
			case err != nil:
				return "", err
			case again == 0 && many == nil:
				return j.ended(), nil
			case again == 0: // those do not pass with time, and the others may
				continue
			}
			idle++
			s.pause(j, "the provider refuses")
		case provider.KindOf(err) == provider.OverBudget:
			s.pause(j, "the budget is used up")
		default:
			return "", err
		}
		if !s.rest(j, rest) {
			return j.ended(), nil
		}
		s.resume(j)
	}
}

// retry has the rows asked again that failed for a reason that may pass, and returns how
// many those are. many says that they are many in a row.
func (s *Service) retry(ctx context.Context, j *job, f *batch.File, st *batch.Status, many *batch.TooManyError, idle int) (int64, error) {
	kinds := passing()
	switch {
	case j.halted(), many == nil && idle == mostIdle:
		return 0, nil
	case many != nil, st.Done == 0:
		kinds = append(kinds, string(provider.Unavailable))
	}
	again, err := f.Retry(ctx, kinds...)
	s.mu.Lock()
	defer s.mu.Unlock()
	j.kept = max(j.kept-int(again), 0)
	return again, err
}

// away tells that a batch waits for its provider, or no more.
func (s *Service) away(j *job, why error) {
	if why == nil {
		s.resume(j)
		return
	}
	s.pause(j, "the provider does not answer")
}

// ended is what a batch whose rows no longer run has ended with.
func (j *job) ended() string {
	if j.halted() {
		return j.why
	}
	return endCompleted
}

// halted reports whether no more rows start.
func (j *job) halted() bool {
	select {
	case <-j.stop:
		return true
	default:
		return false
	}
}

// keep counts rows that have ended.
func (s *Service) keep(j *job, r *record, outcomes []batch.Outcome) {
	ended := 0
	for i := range outcomes {
		if fate := outcomes[i].Fate; fate == batch.Done || fate == batch.Failed {
			ended++
			s.cfg.Exchange.CountEnded(callOf(r, &outcomes[i]))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	j.kept += ended
}

// dialect is that of the calls of batches, among those of the gateway.
const dialect = "batch"

// callOf is a row that has ended as a call.
func callOf(r *record, out *batch.Outcome) *exchange.Call {
	c := &exchange.Call{
		Dialect: dialect, Operation: exchange.Chat, Path: r.Endpoint, Caller: r.Caller, Began: time.Now().Add(-out.Took), Took: out.Took, State: exchange.Answered,
		Provider: out.Tally.Provider, Model: out.Tally.Model, Finish: out.Finish, Usage: out.Usage, Route: out.Route,
	}
	if t := &out.Tally; t.Provider != "" {
		c.Spent = []exchange.Spent{{Provider: t.Provider, Model: t.Model, USD: t.USD, Saved: t.Saved, Unpriced: t.Unpriced, InputTokens: t.Input, OutputTokens: t.Output}}
	}
	if r.Endpoint == openai.EmbeddingPath {
		c.Operation = exchange.Embed
	}
	if e := out.Error; e != nil {
		c.State, c.Code = exchange.Failed, e.Kind
	}
	return c
}

// after does something when a batch has been stopped for [graceTime], unless the function
// that it returns is called before.
func (s *Service) after(j *job, do func()) (never func()) {
	over, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		select {
		case <-j.stop:
		case <-over:
			return
		}
		timer := time.NewTimer(s.grace)
		defer timer.Stop()
		select {
		case <-timer.C:
			do()
		case <-over:
		}
	}()
	return func() {
		close(over)
		<-gone
	}
}

// rowRun answers a row on behalf of the batch's key. A row that meets the end of the
// process comes again; one that is still being answered when late ends fails.
func (s *Service) rowRun(late context.Context, j *job, r *record, interrupt func()) batch.Run {
	headers := http.Header(r.Headers)
	a := &requests.Answerer{
		Batch: j.id, Provider: &paced{s.cfg.Exchange.Background(), s}, Embedder: s.cfg.Exchange.Embedder(), Shown: s.shown,
		Prepare: func(ctx context.Context, q *exchange.Question) error {
			return s.cfg.Exchange.Prepare(ctx, headers, q)
		},
	}
	return func(ctx context.Context, item batch.Item) batch.Reply {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(late, cancel)()
		ctx, err := s.whenRead(ctx, r)
		if err != nil {
			return a.Refuse(item, &exchange.Failure{Status: http.StatusUnauthorized, Code: "invalid_key", Message: err.Error(), Err: err})
		}
		reply := a.Answer(store.WithRow(exchange.WithCache(ctx, headers), item.Row), item)
		var f *exchange.Failure
		if errors.As(reply.Err, &f) && f.Code == exchange.CodeStopping {
			interrupt()
			reply.Err = context.Canceled
		}
		if errors.Is(reply.Err, context.Canceled) && late.Err() != nil && s.ctx.Err() == nil && j.why != endStopping {
			cut := a.Refuse(item, &exchange.Failure{Status: http.StatusGatewayTimeout, Code: "batch_" + j.why, Message: "the answer was not complete when the batch ended"})
			cut.Tally = reply.Tally
			return cut
		}
		return reply
	}
}

// whenRead is onBehalf, which waits while the keys cannot be read. No row fails for that.
func (s *Service) whenRead(ctx context.Context, r *record) (context.Context, error) {
	for {
		own, err := s.onBehalf(ctx, r)
		if !errors.Is(err, ErrKeys) {
			return own, err
		}
		select {
		case <-time.After(lookEvery):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// shown is an error as it is told to clients.
func (s *Service) shown(err error) *runner.Error {
	e := runner.NewError(err)
	if e == nil {
		return nil
	}
	if s.cfg.Explain != nil {
		e.Message = s.cfg.Explain(err)
	}
	e.Message = s.cfg.Exchange.Stack().Redact(e.Message)
	return e
}

// paced finds out how many questions each provider answers at a time, for all batches.
type paced struct {
	provider.Provider
	s *Service
}

var _ provider.Wrapper = (*paced)(nil)

// Unwrap returns the provider that is asked.
func (p *paced) Unwrap() provider.Provider { return p.Provider }

// Chat asks when the provider has room.
func (p *paced) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	name := ""
	if len(req.Use) > 0 {
		name = req.Use[0]
	}
	return pace.Around(p.Provider, p.s.limiter(name)).Chat(ctx, req)
}

// rowsAtOnce is how many rows of a batch run at a time.
func (s *Service) rowsAtOnce() func() int {
	return func() int {
		first := ""
		if use := s.cfg.Exchange.Stack().Config().Use; len(use) > 0 {
			first = use[0]
		}
		return s.pace.Rows(first)
	}
}
