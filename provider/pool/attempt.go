package pool

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// attempt is one call of a host.
type attempt struct {
	call   *call
	host   *host
	ctx    context.Context
	caller context.Context
	stop   context.CancelCauseFunc
	began  time.Time
	probe  bool // of the host's breaker, which has yet to be told
	whole  bool // all of its answer has come
	state  atomic.Int32
	// reason is why it was given back. It is set before the state says so.
	reason atomic.Pointer[provider.Error]
	heard  atomic.Int64 // when the last piece came, in Unix nanoseconds
}

// The states of an attempt.
const (
	silent int32 = iota // nothing was shown
	shown               // the reader has a part of the answer
	given               // back, for another host to take
)

// begin notes a call of a host.
func (c *call) begin(ctx context.Context, h *host, probe bool) *attempt {
	a := &attempt{call: c, host: h, caller: ctx, began: time.Now(), probe: probe}
	a.ctx, a.stop = context.WithCancelCause(ctx)
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	h.attempts[a] = struct{}{}
	return a
}

// hear notes that a piece of the answer came.
func (a *attempt) hear() {
	now := time.Now().UnixNano()
	a.heard.Store(now)
	a.host.heard.Store(now)
}

// show reports whether the answer may be shown: it may not once it was given back.
func (a *attempt) show() bool {
	if a.state.CompareAndSwap(silent, shown) {
		a.host.breaker.RecordSuccess(time.Now(), a.probe)
		a.probe = false
	}
	return a.state.Load() == shown
}

// giveBack ends the call, unless something of its answer was shown.
func (a *attempt) giveBack(why string) {
	a.end(a.lost(provider.Unavailable, "%s, so another host was asked", why))
}

// breakOff ends a call whose host is down for good: its answer has broken off, or has
// never begun.
func (a *attempt) breakOff(why string) {
	if !a.end(a.lost(provider.Unavailable, "no answer came: %s", why)) {
		a.stop(a.lost(provider.Truncated, "the answer broke off: %s", why))
	}
}

// end ends the call with that error, unless something of its answer was shown or it was
// ended before.
func (a *attempt) end(e *provider.Error) bool {
	a.reason.CompareAndSwap(nil, e)
	if !a.state.CompareAndSwap(silent, given) {
		return a.state.Load() == given
	}
	a.stop(e)
	return true
}

func (a *attempt) lost(kind provider.Kind, format string, args ...any) *provider.Error {
	e := provider.Errorf(kind, a.call.p.cfg.Name, a.call.model, format, args...)
	e.Sent = true
	return e
}

// why is the error of a call that failed with err: the caller's own, the pool's reason
// for ending it, or the host's.
func (a *attempt) why(err error) error {
	if a.caller.Err() != nil {
		return a.caller.Err()
	}
	if a.state.Load() == given { // which it knows before its context has ended
		return a.reason.Load()
	}
	if e := (*provider.Error)(nil); errors.As(context.Cause(a.ctx), &e) {
		return e
	}
	return err
}
