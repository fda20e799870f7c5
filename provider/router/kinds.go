package router

import (
	"errors"

	"github.com/tandem-llm/tandem/provider"
)

// many is as many retries as the policy gives.
const many = 1 << 30

// verdict is what may follow a failure before any content.
type verdict struct {
	next    bool // another target may do what this one could not
	retries int  // most retries of the same target, within the policy's
	health  bool // it speaks of the target's health: the breaker counts it
}

// follows is the one table of decisions, by Kind.
func follows(k provider.Kind) verdict {
	switch k {
	case provider.Unavailable:
		return verdict{next: true, retries: many, health: true}
	case provider.Timeout: // see retryable
		return verdict{next: true, retries: many, health: true}
	case provider.RateLimited: // the server is well: it is we who are too many
		return verdict{next: true, retries: many}
	case provider.OutOfMemory: // a runner that died comes back, a model that is too big does not shrink
		return verdict{next: true, retries: 1, health: true}
	case provider.Truncated: // nothing was written, or not the JSON asked for: a model's bad luck, once
		return verdict{next: true, retries: 1}
	case provider.ModelNotFound, provider.Unsupported, provider.Denied, provider.QuotaExhausted,
		provider.ContextOverflow, provider.Offline, provider.Private, provider.OverBudget:
		return verdict{next: true}
	}
	return verdict{} // Invalid, Filtered: no other target is asked to overlook it
}

// after is what follows err: by its Kind, unless it says more.
func after(err error) verdict {
	v := follows(provider.KindOf(err))
	switch {
	case errors.Is(err, provider.ErrAlone): // the user's own word
		return verdict{}
	case errors.Is(err, provider.ErrLoading): // nothing is wrong; it takes a while
		return verdict{next: true}
	}
	return v
}

// passesOn reports whether another target may do what this one could not.
func passesOn(err error) bool { return after(err).next }

// restarts reports whether an answer that broke off with err may be begun
// again.
func restarts(err error) bool {
	switch provider.KindOf(err) {
	case provider.Truncated, provider.Unavailable, provider.Timeout, provider.OutOfMemory:
		return true
	}
	return false
}

// retryable is how often err's target may be asked again.
func retryable(e *provider.Error) int {
	switch {
	case e.Final:
		return 0
	case e.Kind == provider.Timeout && e.Status < 400:
		return 0 // our clock ran out: to wait as long again is not what it was set for
	}
	return after(e).retries
}

// charged reports whether a paid call that failed with e may cost all the
// same: it was sent, and no status refuses it.
func charged(e *provider.Error) bool { return e.Sent && e.Status < 400 }

// asError is err as the contract has it. A provider that breaks the contract
// gets an error without a Kind, which nothing follows.
func asError(err error) *provider.Error {
	var e *provider.Error
	if errors.As(err, &e) {
		return e
	}
	return &provider.Error{Err: err}
}
