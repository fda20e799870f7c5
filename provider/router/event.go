package router

import (
	"context"
	"fmt"
	"time"

	"github.com/tandem-llm/tandem/internal/textx"
)

// Event is one step of the router's work on a request.
type Event struct {
	Type     EventType
	Provider string
	Model    string        // as it would be asked for; may be empty
	Err      error         // of Skipped, Failed, BrokeOff and Retrying
	Took     time.Duration // of Failed and BrokeOff: the call
	Wait     time.Duration // of Retrying
	Try      int           // which call of this target, from 1
	Tokens   int           // of Asking: the prompt's size, an estimate
}

// EventType is what an [Event] tells.
type EventType int

// The events.
const (
	Asking   EventType = iota + 1 // a call begins
	Skipped                       // a target is not asked
	Failed                        // a call failed before any content
	BrokeOff                      // a call failed after content
	Retrying                      // the same target is retried after Wait
)

// String is the event as a line to show.
func (e Event) String() string {
	who := e.Provider
	if e.Model != "" {
		who += " (" + e.Model + ")"
	}
	switch e.Type {
	case Asking:
		return "asking " + who
	case Skipped:
		return fmt.Sprintf("skipped %s: %s", e.Provider, reason(e.Err))
	case Failed:
		return fmt.Sprintf("%s failed after %s: %s", e.Provider, textx.Duration(e.Took), reason(e.Err))
	case BrokeOff:
		return fmt.Sprintf("%s broke off after %s: %s", e.Provider, textx.Duration(e.Took), reason(e.Err))
	case Retrying:
		return fmt.Sprintf("retrying %s in %s: %s", e.Provider, textx.Duration(e.Wait), reason(e.Err))
	}
	return who
}

type observerKey struct{}

// WithObserver returns a context in which a router tells observe, too, what happens
// to the requests that are made in it. Observe must be quick. It is called from the
// goroutine that ranges over the answer.
func WithObserver(ctx context.Context, observe func(Event)) context.Context {
	return context.WithValue(ctx, observerKey{}, observe)
}

// AddObserver is [WithObserver] where an observer that ctx has already stays, and is told
// first.
func AddObserver(ctx context.Context, observe func(Event)) context.Context {
	before := observerOf(ctx)
	if before == nil {
		return WithObserver(ctx, observe)
	}
	return WithObserver(ctx, func(e Event) { before(e); observe(e) })
}

// observerOf is who else is told of the requests made in ctx, or nil.
func observerOf(ctx context.Context) func(Event) {
	observe, _ := ctx.Value(observerKey{}).(func(Event))
	return observe
}
