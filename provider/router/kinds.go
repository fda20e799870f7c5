package router

import (
	"errors"

	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/provider"
)

// unlimited is as many retries as the policy gives.
const unlimited = 1 << 30

// failurePolicy says what to do after a failure that came before any content.
type failurePolicy struct {
	fallback  bool // another target may do what this one could not
	retries   int  // most retries of the same target, within the policy's
	unhealthy bool // it speaks of the target's health: the breaker counts it
}

// policyForKind is the table of all decisions, by Kind.
func policyForKind(k provider.Kind) failurePolicy {
	switch k {
	case provider.Unavailable:
		return failurePolicy{fallback: true, retries: unlimited, unhealthy: true}
	case provider.Timeout: // see maxRetries
		return failurePolicy{fallback: true, retries: unlimited, unhealthy: true}
	case provider.RateLimited: // the server is healthy, only busy
		return failurePolicy{fallback: true, retries: unlimited}
	case provider.OutOfMemory: // a runner that died comes back, a model that is too big does not shrink
		return failurePolicy{fallback: true, retries: 1, unhealthy: true}
	case provider.Truncated, provider.BadAnswer: // nothing was written, or not the JSON asked for: a model's bad luck, once
		return failurePolicy{fallback: true, retries: 1}
	case provider.ModelNotFound, provider.Unsupported, provider.Denied, provider.QuotaExhausted,
		provider.ContextOverflow, provider.Offline, provider.Private, provider.OverBudget:
		return failurePolicy{fallback: true}
	}
	return failurePolicy{} // Invalid, Filtered: no other target is asked to overlook it
}

// policyFor returns the policy for err: by its Kind, unless err says more.
func policyFor(err error) failurePolicy {
	v := policyForKind(provider.KindOf(err))
	switch {
	case errors.Is(err, failure.ErrNoFallback): // the user's own word
		return failurePolicy{}
	case errors.Is(err, provider.ErrLoading): // nothing is wrong; it takes a while
		return failurePolicy{fallback: true}
	}
	return v
}

// canFallBack reports whether another target may be tried after err.
func canFallBack(err error) bool { return policyFor(err).fallback }

// canRestart reports whether an answer that broke off with err may restart.
func canRestart(err error) bool {
	switch provider.KindOf(err) {
	case provider.Truncated, provider.BadAnswer, provider.Unavailable, provider.Timeout, provider.OutOfMemory:
		return true
	}
	return false
}

// maxRetries is how often the target may be retried after e.
func maxRetries(e *provider.Error) int {
	switch {
	case e.Final:
		return 0
	case e.Kind == provider.Timeout && e.Status < 400:
		return 0 // our own timeout: a retry would wait as long again
	}
	return policyFor(e).retries
}

// asError is err as the contract has it. A provider that breaks the contract
// gets an error without a Kind, which nothing follows.
func asError(err error) *provider.Error {
	var e *provider.Error
	if errors.As(err, &e) {
		return e
	}
	return &provider.Error{Err: err}
}
