package batches

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/priority"
	"github.com/tandem-llm/tandem/internal/requests"
	"github.com/tandem-llm/tandem/internal/store"
)

// job is a batch that this process works for.
type job struct {
	id     string // of its queue
	caller string
	stop   chan struct{} // closed: no more rows start
	once   sync.Once
	why    string // it was closed
	meter  priority.Meter

	// Below, what the service's lock guards.
	cancelling int64
	waiting    string // what for; "": it does not wait
	slot       bool   // it has a place among those that run
	began      time.Time
	kept       int // rows that have ended since
}

// halt has no more rows started. The first reason counts.
func (j *job) halt(why string) {
	j.once.Do(func() {
		j.why = why
		close(j.stop)
	})
}

// start stores a new batch, and has it run. It returns the id of its queue.
func (s *Service) start(ctx context.Context, in wanted) (id string, err error) {
	now := s.now()
	in.Expires = now.Add(in.window).Unix()
	from, err := s.files.get(in.Caller, in.File)
	if err != nil {
		return "", err
	}
	spec := batch.Spec{
		ID: store.NewID(), Kind: requests.Kind, Owner: batch.OwnerServe, Created: now, Tandem: s.cfg.Version,
		Input: batch.Source{File: from.Name, Size: from.Bytes}, Columns: requests.Columns(), Variants: 1, Repeats: 1,
	}
	if spec, err = in.in(spec); err != nil {
		return "", err
	}
	j, err := s.enter(spec.ID, in.Caller, mostOpen)
	if err != nil {
		return "", err
	}
	f, err := batch.Create(ctx, s.cfg.Dir, spec)
	if err != nil {
		s.leave(j)
		return "", err
	}
	s.begin(j, f)
	return spec.ID, nil
}

// enter makes a job of a batch, which [Service.leave] ends, unless so many batches wait or
// run already. Errors: a failure.
func (s *Service) enter(id, caller string, most int) (*job, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, &exchange.Failure{Status: http.StatusServiceUnavailable, Code: exchange.CodeStopping, Retry: true, RetryAfter: 5 * time.Second, Message: "this gateway is shutting down; ask again in a few seconds"}
	case len(s.live) >= most:
		return nil, &exchange.Failure{Status: http.StatusTooManyRequests, Code: exchange.CodeBusy, Retry: true, RetryAfter: time.Minute, Message: fmt.Sprintf("%d batches wait or run here, and that is the most; start this one when some have ended", most)}
	}
	j := &job{id: id, caller: caller, stop: make(chan struct{})}
	s.live[id] = j
	s.running.Add(1)
	return j, nil
}

// begin has a batch run, whose file is open, or opened when its turn comes.
func (s *Service) begin(j *job, f *batch.File) {
	go func() {
		defer s.leave(j)
		s.run(j, f)
	}()
}

func (s *Service) leave(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.live, j.id)
	s.running.Done()
	if s.closed && len(s.live) == 0 {
		s.cancel()
	}
}

// wait tells what a batch waits for.
func (s *Service) wait(j *job, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j.waiting = text
}

// errRemoved is that somebody has removed a batch.
var errRemoved = errors.New("the batch was removed")

const leastRest, mostRest = 5 * time.Second, 5 * time.Minute

// run works for a batch until it has come to its end, or the service stops. What cannot
// be read or written, as on a full disk, is tried again.
func (s *Service) run(j *job, f *batch.File) {
	for rest := leastRest; ; rest = min(2*rest, mostRest) {
		err := s.attempt(j, f)
		f = nil
		switch held := (*batch.HeldError)(nil); {
		case err == nil, errors.Is(err, errRemoved), s.stopping():
			return
		case errors.As(err, &held): // another process has it now, and may end before the batch does
			s.wait(j, "another process runs it")
		default:
			s.wait(j, "what it stores cannot be read or written")
			s.warn(fmt.Sprintf("the batch %s%s cannot continue: %v; trying again", batchPrefix, j.id, err))
		}
		select {
		case <-time.After(rest):
		case <-s.stopped:
			return
		}
	}
}

func (s *Service) stopping() bool {
	select {
	case <-s.stopped:
		return true
	default:
		return false
	}
}

// rest waits. It is false where the batch was stopped meanwhile.
func (s *Service) rest(j *job, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-j.stop:
		return false
	case <-s.ctx.Done():
		return false
	}
}

// attempt does what is left of a batch. nil: that is all, or the service stops.
func (s *Service) attempt(j *job, f *batch.File) (err error) {
	ctx := s.ctx
	resumed := f == nil
	if resumed {
		if f, err = batch.Open(ctx, s.cfg.Dir, j.id); errors.Is(err, fs.ErrNotExist) {
			return errRemoved
		}
		if err != nil {
			return err
		}
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	spec := f.Spec()
	r, err := recordOf(&spec)
	if err != nil {
		return err
	}
	st, err := f.Status(ctx)
	if err != nil {
		return err
	}
	if st.Over && r.ended() > 0 {
		return nil
	}
	if resumed && st.State != batch.Reading {
		s.say(fmt.Sprintf("continuing the batch %s%s: %d of %d requests are done", batchPrefix, j.id, st.Done+st.Failed, st.Total))
	}
	if r.ended() == 0 && st.State == batch.Reading {
		if err := s.validate(ctx, f, &r); err != nil {
			return err
		}
	}
	if r.ended() == 0 && r.End == "" {
		if r.End, err = s.answer(ctx, j, f, &r); err != nil || r.End == endStopping {
			return err
		}
		if err := s.close(ctx, j, f, &r); err != nil {
			return err
		}
	}
	if r.ended() == 0 {
		if err := s.finalize(ctx, f, &r); err != nil {
			return err
		}
	}
	if err := f.Finish(ctx); err != nil {
		return err
	}
	s.say(s.outcome(ctx, f, &r))
	return nil
}

// outcome says what a batch has come to.
func (s *Service) outcome(ctx context.Context, f *batch.File, r *record) string {
	st, err := f.Status(ctx)
	k := known{*r, st}
	text := fmt.Sprintf("the batch %s%s is %s", batchPrefix, f.Spec().ID, k.status())
	if err == nil && st.Total > 0 {
		text += fmt.Sprintf(": %d of %d requests answered, %d failed", st.Done, st.Total, st.Failed)
	}
	return text
}
