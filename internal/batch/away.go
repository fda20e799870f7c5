package batch

import (
	"context"
	"errors"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// Where no server is reached, nothing is started for leastPause, and twice as long each
// time after that; then it is looked whether one is there, and one item is asked.
const (
	leastPause = 500 * time.Millisecond
	mostPause  = 30 * time.Second
	// mostMissed is how often in a row no server may be met before one was.
	mostMissed = 6
	// longestPause bounds what a server may ask for.
	longestPause = 10 * time.Minute
)

// wait has nothing started for a while, and then one item at a time until one meets a
// server. The caller holds mu.
func (w *worker) wait(ctx context.Context, why error, names []string) {
	if w.stopped {
		return
	}
	if w.away == nil && w.options.Away != nil {
		w.options.Away(why)
	}
	if w.away = why; w.paused {
		return
	}
	w.paused = true
	w.running.Go(func() {
		for {
			if !w.sleep(why) {
				return
			}
			if w.there(names) {
				break
			}
			w.mu.Lock()
			w.miss(why)
			w.mu.Unlock()
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.paused, w.seen = false, w.options.There != nil
		w.start(ctx)
		w.changed.Broadcast()
	})
}

// miss counts that no server was met. The caller holds mu.
func (w *worker) miss(why error) {
	w.missed++
	if w.missed >= mostMissed && len(w.answered) == 0 && !w.options.Waits {
		w.stopWith(why)
		w.changed.Broadcast()
	}
}

// sleep waits for the next pause, and reports whether it came to its end.
func (w *worker) sleep(why error) bool {
	w.mu.Lock()
	w.pause = min(max(2*w.pause, leastPause), mostPause)
	pause := w.pause
	w.mu.Unlock()
	if e := (*provider.Error)(nil); errors.As(why, &e) {
		pause = max(pause, min(e.RetryAfter, longestPause))
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-w.over:
		return false
	}
}

// reached says that a server is there. The caller holds mu.
func (w *worker) reached() {
	w.missed, w.pause = 0, 0
	if w.away == nil {
		return
	}
	w.away, w.seen = nil, false
	if w.options.Away != nil {
		w.options.Away(nil)
	}
}

// mayStart reports whether one more item may be started. The caller holds mu.
func (w *worker) mayStart() bool {
	switch {
	case len(w.ready) == 0, w.stopped, w.held, w.paused:
		return false
	case w.away != nil:
		return w.active == 0
	}
	most := min(w.limit(), w.atOnce)
	return w.active < most && w.active+len(w.ended)+w.keeping < askedShare*most
}
