package batch

import (
	"context"
	"errors"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// maxTries is how often an item is asked that is refused for its rate, or reaches no
// server.
const maxTries = 5

// Where no server is reached, nothing is started for leastPause, and twice as long
// each time after that.
const (
	leastPause = 500 * time.Millisecond
	mostPause  = 8 * time.Second
)

// judge decides what becomes of an item, and of those after it.
func (w *worker) judge(ctx context.Context, out *Outcome) Fate {
	kind := provider.KindOf(out.Err)
	switch {
	case out.Err == nil:
		w.inARow, w.pause = 0, 0
		return Done
	case ctx.Err() != nil && errors.Is(out.Err, ctx.Err()):
		if w.options.Resumable {
			return Again
		}
		return Failed
	case kind == provider.OverBudget && w.options.Resumable:
		if w.active > 0 {
			w.held = true // what they have reserved may be more than they come to
		} else {
			w.stopWith(out.Err)
		}
		return Unasked
	case kind == provider.RateLimited && w.options.Resumable && out.Attempt < maxTries:
		return Again
	case unreached(out.Err) && w.options.Resumable && out.Attempt < maxTries && w.inARow == 0:
		w.wait(ctx)
		return Again
	}
	w.failed++
	w.inARow++
	if !shared(kind) {
		w.inARow = 0
	}
	if most := w.options.MaxErrors; most > 0 && w.failed > most {
		w.stopWith(&TooManyError{Failed: w.failed, Limit: most})
	}
	if most := w.options.GiveUp; most > 0 && w.inARow >= most {
		w.stopWith(&TooManyError{Failed: w.inARow, Last: out.Err})
	}
	return Failed
}

// unreached reports whether an error is that no server was there.
func unreached(err error) bool {
	var e *provider.Error
	return errors.As(err, &e) && e.Kind == provider.Unavailable && e.Status == 0 && !e.Final
}

// wait has nothing started for a while. The caller holds mu.
func (w *worker) wait(ctx context.Context) {
	if w.paused != nil {
		return
	}
	w.pause = min(max(2*w.pause, leastPause), mostPause)
	w.paused = time.AfterFunc(w.pause, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.paused = nil
		w.start(ctx)
		w.changed.Broadcast()
	})
}

// shared reports whether an error is likely to meet every other item, too.
func shared(kind provider.Kind) bool {
	switch kind {
	case provider.Unavailable, provider.RateLimited, provider.QuotaExhausted, provider.Denied, provider.ModelNotFound,
		provider.OutOfMemory, provider.Timeout, provider.Offline, provider.OverBudget, provider.Private:
		return true
	}
	return false
}
