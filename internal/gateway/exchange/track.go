package exchange

import (
	"context"
	"net/http"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// Limits are what the caller's key and the headers of a request forbid, for a run that
// the exchange does not answer itself: the only providers (nil: any), and the privacy.
func (x *Exchange) Limits(r *http.Request) (only []string, privacy provider.Privacy, err error) {
	if x.Closing() {
		return nil, "", errStopping
	}
	q := &Question{}
	if err := x.tighten(r, x.cfg.Stack(), q); err != nil {
		return nil, "", err
	}
	defaults(x.cfg.Stack(), &q.Request)
	return q.Only, q.Request.Privacy, nil
}

// Defaults is a request with what the configuration says where a client says nothing.
func (x *Exchange) Defaults() (req provider.Request) {
	defaults(x.cfg.Stack(), &req)
	return req
}

// Track has a run that the exchange does not answer itself among its calls. The context
// ends when the call is cancelled; done has to be called at the run's end.
func (x *Exchange) Track(r *http.Request, in Asked, asked string) (ctx context.Context, id string, done func(*provider.Route, *provider.Usage, error)) {
	ctx, cancel := context.WithCancelCause(r.Context())
	call := &liveCall{cancel: cancel, Call: Call{
		ID: newID(), Dialect: in.Dialect, Path: r.URL.Path, Asked: asked, Caller: x.caller(ctx).Name, Began: time.Now(), State: Answering, Stream: true,
	}}
	x.begin(call)
	return ctx, call.ID, func(route *provider.Route, usage *provider.Usage, err error) {
		x.update(call, func(c *Call) {
			c.State, c.Route, c.Usage, c.Status = Answered, route, usage, http.StatusOK
			if route != nil {
				c.Provider, c.Model = route.Provider, route.Model
			}
			switch {
			case r.Context().Err() != nil:
				c.State = Cancelled
			case err != nil:
				f := x.failureOf(err)
				c.State, c.Status, c.Code, c.Error, c.Attempts = Failed, f.Status, f.Code, f.Message, f.Attempts()
			}
		})
		x.end(call)
		cancel(nil)
	}
}
