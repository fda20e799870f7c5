package router

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/provider"
)

// Failure is why no provider answered: the cause inside the router's error.
type Failure struct {
	Attempts        []provider.Attempt // every target considered, in order
	Partial         bool               // the reader has a part of an answer, which broke off
	partialFromLast bool               // that part is the last target's
	errs            []error            // one per attempt
}

func (f *Failure) addAttempt(a provider.Attempt, err error) {
	a.Kind = provider.KindOf(err)
	a.Reason = reason(err)
	if e := (*provider.Error)(nil); a.Model == "" && errors.As(err, &e) {
		a.Model = e.Model
	}
	f.Attempts = append(f.Attempts, a)
	f.errs = append(f.errs, err)
}

// addFailed notes a target that was asked and did not answer; of one with several hosts,
// each that was considered.
func (f *Failure) addFailed(a provider.Attempt, err error) {
	h := (*failure.Hosts)(nil)
	if !errors.As(err, &h) || len(h.Attempts) == 0 {
		f.addAttempt(a, err)
		return
	}
	for i, host := range h.Attempts {
		host.PromptTokens, host.Estimated = a.PromptTokens, a.Estimated
		f.addAttempt(host, h.Errs[i])
	}
}

// reason is err without the name of the target, which stands beside it.
func reason(err error) string {
	var e *provider.Error
	if !errors.As(err, &e) || e.Err == nil {
		return err.Error()
	}
	return e.Err.Error()
}

// Error lists every target with its reason, on one line.
func (f *Failure) Error() string {
	parts := make([]string, len(f.Attempts))
	for i, a := range f.Attempts {
		parts[i] = fmt.Sprintf("%s: %s%s", a.Who(), refusal(f.errs[i]), a.Reason)
	}
	return strings.Join(parts, "; ")
}

// refusal says how a server refused a request, such as "denied (401): ": what follows
// are the server's own words, which may be anything. It is "" for other errors.
func refusal(err error) string {
	e := (*provider.Error)(nil)
	if !errors.As(err, &e) || e.Status < 400 || e.Err == nil {
		return ""
	}
	return fmt.Sprintf("%s (%d): ", e.Kind.Error(), e.Status)
}

// Unwrap returns the errors of the attempts, in order.
func (f *Failure) Unwrap() []error { return f.errs }

// providerError is what the caller sees. With one target considered, or an answer that
// broke off, it is that target's own error; with more it is of the Kind that
// they share, or that of the failure that ended the search, or else
// Unavailable. The Failure is in its chain.
func (f *Failure) providerError() error {
	last := len(f.errs) - 1
	if e := (*provider.Error)(nil); (last == 0 || f.partialFromLast) && errors.As(f.errs[last], &e) {
		only := *e
		only.Err = &onlyCause{error: e.Err, host: f.Attempts[last].Host, failure: f}
		return &only
	}
	e := &provider.Error{Kind: f.Attempts[last].Kind, Provider: "no provider answered", Err: f}
	if canFallBack(f.errs[last]) || f.Attempts[last].Outcome == provider.OutcomeSkipped {
		for _, a := range f.Attempts {
			if a.Kind != e.Kind {
				e.Kind = provider.Unavailable
			}
		}
	}
	if e.Kind == "" {
		e.Kind = provider.Unavailable
	}
	if e.Kind == provider.RateLimited {
		e.RetryAfter = f.shortestRetryAfter()
	}
	for _, a := range f.Attempts {
		e.Sent = e.Sent || a.SentTo != ""
	}
	return e
}

// shortestRetryAfter is the shortest wait that a target asked for, or 0.
func (f *Failure) shortestRetryAfter() (d time.Duration) {
	for _, err := range f.errs {
		if after := asError(err).RetryAfter; after > 0 && (d == 0 || after < d) {
			d = after
		}
	}
	return d
}

// onlyCause reads like the cause of the one failure, with its host where there are
// several, and carries the Failure.
type onlyCause struct {
	error
	host    string
	failure *Failure
}

func (c *onlyCause) Error() string {
	text := "no answer"
	if c.error != nil {
		text = c.error.Error()
	}
	if c.host != "" {
		return c.host + ": " + text
	}
	return text
}

func (c *onlyCause) Unwrap() []error {
	if c.error == nil {
		return []error{c.failure}
	}
	return []error{c.error, c.failure}
}
