package batch

import (
	"context"
	"errors"

	"github.com/tandem-llm/tandem/provider"
)

// How often an item is asked that is refused for its rate or meets no server, as far as
// that may be the item's own fault; and one whose answer breaks off, which may be charged
// each time.
const (
	maxTries  = 5
	maxBroken = 2
	// maxShared is how often an item comes that may fail because of the machine.
	maxShared = 3
)

// judge decides what becomes of an item, and of those after it.
func (w *worker) judge(ctx context.Context, out *Outcome) Fate {
	kind := provider.KindOf(out.Err)
	switch {
	case out.Err == nil:
		w.inARow = 0
		w.answered[out.Tally.Provider]++
		w.reached()
		delete(w.tries, keyOf(&out.Item))
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
	case w.options.Resumable && w.again(ctx, out, kind):
		return Again
	case w.options.Resumable && w.gaveUp && shared(kind):
		return Again // it ran beside those for which the batch was given up, and ended like them
	}
	delete(w.tries, keyOf(&out.Item))
	if w.options.Shared && ofMachine(kind) && (out.Attempt < maxShared || len(w.answered) == 0) {
		w.inARow++
		w.giveUp(kind, out.Err)
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
	w.giveUp(kind, out.Err)
	return Failed
}

// giveUp has nothing more started where too many items in a row have failed for a reason
// that is not their own: the kind of the last one's.
func (w *worker) giveUp(kind provider.Kind, last error) {
	most := w.options.GiveUp
	if first := w.options.GiveUpFirst; first > 0 && len(w.answered) == 0 && lasts(kind) {
		most = first
	}
	if most > 0 && w.inARow >= most {
		w.gaveUp = true
		w.stopWith(&TooManyError{Failed: w.inARow, Last: last})
	}
}

// again reports whether an item that failed comes again, and has the others wait where
// its provider is away.
func (w *worker) again(ctx context.Context, out *Outcome, kind provider.Kind) bool {
	switch kind {
	case provider.RateLimited:
		w.reached()
		return w.try(out, nil, true) < maxTries
	case provider.Truncated: // as when the server is restarted
		return w.try(out, nil, true) < maxBroken
	}
	why, names := absence(out.Err)
	if why == cut {
		return w.try(out, names, true) < maxBroken
	}
	if why == present {
		var e *provider.Error
		if errors.As(out.Err, &e) && e.Status != 0 {
			w.reached()
		}
		return false
	}
	if why == broken && len(w.answered) == 0 && !w.options.Waits {
		return false
	}
	if w.try(out, names, w.counts(out, names, why)) >= maxTries {
		return false
	}
	if !w.paused {
		w.miss(out.Err)
	}
	if why != busy || w.missed > 1 {
		w.wait(ctx, out.Err, names)
	}
	return true
}

// try is what is known of an item that came again.
type try struct {
	failed   int // times, as far as that may be its own fault
	answered int // other items, by the providers that were away, before it failed last
}

type itemKey struct{ row, variant, repeat int }

func keyOf(it *Item) itemKey { return itemKey{it.Row, it.Variant, it.Repeat} }

// try notes that an item failed because these providers were away, and returns how often
// it failed by what may be its own fault.
func (w *worker) try(out *Outcome, away []string, own bool) int {
	key := keyOf(&out.Item)
	t := w.tries[key]
	t.answered = w.answeredBy(away)
	if own {
		t.failed++
	}
	w.tries[key] = t
	return t.failed
}

func (w *worker) answeredBy(names []string) (n int) {
	for _, name := range names {
		n += w.answered[name]
	}
	return n
}

// counts reports whether an item may be at fault itself that its providers are away: where
// they answer others, or are known to have been there a moment before, and nothing else
// ran that may have brought them down.
func (w *worker) counts(out *Outcome, away []string, why absent) bool {
	others := w.answeredBy(away) > w.tries[keyOf(&out.Item)].answered
	switch why {
	case broken:
		return true
	case busy:
		return others
	case gone:
		return w.alone && (others || w.seen)
	}
	return false
}

// absent is in which way a provider is away.
type absent int

const (
	present absent = iota
	cut            // its answer ended early
	paused         // it was not asked: its circuit breaker is open
	broken         // it failed over this item, such as with 500
	gone           // no server answered
	busy           // the server, or one before it, says that it cannot now
)

// absence is why an error says that providers are away, so that the same item may be
// answered later, and which; present: it does not say that.
func absence(err error) (why absent, names []string) {
	if provider.KindOf(err) != provider.Unavailable {
		return present, nil
	}
	causes(err, func(e *provider.Error) {
		is := present
		switch {
		case e.Kind != provider.Unavailable:
		case errors.Is(e, provider.ErrPaused):
			is = paused
		case e.Final:
		case e.Status > 0 && e.Status < 400:
			is = cut
		case e.Status == 0:
			is = gone
		case e.Status > 500 || errors.Is(e, provider.ErrLoading):
			is = busy
		default:
			is = broken
		}
		if is != present {
			why, names = max(why, is), append(names, e.Provider)
		}
	})
	return why, names
}

// causes tells the errors of providers that have no other as their cause, such as those
// of all providers that were asked.
func causes(err error, tell func(*provider.Error)) (found bool) {
	switch e := err.(type) { //nolint:errorlint // the whole tree is walked
	case interface{ Unwrap() error }:
		found = causes(e.Unwrap(), tell)
	case interface{ Unwrap() []error }:
		for _, cause := range e.Unwrap() {
			found = causes(cause, tell) || found
		}
	}
	if e, is := err.(*provider.Error); is && !found { //nolint:errorlint // as above
		tell(e)
		found = true
	}
	return found
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

// ofMachine reports whether an error is likely not to meet the item on another machine.
// Servers that are away, or take no more now, are waited for: see again.
func ofMachine(kind provider.Kind) bool {
	switch kind {
	case provider.QuotaExhausted, provider.Denied, provider.ModelNotFound, provider.OutOfMemory, provider.Timeout, provider.Offline, provider.Private:
		return true
	}
	return false
}

// lasts reports whether an error that is [shared] is there until somebody does something
// about it.
func lasts(kind provider.Kind) bool {
	switch kind {
	case provider.QuotaExhausted, provider.Denied, provider.ModelNotFound, provider.Offline, provider.Private:
		return true
	}
	return false
}
