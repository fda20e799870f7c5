package batchapi

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// insist does what a provider is asked, up to 8 times where another time may help.
func (w *worker) insist(ctx context.Context, what string, do func(try int) error) error {
	pause := w.pause
	defer func() { w.pause = pause }()
	for try := 0; ; try++ {
		err := do(try)
		if err == nil || ctx.Err() != nil || try == 7 || !mayPass(err) {
			return err
		}
		w.say("could not %s (%v); trying again", what, err)
		w.rest(ctx, retryAfter(err))
	}
}

// mayPass reports whether the same call may succeed later.
func mayPass(err error) bool {
	var e *provider.Error
	if !errors.As(err, &e) || e.Final {
		return false
	}
	switch e.Kind {
	case provider.Unavailable, provider.RateLimited, provider.Timeout, provider.Truncated, provider.BadAnswer:
		return true
	}
	return false
}

func retryAfter(err error) time.Duration {
	var e *provider.Error
	if errors.As(err, &e) {
		return e.RetryAfter
	}
	return 0
}

// rest waits before the provider is asked again, as long as it asked for at least.
func (w *worker) rest(ctx context.Context, atLeast time.Duration) {
	d := w.pause + rand.N(w.pause/4) //nolint:gosec // it only spreads calls
	w.pause = min(w.pause*3/2, mostPause)
	w.Wait(ctx, max(d, atLeast))
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// How long is waited between two looks at the parts: longer as long as nothing changes.
const (
	firstPause = 2 * time.Second
	mostPause  = time.Minute
)
