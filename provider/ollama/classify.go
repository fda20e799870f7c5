package ollama

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/tandem-llm/tandem/internal/apierror"
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
	e.Err = a.p.secrets.Error(e.Err)
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
		said := apierror.Parse(c.Failure)
		e.RetryAfter = max(e.RetryAfter, said.RetryAfter)
		e.Kind, e.Err = kindOf(c.Status, &said), errors.New(errorText(&said, c.Status))
		switch {
		case e.Kind == provider.Unsupported && lacking(said.Message) != "":
			e.Err = failure.About(e.Err, failure.MemberFor(lacking(said.Message)))
		case e.Kind == provider.ModelNotFound:
			e.Err = failure.Mark(e.Err, failure.ErrNotPulled)
		case c.Status == http.StatusNotImplemented && strings.Contains(said.Message, "does not support embeddings"):
			e.Err = errNoEmbeddings
		case c.Status == http.StatusForbidden && strings.HasPrefix(said.Message, "ollama cloud is disabled"):
			e.Kind, e.Err = provider.Unsupported, failure.Mark(fmt.Errorf("%w (OLLAMA_NO_CLOUD)", e.Err), failure.ErrCloudDisabled)
		case e.Kind == provider.Denied && bytes.Contains(c.Failure, []byte(`"signin_url"`)):
			e.Err = failure.Mark(e.Err, failure.ErrSignIn)
		case e.Kind == provider.Denied: // Ollama itself asks for no key
			e.Err = failure.Mark(e.Err, failure.ErrKeyInHeader)
		}
	})
	e.Provider, e.Model = p.cfg.Name, model
	e.Err, e.RequestID = p.secrets.Error(e.Err), p.secrets.Text(e.RequestID)
	return e
}

// kindOf is the kind of an error that came with that HTTP status. Ollama gives no
// codes; what stands here is its alone, and the rest is in package apierror.
func kindOf(status int, said *apierror.Error) provider.Kind {
	kind := said.Kind(status)
	switch kind {
	case provider.Invalid:
		if strings.Contains(said.Message, "does not support") || strings.Contains(said.Message, "not supported") {
			return provider.Unsupported
		}
	case provider.Unavailable:
		if status == http.StatusInternalServerError && strings.HasPrefix(said.Message, "template: ") {
			return provider.Invalid // Go's word for a template that is none
		}
		if status == http.StatusNotFound && said.JSON() || strings.Contains(said.Message, "file does not exist") {
			return provider.ModelNotFound
		}
	}
	return kind
}

// lacking is what the model cannot do by Ollama's words, "MODEL does not support tools";
// "": they say no such thing.
func lacking(message string) provider.Capability {
	_, what, _ := strings.Cut(message, " does not support ")
	switch c := provider.Capability(what); c {
	case provider.CanTools, provider.CanThink, provider.CanInsert, provider.CanVision:
		return c
	}
	return ""
}

func errorText(said *apierror.Error, status int) string {
	text := httpx.OneLine(said.Sentence(status))
	if said.Page() {
		text += "; is this Ollama?"
	}
	return text
}
