package batches

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"time"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
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
)

// mended are the kinds of errors that pass with time.
func mended() []string {
	return []string{string(provider.Unavailable), string(provider.RateLimited), string(provider.QuotaExhausted), string(provider.OutOfMemory)}
}

// answer answers rows until none is left, or the batch is stopped: it says which.
func (s *Service) answer(ctx context.Context, j *job, f *batch.File, r *record) (end string, err error) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		s.wait(j, "other batches run")
		end := s.turn(ctx, j, r)
		if end != "" {
			return end, nil
		}
		defer func() { <-s.slots }()
	}
	s.wait(j, "")
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
	return s.work(ctx, j, f, r)
}

// turn waits until the batch may run. It is what has ended the batch before, or "".
func (s *Service) turn(ctx context.Context, j *job, r *record) (end string) {
	timer := time.NewTimer(time.Unix(r.Expires, 0).Sub(s.now()))
	defer timer.Stop()
	select {
	case s.slots <- struct{}{}:
		return ""
	case <-j.stop:
		return j.why
	case <-timer.C:
		return endExpired
	case <-ctx.Done():
		return endStopping
	}
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

// work asks the rows. Where the provider is gone, or the budget used up, it waits and asks
// again.
func (s *Service) work(ctx context.Context, j *job, f *batch.File, r *record) (end string, err error) {
	s.mu.Lock()
	j.began = time.Now()
	s.mu.Unlock()
	asking, interrupt := context.WithCancel(ctx)
	defer interrupt()
	targets := s.targets(ctx, r)
	s.bound(ctx, targets)
	working := priority.Batch(asking, priority.Options{Over: j.stop, Meter: &j.meter, Queued: true})
	working = store.WithRun(working, store.Run{ID: j.id, Began: time.Now(), Command: "serve", Chain: f.Spec().Input.File})
	o := batch.Options{Concurrency: s.rowsAtOnce(), Turn: s.turns(targets), Stop: j.stop, Resumable: true, GiveUp: giveUpAfter, Kept: func(out []batch.Outcome) { s.keep(j, out) }}
	for rest := leastRest; ; rest = min(2*rest, mostRest) {
		err := batch.Work(working, f, s.rowRun(j, r, interrupt), o)
		var many *batch.TooManyError
		switch {
		case asking.Err() != nil:
			return endStopping, nil
		case err == nil:
			return j.ended(), nil
		case errors.As(err, &many):
			kind := provider.KindOf(many.Last)
			again, err := f.Retry(ctx, mended()...)
			if err != nil {
				return "", err
			}
			if again == 0 { // those do not pass with time, and the others may
				continue
			}
			s.wait(j, "the provider does not answer ("+string(kind)+")")
		case provider.KindOf(err) == provider.OverBudget:
			s.wait(j, "the budget is used up")
		default:
			return "", err
		}
		if !s.rest(j, rest) {
			return j.ended(), nil
		}
		s.wait(j, "")
	}
}

// ended is what a batch whose rows no longer run has ended with.
func (j *job) ended() string {
	select {
	case <-j.stop:
		return j.why
	default:
		return endCompleted
	}
}

func (s *Service) keep(j *job, outcomes []batch.Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range outcomes {
		if fate := outcomes[i].Fate; fate == batch.Done || fate == batch.Failed {
			j.kept++
		}
	}
}

// rowRun answers a row on behalf of the batch's key. A row that meets the end of the
// process comes again.
func (s *Service) rowRun(j *job, r *record, interrupt func()) batch.Run {
	headers := http.Header(r.Headers)
	a := &requests.Answerer{
		Batch: j.id, Provider: &paced{s.cfg.Exchange.Background(), s}, Embedder: s.cfg.Exchange.Embedder(), Shown: s.shown,
		Prepare: func(ctx context.Context, q *exchange.Question) error {
			return s.cfg.Exchange.Prepare(ctx, headers, q)
		},
	}
	return func(ctx context.Context, item batch.Item) batch.Reply {
		ctx, err := s.whenRead(ctx, r)
		if err != nil {
			return a.Refuse(item, &exchange.Failure{Status: http.StatusUnauthorized, Code: "invalid_key", Message: err.Error(), Err: err})
		}
		reply := a.Answer(exchange.WithCache(ctx, headers), item)
		var f *exchange.Failure
		if errors.As(reply.Err, &f) && f.Code == exchange.CodeStopping {
			interrupt()
			reply.Err = context.Canceled
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
