package exchange

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/internal/gateway/body"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/router"
)

// Failure is why a question has no answer, as a dialect tells it.
type Failure struct {
	Status  int    // of HTTP
	Code    string // one of the codes below, or a [provider.Kind]
	Message string // what happened, to whom, and what to do
	Param   string // the parameter that is at fault; empty: none is
	// RetryAfter is how long to wait before the same question is asked again; 0: it
	// should not be asked again at once.
	RetryAfter time.Duration
	// Retry says that the same question may be answered later.
	Retry bool
	Kind  provider.Kind // empty: the failure is not a provider's
	Err   error         // the cause; nil: there is none
	// Size is that of a prompt which is larger than the model's window; nil: the
	// failure is another, or the window is not known.
	Size *Size
}

// The codes of failures that are not a provider's.
const (
	CodeInvalid      = "invalid_request"
	CodeParameter    = "unsupported_parameter"
	CodeNoModel      = "model_not_found"
	CodeNoRoute      = "not_found"
	CodeMethod       = "method_not_allowed"
	CodeTooLarge     = "request_too_large"
	CodeLoading      = "model_loading"
	CodeBusy         = "too_busy"
	CodeRepeated     = "repeated_request"
	CodeStopping     = "shutting_down"
	CodeInternal     = "internal_error"
	CodeUnsupported  = "not_supported"
	CodeUnauthorized = "unauthorized"
	CodeChain        = "chain_failed"
)

// Error is the message.
func (f *Failure) Error() string { return f.Message }

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// Refuse is a failure of the request itself: status 400.
func Refuse(param, message string) *Failure {
	return &Failure{Status: http.StatusBadRequest, Code: CodeInvalid, Message: message, Param: param}
}

// statuses are the statuses of the kinds of failures. Most clients ask again by
// themselves after 408, 409, 429 and 5xx, and after no other: so whatever the same
// question would only meet again has another one.
var statuses = map[provider.Kind]int{
	provider.Invalid:         http.StatusBadRequest,
	provider.Unsupported:     http.StatusBadRequest,
	provider.ContextOverflow: http.StatusBadRequest,
	provider.Filtered:        http.StatusBadRequest,
	provider.QuotaExhausted:  http.StatusPaymentRequired,
	provider.OverBudget:      http.StatusPaymentRequired,
	provider.Denied:          http.StatusForbidden, // 401 would be about the client's own key
	provider.Private:         http.StatusForbidden,
	provider.Offline:         http.StatusForbidden,
	provider.ModelNotFound:   http.StatusNotFound,
	provider.RateLimited:     http.StatusTooManyRequests,
	provider.OutOfMemory:     http.StatusServiceUnavailable,
	provider.Unavailable:     http.StatusServiceUnavailable,
	provider.Truncated:       http.StatusBadGateway,
	provider.BadAnswer:       http.StatusBadGateway,
	provider.Timeout:         http.StatusGatewayTimeout,
}

// FailureOf is err as a failure. The status of a provider's error is decided here, on
// its Kind, and nowhere else.
func FailureOf(err error) *Failure {
	var (
		f    *Failure
		in   *body.Error
		e    *provider.Error
		size *http.MaxBytesError
	)
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &in):
		return &Failure{Status: http.StatusBadRequest, Code: CodeInvalid, Message: in.Error(), Param: in.Param, Err: err}
	case errors.As(err, &size):
		return &Failure{
			Status: http.StatusRequestEntityTooLarge, Code: CodeTooLarge, Err: err,
			Message: "the request is larger than " + strconv.FormatInt(size.Limit>>20, 10) + " MiB; send less",
		}
	case errors.As(err, &e):
		return providerFailure(err, e)
	case errors.Is(err, context.DeadlineExceeded):
		return &Failure{Status: http.StatusGatewayTimeout, Code: string(provider.Timeout), Message: "the answer was not complete in time", Err: err}
	case errors.Is(err, context.Canceled):
		return &Failure{Status: http.StatusServiceUnavailable, Code: CodeStopping, Message: "the call was cancelled", Err: err}
	}
	return &Failure{Status: http.StatusInternalServerError, Code: CodeInternal, Message: oneLine(err.Error()), Err: err}
}

func providerFailure(err error, e *provider.Error) *Failure {
	f := &Failure{Status: statuses[e.Kind], Code: string(e.Kind), Message: oneLine(err.Error()), Kind: e.Kind, Err: err}
	if f.Status == 0 {
		f.Status = http.StatusBadGateway
	}
	switch e.Kind {
	case provider.RateLimited:
		f.Retry, f.RetryAfter = true, max(e.RetryAfter, time.Second)
	case provider.Unavailable:
		f.Retry, f.RetryAfter = !e.Final, e.RetryAfter
		if errors.Is(err, provider.ErrLoading) {
			f.Code, f.RetryAfter = CodeLoading, max(e.RetryAfter, loadingRetry)
		}
	case provider.Unsupported:
		f.Code, f.Param = CodeParameter, failure.Member(err)
	}
	return f
}

// loadingRetry is when to ask again for a model that is being loaded.
const loadingRetry = 5 * time.Second

// Headers writes what a client goes by when it decides whether to ask again.
func (f *Failure) Headers(h http.Header) {
	if f.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
	}
	h.Set("X-Should-Retry", strconv.FormatBool(f.Retry)) // OpenAI's and Anthropic's clients honour it
}

// Attempts are the targets that were considered, of a failure of the router's.
func (f *Failure) Attempts() []provider.Attempt {
	var r *router.Failure
	if errors.As(f.Err, &r) {
		return r.Attempts
	}
	return nil
}

// oneLine is a text without line ends and other control characters.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}
