package exchange

import "context"

// Whoever asks sees and cancels its own calls, and nobody else's. The methods of
// [Register] that name no caller are for the program itself.

// Sees reports whether c may see and cancel a call: it made it, it is an operator, or no
// key exists, so that everybody on this machine is the same caller.
func (c Caller) Sees(call *Call) bool {
	return c.SeesAll() || call.Caller == c.Name
}

// SeesAll reports whether c may see the calls of everybody.
func (c Caller) SeesAll() bool { return c.Name == "" || c.Operator }

// LiveFor are the calls in flight that the caller of ctx may see, the oldest first.
func (x *Exchange) LiveFor(ctx context.Context) []Call { return x.visible(ctx, x.Live()) }

// RecentFor are the last n calls that ended of those that the caller of ctx may see, the
// newest first.
func (x *Exchange) RecentFor(ctx context.Context, n int) []Call {
	calls := x.visible(ctx, x.Recent(kept))
	return calls[:min(n, len(calls))]
}

// LookupFor is the call of that id, if the caller of ctx may see it.
func (x *Exchange) LookupFor(ctx context.Context, id string) (Call, bool) {
	c, ok := x.Lookup(id)
	if !ok || !x.caller(ctx).Sees(&c) {
		return Call{}, false
	}
	return c, true
}

// CancelFor ends a call in flight. It reports whether there was one of that id that the
// caller of ctx may cancel.
func (x *Exchange) CancelFor(ctx context.Context, id string) bool {
	_, ok := x.LookupFor(ctx, id)
	return ok && x.cancel(id)
}

// CountsFor are the sums since the start over the calls that the caller of ctx may see.
func (x *Exchange) CountsFor(ctx context.Context) Counts {
	c := x.caller(ctx)
	if c.SeesAll() {
		return x.Counts()
	}
	return x.countsOf(c.Name)
}

func (x *Exchange) visible(ctx context.Context, calls []Call) []Call {
	c, out := x.caller(ctx), []Call{}
	for i := range calls {
		if c.Sees(&calls[i]) {
			out = append(out, calls[i])
		}
	}
	return out
}
