package openai

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/tandem-llm/tandem/internal/apierror"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
)

// failure classifies what the SDK or the transport reported. The caller's own
// context error goes back unchanged.
func (a *answer) failure(caller context.Context, err error) error {
	if caller.Err() != nil {
		return caller.Err()
	}
	return a.p.classify(a.call, a.asked, a.yielded, &a.sent, err)
}

func (a *answer) error(k provider.Kind, format string, args ...any) error {
	e := provider.Errorf(k, a.p.cfg.Name, a.asked, format, args...)
	e.Status, e.RequestID, e.Sent = a.call.Status, a.call.RequestID(), a.call.Sent()
	e.Err = a.p.secrets.Error(e.Err)
	return e
}

// classify makes the one error of a failed call. partial says that some of the
// answer has been yielded, and what says what was sent; nil: nothing that may be
// refused.
func (p *Provider) classify(c *httpx.Call, model string, partial bool, what *sent, err error) error {
	e := c.Error(err, p.endpoint, p.cfg.BaseURL, partial, func(e *provider.Error) {
		said := apierror.Parse(p.secrets.Body(c.Failure)) // before it is cut to what is shown
		if e.Status == 0 {
			e.Status = said.Status
		}
		e.RetryAfter = max(e.RetryAfter, said.RetryAfter)
		e.Kind = said.Kind(e.Status)
		e.Err = errors.New(errorText(&said, e))
		if what != nil && !partial {
			p.adapt(what, &said, e)
		}
	})
	e.Provider, e.Model, e.Err = p.cfg.Name, model, p.secrets.Error(e.Err)
	e.RequestID = p.secrets.Text(e.RequestID)
	return e
}

// errorText is what is shown of a failure.
func errorText(said *apierror.Error, e *provider.Error) string {
	text := httpx.OneLine(said.Sentence(e.Status))
	switch {
	case e.Kind == provider.Unavailable && (e.Status == http.StatusNotFound || e.Status == http.StatusMethodNotAllowed):
		if text = "there is no such path on the server"; said.JSON() && strings.Contains(said.Message, " ") {
			text += " (" + httpx.OneLine(said.Message) + ")"
		}
		text += "; does base_url end in /v1?"
	case said.Page():
		text += "; a proxy or gateway may be in the way"
	}
	return text
}
