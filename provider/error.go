package provider

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind is what went wrong, as far as a decision depends on it. A Kind is an
// error itself, so that errors.Is(err, provider.RateLimited) works.
type Kind string

// The kinds. Decide on these, never on an error's text.
const (
	Unavailable     Kind = "unavailable"      // unreachable, crashed, overloaded, or not speaking the API
	RateLimited     Kind = "rate_limited"     // slow down; see RetryAfter
	QuotaExhausted  Kind = "quota_exhausted"  // the account has no credit left; waiting will not help
	Denied          Kind = "denied"           // key missing, wrong, or without the right
	ModelNotFound   Kind = "model_not_found"  // the server does not have the model
	ContextOverflow Kind = "context_overflow" // the prompt does not fit the model's window
	OutOfMemory     Kind = "out_of_memory"    // the model does not fit the machine
	Unsupported     Kind = "unsupported"      // the request asks for what the model or provider cannot do
	Invalid         Kind = "invalid"          // the request is malformed
	Filtered        Kind = "filtered"         // the server withheld the answer
	Truncated       Kind = "truncated"        // the answer broke off: not all of it came, or nothing did
	BadAnswer       Kind = "bad_answer"       // an answer came, and is wrong: not the JSON, the tool call or the vectors asked for, or two answers mixed
	Timeout         Kind = "timeout"          // one of Tandem's timeouts expired (the caller's own deadline is not this)
	Offline         Kind = "offline"          // refused: offline mode forbids the address
	OverBudget      Kind = "over_budget"      // refused: it would pass the budget
	Private         Kind = "private"          // refused: the prompt may not leave this machine
)

// Error makes a Kind usable with errors.Is.
func (k Kind) Error() string { return strings.ReplaceAll(string(k), "_", " ") }

// Error is how every provider fails.
type Error struct {
	Kind       Kind
	Provider   string        // Name of the provider that failed
	Model      string        // the model asked for, where it matters
	Status     int           // HTTP status, 0 if none came
	RetryAfter time.Duration // what the server asked for, 0 if nothing
	RequestID  string        // the server's own id of the request, where given
	// Sent reports that the prompt may have reached a server: a connection was
	// made. See MayBeCharged.
	Sent bool
	// Final reports that asking the same provider again would fail the same
	// way, whatever the Kind: for example an engine that cannot be started.
	Final bool
	// Err is the cause: what happened, in words, without secrets.
	Err error
}

// Error says to whom it happened, what happened, and the HTTP status of a
// failure if there was one: `openai (gpt-4o-mini): rate limited (429): …`.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Provider)
	switch {
	case e.Model != "" && b.Len() > 0:
		fmt.Fprintf(&b, " (%s)", e.Model)
	case e.Model != "":
		b.WriteString(e.Model)
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	b.WriteString(e.Kind.Error())
	if e.Status >= 400 {
		fmt.Fprintf(&b, " (%d)", e.Status)
	}
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	}
	return b.String()
}

// MayBeCharged reports whether a call to a paid provider that failed with e,
// without any content, may still be charged: the prompt was sent, and nobody
// refused it. A status of 400 or more refuses it, unless it comes from a
// gateway that lost the server behind it: 502, 504, Cloudflare's 520 and 524.
func (e *Error) MayBeCharged() bool {
	switch {
	case !e.Sent, e.Kind == Denied, e.Kind == RateLimited, e.Kind == QuotaExhausted:
		return false
	}
	switch e.Status {
	case 502, 504, 520, 524:
		return true
	}
	return e.Status < 400
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is e's Kind.
func (e *Error) Is(target error) bool {
	k, ok := target.(Kind)
	return ok && k == e.Kind
}

// KindOf returns the Kind of the first *Error in err's chain, or "".
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}

// Errorf makes an *Error of kind k whose cause is the formatted text; %w works.
func Errorf(k Kind, provider, model, format string, args ...any) *Error {
	return &Error{Kind: k, Provider: provider, Model: model, Err: fmt.Errorf(format, args...)}
}
