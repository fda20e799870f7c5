package router

import "github.com/tandem-llm/tandem/internal/breaker"

// BreakerState is what a target's circuit breaker does.
type BreakerState string

// The states of a circuit breaker.
const (
	BreakerClosed   BreakerState = breaker.Closed   // calls are made
	BreakerOpen     BreakerState = breaker.Open     // no call is made
	BreakerHalfOpen BreakerState = breaker.HalfOpen // one call is made, to find out whether others may be
)
