package openai_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

func TestClassification(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		header string // Name: value
		body   string
		kind   provider.Kind
		retry  time.Duration
	}{
		"bad key":            {401, "", `{"error":{"message":"Incorrect API key provided: ` + canary + `.","type":"invalid_request_error","code":"invalid_api_key"}}`, provider.Denied, 0},
		"llama.cpp, bad key": {401, "", `{"error":{"message":"Invalid API Key","type":"authentication_error","code":401}}`, provider.Denied, 0},
		"forbidden":          {403, "", `{"error":{"message":"Country not supported"}}`, provider.Denied, 0},
		"no such model":      {404, "", `{"error":{"message":"The model 'x' does not exist","code":"model_not_found"}}`, provider.ModelNotFound, 0},
		"vLLM, no model":     {404, "", `{"object":"error","message":"The model 'x' does not exist.","type":"NotFoundError","code":404}`, provider.ModelNotFound, 0},
		"no such path":       {404, "", `404 page not found`, provider.Unavailable, 0},
		"overflow, OpenAI":   {400, "", `{"error":{"message":"too long","code":"context_length_exceeded"}}`, provider.ContextOverflow, 0},
		"overflow, llama":    {400, "", `{"error":{"code":400,"message":"too long","type":"exceed_context_size_error","n_prompt_tokens":9,"n_ctx":5}}`, provider.ContextOverflow, 0},
		"overflow, vLLM":     {400, "", `{"object":"error","message":"This model's maximum context length is 10 tokens. However, you requested 20","code":400}`, provider.ContextOverflow, 0},
		"overflow, SGLang":   {400, "", `{"object":"error","message":"The input (20 tokens) is longer than the model's context length (10 tokens).","code":400}`, provider.ContextOverflow, 0},
		"bad request":        {400, "", `{"error":{"message":"temperature too high"}}`, provider.Invalid, 0},
		"unsupported":        {400, "", `{"error":{"message":"no","code":"unsupported_parameter"}}`, provider.Unsupported, 0},
		"payment":            {402, "", `{"error":{"message":"pay"}}`, provider.QuotaExhausted, 0},
		"request time-out":   {408, "", ``, provider.Timeout, 0},
		"conflict":           {409, "", ``, provider.Unavailable, 0},
		"too large":          {413, "", ``, provider.ContextOverflow, 0},
		"rate, seconds":      {429, "Retry-After: 7", `{"error":{"message":"slow down"}}`, provider.RateLimited, 7 * time.Second},
		"rate, ms":           {429, "Retry-After-Ms: 250", `{}`, provider.RateLimited, 250 * time.Millisecond},
		"rate, negative":     {429, "Retry-After: -7", `{}`, provider.RateLimited, 0},
		"rate, garbage":      {429, "Retry-After: soon", `{}`, provider.RateLimited, 0},
		"rate, huge":         {429, "Retry-After: 99999999999999999999", `{}`, provider.RateLimited, 24 * time.Hour},
		"quota":              {429, "", `{"error":{"message":"You exceeded your quota","type":"insufficient_quota","code":"insufficient_quota"}}`, provider.QuotaExhausted, 0},
		"no vision, llama":   {500, "", `{"error":{"code":500,"message":"image input is not supported - hint: if this is unexpected, you may need to provide the mmproj","type":"server_error"}}`, provider.Unsupported, 0},
		"too much to embed":  {500, "", `{"error":{"code":500,"message":"input (6001 tokens) is too large to process. increase the physical batch size (current batch size: 512)","type":"server_error"}}`, provider.ContextOverflow, 0},
		"500":                {500, "", `{"error":{"message":"oops 429 context_length_exceeded"}}`, provider.Unavailable, 0},
		"502 HTML":           {502, "", `<html>Bad Gateway</html>`, provider.Unavailable, 0},
		"529":                {529, "", `{"error":{"message":"overloaded"}}`, provider.Unavailable, 0},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if k, v, ok := strings.Cut(tc.header, ": "); ok {
					w.Header().Set(k, v)
				}
				w.Header().Set("X-Request-Id", "req-42")
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			}))
			defer srv.Close()
			p := newProvider(t, srv.URL)
			_, err := provider.Collect(p.Chat(context.Background(), provider.Request{Messages: []provider.Message{provider.User("hi")}}))
			e, ok := err.(*provider.Error) //nolint:errorlint // the contract says so
			if !ok {
				t.Fatalf("got %v (%T)", err, err)
			}
			if e.Kind != tc.kind || e.Status != tc.status || e.RequestID != "req-42" || e.RetryAfter != tc.retry {
				t.Errorf("got %+v, want kind %s and %s to wait", e, tc.kind, tc.retry)
			}
			if strings.Contains(err.Error(), canary) {
				t.Errorf("the error tells the key: %v", err)
			}
		})
	}
}

