package openai

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
)

// apiError is an error object as servers send it: OpenAI's and llama.cpp's
// {"error":{…}}, {"error":"text"}, vLLM's {"object":"error",…}, or OpenRouter's
// {"choices":[{"error":{…}}]}.
type apiError struct {
	Message string          `json:"message"`
	Type    string          `json:"type"`
	Code    json.RawMessage `json:"code"`
	Param   string          `json:"param"`
}

func parseAPIError(body []byte) (apiError, bool) {
	var outer struct {
		Error   json.RawMessage `json:"error"`
		Choices []struct {
			Error json.RawMessage `json:"error"`
		} `json:"choices"`
		apiError
	}
	if json.Unmarshal(body, &outer) != nil {
		return apiError{}, false
	}
	for _, c := range outer.Choices {
		if len(outer.Error) == 0 || string(outer.Error) == "null" {
			outer.Error = c.Error
		}
	}
	if len(outer.Error) == 0 || string(outer.Error) == "null" {
		return outer.apiError, outer.Message != ""
	}
	var s apiError
	if json.Unmarshal(outer.Error, &s) == nil {
		return s, true
	}
	var text string
	if json.Unmarshal(outer.Error, &text) == nil {
		return apiError{Message: text}, true
	}
	return apiError{Message: string(outer.Error)}, true
}

// code is the error's code as a string, and as an HTTP status if it is one.
func (s apiError) code() (string, int) {
	text := strings.Trim(string(s.Code), `"`)
	var n int
	if _, err := fmt.Sscanf(text, "%d", &n); err != nil || n < 400 || n > 599 {
		n = 0
	}
	return text, n
}

// failure classifies what the SDK or the transport reported. The caller's own
// context error goes back unchanged.
func (a *answer) failure(caller context.Context, err error) error {
	if caller.Err() != nil {
		return caller.Err()
	}
	return a.p.classify(a.call, a.asked, a.yielded, err)
}

func (a *answer) error(k provider.Kind, format string, args ...any) error {
	e := provider.Errorf(k, a.p.cfg.Name, a.asked, format, args...)
	e.Status, e.RequestID, e.Sent = a.call.Status, a.call.RequestID(), a.call.Sent()
	e.Err = a.p.secrets.Error(e.Err)
	return e
}

// classify makes the one error of a failed call. partial says that some of the
// answer has been yielded.
func (p *Provider) classify(c *httpx.Call, model string, partial bool, err error) error {
	e := c.Error(err, p.endpoint, p.cfg.BaseURL, partial, func(e *provider.Error) {
		body := p.secrets.Body(c.Failure) // before it is cut to what is shown
		s, ok := parseAPIError(body)
		if _, n := s.code(); e.Status == 0 {
			e.Status = n
		}
		e.Kind, e.Err = kindOf(e.Status, s), errors.New(errorText(s, ok, e.Status, body))
	})
	e.Provider, e.Model, e.Err = p.cfg.Name, model, p.secrets.Error(e.Err)
	e.RequestID = p.secrets.Text(e.RequestID)
	return e
}

// kindOf decides by status, code and type; by text only where servers give
// nothing else.
func kindOf(status int, s apiError) provider.Kind {
	code, _ := s.code()
	switch {
	case code == "context_length_exceeded", s.Type == "exceed_context_size_error", overflow().MatchString(s.Message):
		return provider.ContextOverflow
	case code == "insufficient_quota", s.Type == "insufficient_quota", code == "billing_hard_limit_reached":
		return provider.QuotaExhausted
	case code == "model_not_found":
		return provider.ModelNotFound
	case code == "content_filter", code == "content_policy_violation", s.Type == "content_filter":
		return provider.Filtered
	case code == "unsupported_parameter", code == "unsupported_value":
		return provider.Unsupported
	case cannot().MatchString(s.Message):
		return provider.Unsupported
	case code == "rate_limit_exceeded", s.Type == "rate_limit_error":
		return provider.RateLimited
	case code == "invalid_api_key", s.Type == "authentication_error", s.Type == "permission_error":
		return provider.Denied
	}
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return provider.Denied
	case http.StatusPaymentRequired:
		return provider.QuotaExhausted
	case http.StatusNotFound:
		if modelMissing().MatchString(s.Message) {
			return provider.ModelNotFound
		}
		return provider.Unavailable
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return provider.Timeout
	case http.StatusTooManyRequests:
		return provider.RateLimited
	case http.StatusRequestEntityTooLarge:
		return provider.ContextOverflow
	case http.StatusNotImplemented:
		return provider.Unsupported
	}
	switch {
	case status == http.StatusConflict, status >= 500, status == 0:
		return provider.Unavailable
	case status >= 400:
		return provider.Invalid
	}
	return provider.Unavailable
}

// overflow is how vLLM and SGLang say it, who give no code, and llama.cpp of a
// text to embed.
var overflow = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)maximum context length is \d+|longer than the model's context length|exceeds the available context size|input \(\d+ tokens\) is too large to process`)
})

// cannot is how llama.cpp says, with status 500 and no code of its own, that a
// model does not see or hear, and, with status 400, that it makes no grammar of a schema.
var cannot = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\b(image|audio|video) input is not supported|failed to parse grammar|JSON schema conversion failed`)
})

// modelMissing tells a model that is not there from a path that is not there.
var modelMissing = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\bmodel\b.*(not exist|not found|not available|unknown)|no such model|unknown model`)
})

// errorText is what is shown of a failure.
func errorText(s apiError, ok bool, status int, body []byte) string {
	switch {
	case ok && s.Message != "":
		return httpx.OneLine(s.Message)
	case status == http.StatusNotFound:
		return "there is no such path on the server; does base_url end in /v1?"
	case len(strings.TrimSpace(string(body))) == 0:
		return "the server gave no reason"
	case strings.HasPrefix(strings.TrimSpace(string(body)), "<"):
		return "the server sent a web page; something stands between here and the API"
	}
	return httpx.OneLine(string(body))
}
