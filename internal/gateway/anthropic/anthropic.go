// Package anthropic is the gateway's face for clients of Anthropic's API, such as Claude
// Code: messages, the count of their tokens, and models.
package anthropic

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/provider"
)

// API serves Anthropic's paths.
type API struct {
	x *exchange.Exchange
}

// New returns the API of an exchange.
func New(x *exchange.Exchange) *API { return &API{x: x} }

// Register adds the API's paths, but for those that it shares with another API: see
// [API.Models] and [API.Model].
func (a *API) Register(mux *http.ServeMux) {
	mux.HandleFunc("POST /v1/messages", a.messages)
	mux.HandleFunc("POST /v1/messages/count_tokens", a.countTokens)
}

// Speaks reports whether a request is one of Anthropic's API: by its path, or by the
// header that its clients always send.
func Speaks(r *http.Request) bool {
	return r.URL.Path == "/v1/messages" || strings.HasPrefix(r.URL.Path, "/v1/messages/") || r.Header.Get("Anthropic-Version") != ""
}

// requestID is the header with an id of the request, which clients show with an error.
const requestID = "Request-Id"

// identify gives a reply its request id.
func identify(w http.ResponseWriter) (id string) {
	if id = w.Header().Get(requestID); id == "" {
		var b [12]byte
		_, _ = rand.Read(b[:]) // it never fails
		id = "req_" + hex.EncodeToString(b[:])
		w.Header().Set(requestID, id)
	}
	return id
}

// Fail writes a failure as Anthropic does.
func Fail(w http.ResponseWriter, f *exchange.Failure) {
	id := identify(w)
	f.Headers(w.Header())
	exchange.WriteJSON(w, f.Status, errorOf(f, id))
}

type errorBody struct {
	Type      string   `json:"type"`
	Error     apiError `json:"error"`
	RequestID string   `json:"request_id"`
}

// apiError is Anthropic's error, with Tandem's code of it and the parameter at fault.
type apiError struct {
	Type    string `json:"type"`
	Message string `json:"message"`
	Code    string `json:"code,omitempty"`
	Param   string `json:"param,omitempty"`
}

func errorOf(f *exchange.Failure, id string) errorBody {
	return errorBody{Type: "error", Error: apiError{Type: errorType(f.Status), Message: messageOf(f), Code: f.Code, Param: f.Param}, RequestID: id}
}

// errorTypes are what Anthropic calls the errors of a status. None is overloaded_error:
// Claude Code asks again after that one whatever else the reply says.
var errorTypes = map[int]string{
	http.StatusUnauthorized:          "authentication_error",
	http.StatusPaymentRequired:       "billing_error",
	http.StatusForbidden:             "permission_error",
	http.StatusNotFound:              "not_found_error",
	http.StatusRequestEntityTooLarge: "request_too_large",
	http.StatusTooManyRequests:       "rate_limit_error",
	http.StatusGatewayTimeout:        "timeout_error",
}

func errorType(status int) string {
	if t := errorTypes[status]; t != "" {
		return t
	}
	if status >= http.StatusInternalServerError {
		return "api_error"
	}
	return "invalid_request_error"
}

// messageOf is a failure's message. Clients know a prompt that is too long by how the
// message begins, read both numbers from it, and shorten the conversation.
func messageOf(f *exchange.Failure) string {
	if f.Kind != provider.ContextOverflow {
		return f.Message
	}
	return "prompt is too long: " + sizes(f.Size) + f.Message
}