// An error in a stream of status 200 has the kind, the status and the words that
// it says, whatever stands around it.
func TestErrorsInAStream(t *testing.T) {
	for by, tc := range map[string]struct {
		typ, body string
		kind      provider.Kind
		status    int
		says      string
	}{
		"bare JSON":            {"text/event-stream", `{"error":{"message":"The model is overloaded","code":503}}` + "\n", provider.Unavailable, 503, "The model is overloaded"},
		"bare, no error":       {"text/event-stream", `{"code":429,"message":"The resource has been exhausted","details":"RESOURCE_EXHAUSTED"}`, provider.RateLimited, 429, "The resource has been exhausted"},
		"Gemini's list":        {"text/event-stream", `data: [{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT"}}]` + "\n\n", provider.Denied, 400, "API key not valid."},
		"a document":           {"application/json", `{"detail":"prompt is too long: 9 tokens > 5 maximum"}`, provider.ContextOverflow, 0, "prompt is too long"},
		"in a choice":          {"text/event-stream", `data: {"choices":[{"index":0,"delta":{"content":""},"error":{"code":502,"message":"Acme broke"},"finish_reason":"error"}]}` + "\n\n", provider.Unavailable, 502, "Acme broke"},
		"event: error, nested": {"text/event-stream", "event: error\ndata: " + `{"message":"Provider returned error","metadata":{"raw":"{\"error\":{\"message\":\"quota\",\"code\":\"insufficient_quota\"}}","provider_name":"Acme"}}` + "\n\n", provider.QuotaExhausted, 0, "Acme: quota"},
	} {
		t.Run(by, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", tc.typ)
				_, _ = io.WriteString(w, tc.body)
			}))
			defer srv.Close()
			_, err := provider.Collect(newProvider(t, srv.URL).Chat(context.Background(), provider.Request{Messages: []provider.Message{provider.User("hi")}}))
			var e *provider.Error
			if !errors.As(err, &e) || e.Kind != tc.kind || e.Status != tc.status || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), `{"`) {
				t.Errorf("got %v, want %s (%d): %s", err, tc.kind, tc.status, tc.says)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	srv := httptest.NewServer(nil)
	dead := srv.URL
	srv.Close()
	tlsServer := httptest.NewTLSServer(nil)
	defer tlsServer.Close()
	tlsServer.Config.ErrorLog = nil
	for name, tc := range map[string]struct{ url, says string }{
		"refused":      {dead, "connection refused"},
		"self-signed":  {tlsServer.URL, "certificate"},
		"plain HTTP":   {strings.Replace(tlsServer.URL, "https", "http", 1), ""},
		"no such name": {"http://no-such-host.invalid", "no-such-host.invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t, tc.url)
			_, err := provider.Collect(p.Chat(context.Background(), provider.Request{Messages: []provider.Message{provider.User("hi")}}))
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, want it to say %q", err, tc.says)
			}
			if k := provider.KindOf(err); k != provider.Unavailable && k != provider.Invalid {
				t.Errorf("kind %q of %v", k, err)
			}
		})
	}
}
