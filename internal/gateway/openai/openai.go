// Package openai is the gateway's face for clients of OpenAI's API: chat completions,
// completions, embeddings, models and responses.
package openai

import (
	"net/http"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/responsestore"
)

// API serves OpenAI's paths.
type API struct {
	x     *exchange.Exchange
	store *responsestore.Store // nil: nothing is stored
}

// New returns the API of an exchange. Responses are kept in store; nil: they are not.
func New(x *exchange.Exchange, store *responsestore.Store) *API { return &API{x: x, store: store} }

// Register adds the API's paths, but for those of models, which it shares with
// Anthropic's API: see [API.Models] and [API.Model].
func (a *API) Register(mux *http.ServeMux) {
	mux.HandleFunc("POST /v1/chat/completions", a.chat)
	mux.HandleFunc("POST /v1/completions", a.completions)
	mux.HandleFunc("POST /v1/embeddings", a.embeddings)
	mux.HandleFunc("POST /v1/responses", a.responses)
	mux.HandleFunc("POST /v1/responses/input_tokens", a.inputTokens)
	mux.HandleFunc("GET /v1/responses/{id}", a.response)
	mux.HandleFunc("DELETE /v1/responses/{id}", a.deleteResponse)
	mux.HandleFunc("POST /v1/responses/{id}/cancel", a.cancelResponse)
	mux.HandleFunc("GET /v1/responses/{id}/input_items", a.responseInput)
}

// Fail writes a failure as OpenAI does: an object error with message, type, param and
// code.
func Fail(w http.ResponseWriter, f *exchange.Failure) {
	f.Headers(w.Header())
	exchange.WriteJSON(w, f.Status, errorBody{errorOf(f)})
}

type errorBody struct {
	Error apiError `json:"error"`
}

type apiError struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    string  `json:"code"`
}

func errorOf(f *exchange.Failure) apiError {
	e := apiError{Message: f.Message, Type: errorType(f.Status), Code: codeOf(f)}
	if f.Param != "" {
		e.Param = &f.Param
	}
	return e
}

// errorType is what OpenAI calls the errors of a status.
func errorType(status int) string {
	switch {
	case status == http.StatusUnauthorized:
		return "authentication_error"
	case status == http.StatusForbidden:
		return "permission_error"
	case status == http.StatusTooManyRequests:
		return "rate_limit_error"
	case status == http.StatusPaymentRequired:
		return "insufficient_quota"
	case status >= http.StatusInternalServerError:
		return "server_error"
	}
	return "invalid_request_error"
}

// codes are OpenAI's names for failures that its clients act on.
var codes = map[string]string{
	"context_overflow": "context_length_exceeded",
	"rate_limited":     "rate_limit_exceeded",
	"quota_exhausted":  "insufficient_quota",
	"filtered":         "content_filter",
	"too_busy":         "rate_limit_exceeded",
}

func codeOf(f *exchange.Failure) string {
	if c := codes[f.Code]; c != "" {
		return c
	}
	return f.Code
}
