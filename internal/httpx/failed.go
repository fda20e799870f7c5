package httpx

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/normalize"
	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/provider"
)

// Error makes the one error of a call that failed with err, without who failed.
// server is who was called, scheme://host:port, and api the address as it was
// configured; partial says that some of the
// answer has been passed on; said reads what the server itself said of the
// failure, out of c.Failure and c.Status, and sets Kind and Err. The transport's
// secrets are in neither: c.Failure loses them before anything is cut from it.
func (c *Call) Error(err error, server, api string, partial bool, said func(*provider.Error)) *provider.Error {
	c.Failure = c.secrets.Body(c.Failure)
	e := &provider.Error{
		Status: c.Status, RetryAfter: c.RetryAfter(time.Now()), RequestID: c.RequestID(), Sent: c.Sent(), Final: Final(err),
	}
	var (
		own      *provider.Error
		redirect *RedirectError
		notAPI   *NotAPIError
		inBand   *InBandError
		form     *normalize.Error
	)
	switch {
	case errors.As(err, &own): // the transport's, or the answer's own
		e.Kind, e.Err = own.Kind, own.Err
	case errors.As(err, &redirect):
		e.Kind, e.Err, e.Status = provider.Unavailable, redirect, redirect.Status
	case errors.As(err, &inBand), c.Status >= 400:
		if e.Status < 400 {
			e.Status = 0 // an error in band has none, unless it says so
		}
		said(e)
		if partial && e.Kind == provider.Unavailable { // whatever ended it, this answer will not be finished
			e.Kind, e.Err = provider.Truncated, brokeOff(e.Err)
		}
	case errors.As(err, &form):
		e.Kind, e.Err = provider.BadAnswer, form
	case errors.Is(err, ErrTooLarge):
		e.Kind, e.Err = provider.Unavailable, ErrTooLarge
		if long := (*TooLongError)(nil); errors.As(err, &long) {
			e.Err = long
		}
		if partial {
			e.Kind = provider.Truncated
		}
	case partial || (c.Data && !errors.As(err, &notAPI)):
		e.Kind, e.Err = provider.Truncated, brokeOff(connectionClosed(err))
	case errors.As(err, &notAPI):
		e.Kind, e.Err = provider.Unavailable, fmt.Errorf("%s %w", api, notAPI)
	case c.Status != 0 && errors.Is(err, io.ErrUnexpectedEOF):
		e.Kind, e.Err = provider.Unavailable, fmt.Errorf("%s sent an incomplete answer", server)
	default:
		e.Kind, e.Err = provider.Unavailable, fmt.Errorf("%s: %w", server, Plain(err))
	}
	e.Err = c.secrets.Error(e.Err)
	return e
}

func brokeOff(why error) error {
	return fmt.Errorf("the answer broke off before it was finished: %w", why)
}

// connectionClosed words an end of file.
func connectionClosed(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the server closed the connection")
	}
	return Plain(err)
}

// maxOneLine is how much is shown of what a server said, in bytes.
const maxOneLine = 500

// OneLine is a server's text on one line, cut where it is too long to be shown.
func OneLine(text string) string {
	return textx.Brief(strings.Join(strings.Fields(strings.ToValidUTF8(text, "\uFFFD")), " "), maxOneLine)
}
