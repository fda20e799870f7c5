package ollama

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"

	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
)

// failure makes the error of a chat that did not end with done:true.
func (a *answer) failure(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return a.p.classify(a.call, a.asked, a.yielded, err)
}

func (a *answer) error(k provider.Kind, format string, args ...any) *provider.Error {
	e := provider.Errorf(k, a.p.cfg.Name, a.asked, format, args...)
	e.Status, e.RequestID, e.Sent = a.call.Status, a.call.RequestID(), a.call.Sent()
	return e
}

// callError makes the error of any other call.
func (p *Provider) callError(ctx context.Context, c *httpx.Call, model string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return p.classify(c, model, false, err)
}

// classify makes the one error of a failed call. partial says that some of the
// answer has been yielded.
func (p *Provider) classify(c *httpx.Call, model string, partial bool, err error) error {
	e := c.Error(err, p.endpoint, p.endpoint, partial, func(e *provider.Error) {
		text := errorMessage(c.Failure)
		e.Kind, e.Err = kindOf(c.Status, text), errors.New(errorText(text, c.Failure))
		switch {
		case e.Kind == provider.ModelNotFound:
			e.Err = failure.Mark(e.Err, failure.ErrNotPulled)
		case c.Status == http.StatusNotImplemented && strings.Contains(text, "does not support embeddings"):
			e.Err = errNoEmbeddings
		case noCloud(c):
			e.Kind, e.Err = provider.Unsupported, failure.Mark(fmt.Errorf("%w (OLLAMA_NO_CLOUD)", e.Err), failure.ErrCloudDisabled)
		}
	})
	e.Provider, e.Model = p.cfg.Name, model
	e.Err, e.RequestID = p.secrets.Error(e.Err), p.secrets.Text(e.RequestID)
	return e
}

// noCloud reports whether a server refused a call because it may have nothing
// run elsewhere.
func noCloud(c *httpx.Call) bool {
	return c.Status == http.StatusForbidden && strings.HasPrefix(errorMessage(c.Failure), "ollama cloud is disabled")
}

// errorMessage is the text of Ollama's {"error":"…"}; newer servers put llama.cpp's
// own error object into that string, as text.
func errorMessage(body []byte) string {
	var o struct {
		Error json.RawMessage `json:"error"`
	}
	if json.Unmarshal(body, &o) != nil || len(o.Error) == 0 {
		return ""
	}
	var text string
	if json.Unmarshal(o.Error, &text) != nil {
		text = string(o.Error)
	}
	var inner struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal([]byte(text), &inner) == nil && inner.Error.Message != "" {
		return inner.Error.Message
	}
	return text
}

// kindPattern is the kind of the errors whose text matches.
type kindPattern struct {
	re   *regexp.Regexp
	kind provider.Kind
}

// errorTexts are how Ollama says what it gives no code for. They are read here and
// nowhere else; each stands in the server's source. They are compiled at the
// first error, not as the program starts.
var errorTexts = sync.OnceValue(func() []kindPattern {
	return []kindPattern{
		{regexp.MustCompile(`input length exceeds the context length|exceeds the available context size|prompt is too long`), provider.ContextOverflow},
		{regexp.MustCompile(`requires more system memory|memory layout cannot be allocated|unable to load full model on GPU|cudaMalloc failed|out of memory|llama runner process has terminated|model runner has unexpectedly stopped`), provider.OutOfMemory},
		{regexp.MustCompile(`does not support|not supported|invalid JSON schema in format|failed to parse grammar`), provider.Unsupported},
		{regexp.MustCompile(`^model .* not found|model '.*' not found|file does not exist`), provider.ModelNotFound},
	}
})

func kindOf(status int, text string) provider.Kind {
	for _, t := range errorTexts() {
		if t.re.MatchString(text) {
			return t.kind
		}
	}
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return provider.Denied
	case status == http.StatusNotFound && text != "":
		return provider.ModelNotFound
	case status == http.StatusTooManyRequests:
		return provider.RateLimited
	case status == http.StatusNotImplemented:
		return provider.Unsupported
	case status == http.StatusRequestTimeout, status == http.StatusGatewayTimeout:
		return provider.Timeout
	case status == http.StatusRequestEntityTooLarge:
		return provider.ContextOverflow
	case status == http.StatusConflict:
		return provider.Unavailable
	case status >= 400 && status < 500 && status != http.StatusNotFound:
		return provider.Invalid
	}
	return provider.Unavailable
}

func errorText(text string, body []byte) string {
	switch {
	case text != "":
	case strings.HasPrefix(strings.TrimSpace(string(body)), "<"):
		text = "the server sent a web page; is this Ollama?"
	case len(strings.TrimSpace(string(body))) == 0:
		text = "the server gave no reason"
	default:
		text = string(body)
	}
	return httpx.OneLine(text)
}
