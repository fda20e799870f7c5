package stack

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// loads are the loads of models that are under way: one for each model,
// whoever waits for it. None ends with the caller who began it. The zero loads
// is usable.
type loads struct {
	mu     sync.Mutex
	under  map[loadKey]*loading
	broken map[loadKey]broken
	wg     sync.WaitGroup
}

type loadKey struct{ provider, model string }

// broken is how a load failed, and when.
type broken struct {
	err error
	at  time.Time
}

// brokenFresh is how long a failed load is not tried again unasked.
const brokenFresh = time.Minute

// loading is one model on its way into memory.
type loading struct {
	key    loadKey
	window int
	begun  time.Time
	cancel context.CancelFunc
	done   chan struct{} // closed at its end
	err    error         // after done
}

// start begins a load by f, which has at most limit, or joins the one that is
// under way.
func (l *loads) start(key loadKey, window int, limit time.Duration, f func(context.Context) error) *loading {
	l.mu.Lock()
	defer l.mu.Unlock()
	if one := l.under[key]; one != nil {
		return one
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	one := &loading{key: key, window: window, begun: time.Now(), cancel: cancel, done: make(chan struct{})}
	if l.under == nil {
		l.under, l.broken = map[loadKey]*loading{}, map[loadKey]broken{}
	}
	l.under[key] = one
	l.wg.Go(func() {
		defer cancel()
		err := f(ctx)
		l.mu.Lock()
		one.err = err
		delete(l.under, key)
		delete(l.broken, key)
		if err != nil {
			l.broken[key] = broken{err, time.Now()}
		}
		l.mu.Unlock()
		close(one.done)
	})
	return one
}

// find returns the load of key that is under way, or nil.
func (l *loads) find(key loadKey) *loading {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.under[key]
}

// failed returns why the last load of key failed, if that was just now.
func (l *loads) failed(key loadKey) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b := l.broken[key]; b.err != nil && time.Since(b.at) < brokenFresh {
		return b.err
	}
	return nil
}

// all are the loads under way.
func (l *loads) all() []*loading {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []*loading
	for _, one := range l.under {
		list = append(list, one)
	}
	return list
}

// close gives each load under way to handOver, ends it here, and returns when
// nothing of it is left.
func (l *loads) close(handOver func(*loading)) {
	for _, one := range l.all() {
		if handOver != nil {
			handOver(one)
		}
		one.cancel()
	}
	l.wg.Wait()
}

// How often a wait is told: first only when it is long enough to be noticed.
const (
	firstWord = 700 * time.Millisecond
	nextWord  = 5 * time.Second
)

// wait waits for the load's end, and tells progress (unless nil) of it. When
// ctx ends first, its error is returned and the load goes on.
func (l *loading) wait(ctx context.Context, progress func(string)) error {
	said := false
	say := func(format string, args ...any) {
		if said = true; progress != nil {
			progress(fmt.Sprintf(format, args...))
		}
	}
	timer := time.NewTimer(firstWord)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.done:
			if said && l.err == nil {
				say("%s is in memory after %s", l.key.model, time.Since(l.begun).Round(100*time.Millisecond))
			}
			if errors.Is(l.err, context.Canceled) {
				return provider.Errorf(provider.Unavailable, l.key.provider, l.key.model, "it was no longer waited for while it was loaded into memory")
			}
			return l.err
		case <-timer.C:
			if timer.Reset(nextWord); said {
				say("loading %s into memory … %s", l.key.model, time.Since(l.begun).Round(time.Second))
			} else {
				say("loading %s into memory …", l.key.model)
			}
		}
	}
}
