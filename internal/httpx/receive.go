package httpx

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/tandem-llm/tandem/internal/apierror"
)

// maxFailure is how much of a failure's body is kept, in bytes.
const maxFailure = 64 << 10

// ErrTooLarge is a body or a line over the limit.
var ErrTooLarge = errors.New("the answer is over the size limit")

// TooLongError is an answer, streamed or whole, over the limit that is set for
// it. It is an [ErrTooLarge].
type TooLongError struct{ Most int64 } // bytes

func (e *TooLongError) Error() string {
	size := fmt.Sprintf("%d bytes", e.Most)
	switch {
	case e.Most%(1<<20) == 0:
		size = fmt.Sprintf("%d MiB", e.Most>>20)
	case e.Most%(1<<10) == 0:
		size = fmt.Sprintf("%d KiB", e.Most>>10)
	}
	return fmt.Sprintf("the answer is longer than %s (max_answer)", size)
}

// Is reports that it is an ErrTooLarge.
func (e *TooLongError) Is(target error) bool { return target == ErrTooLarge } //nolint:errorlint // this very one

// RedirectError is an answer that points elsewhere. It is not followed.
type RedirectError struct {
	Status   int
	Location string
}

func (e *RedirectError) Error() string {
	return fmt.Sprintf("redirected to %s, which is not followed: a redirect would carry the prompt elsewhere; configure that address if it is right", e.Location)
}

// NotAPIError is a success whose body is not what the API sends: a web page, a
// JSON document where a stream was due, or nothing at all. The body's start is
// in Call.Failure.
type NotAPIError struct{ Got string }

func (e *NotAPIError) Error() string {
	return fmt.Sprintf("answered with %s, not as its API does; is the address right?", e.Got)
}

// InBandError is an error object inside an answer with status 200. The object
// is in Call.Failure.
type InBandError struct{}

func (*InBandError) Error() string { return "the server reported an error in its answer" }

// receive checks an answer's head and puts the reader that its framing needs
// under the SDK.
func (t *Transport) receive(c *Call, resp *http.Response) (*http.Response, error) {
	switch {
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		defer resp.Body.Close()
		return nil, &RedirectError{Status: resp.StatusCode, Location: withoutCredentials(resp.Header.Get("Location"))}
	case resp.StatusCode >= 400:
		return keepFailure(c, resp)
	case resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusCreated:
		return notAPI(c, resp, fmt.Sprintf("status %d (%s)", resp.StatusCode, http.StatusText(resp.StatusCode)))
	case resp.Header.Get("Content-Range") != "":
		return notAPI(c, resp, "a part of an answer (Content-Range)")
	case c.Dialect == Whole:
		return receiveWhole(c, resp)
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch {
	case kind == "text/html":
		return notAPI(c, resp, kind)
	case c.Dialect == Raw:
		return resp, nil
	case c.Dialect == NDJSON:
		r := newLineReader(c, resp.Body, t.opts.MaxLine)
		resp.Body = r
		if c.Chat {
			c.Events = r
		}
	default:
		r := newSSEReader(c, resp.Body, t.opts.MaxLine)
		if kind == "application/json" {
			r.notSSE = kind
		}
		resp.Body = r
		if c.Chat {
			c.Events = r
		}
	}
	resp.ContentLength = -1
	return resp, nil
}

// keepFailure keeps the start of a failure's body and passes that on.
func keepFailure(c *Call, resp *http.Response) (*http.Response, error) {
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxFailure))
	c.Failure = body
	if err != nil && len(body) == 0 {
		return nil, err
	}
	resp.Body = newDocument(body)
	resp.ContentLength = int64(len(body))
	return resp, nil
}

func notAPI(c *Call, resp *http.Response, kind string) (*http.Response, error) {
	defer resp.Body.Close()
	c.Failure, _ = io.ReadAll(io.LimitReader(resp.Body, maxFailure))
	if apierror.Instead(c.Failure) {
		return nil, &InBandError{}
	}
	return nil, &NotAPIError{Got: kind}
}

// receiveWhole reads a JSON document, bounded, and looks for an error in it. A
// server that streams the answer of a chat has its events kept apart.
func receiveWhole(c *Call, resp *http.Response) (*http.Response, error) {
	defer resp.Body.Close()
	body, err := readWhole(c, resp)
	c.Data = c.Data || err != nil && c.begins(body)
	if err == nil && c.Chat && (looksLikeEvents(body) || looksLikeLines(body)) {
		c.Events = newSSEReader(c, newDocument(body), len(body)+1)
		body = []byte("{}")
	} else if err == nil && c.Delta != nil && !hasHalves(body) && c.Delta.Document(body) {
		c.came()
		c.Document, c.InDelta = true, true
		body = []byte("{}")
	} else if err == nil {
		if err = checkDocument(c, body, resp.Header.Get("Content-Type")); err == nil {
			body, err = c.bring(nil, body, asDocument)
			c.Document = true
		}
	}
	if err != nil {
		return nil, err
	}
	c.whole.Reset(body)
	resp.Body = &c.whole
	resp.ContentLength = int64(len(body))
	return resp, nil
}

// looksLikeEvents reports whether a body begins as a stream of events does.
func looksLikeEvents(body []byte) bool {
	body = bytes.TrimLeft(body, "\r\n")
	for _, field := range []string{"data:", "event:", "id:", "retry:", ":"} {
		if bytes.HasPrefix(body, []byte(field)) {
			return true
		}
	}
	return false
}

// looksLikeLines reports whether a body is JSON documents in lines of their own.
func looksLikeLines(body []byte) bool {
	first, rest, _ := bytes.Cut(body, []byte{'\n'})
	return firstByte(rest) == '{' && json.Valid(first)
}

// checkDocument is the error of a body that is not one JSON document, or that is
// an error.
func checkDocument(c *Call, body []byte, contentType string) (err error) {
	switch i := firstByte(body); {
	case i != '{' && i != '[':
		err = &NotAPIError{Got: describe(body, contentType)}
	case apierror.InBand(body), c.Chat && isFailure(body):
		err = &InBandError{}
	case json.Valid(body):
	case isCut(body):
		c.Data = true // of an answer, some came
		return io.ErrUnexpectedEOF
	case hasTrailingData(body):
		err = &NotAPIError{Got: "a document and something after it"}
	default:
		c.Data = true
		var document json.RawMessage
		return json.Unmarshal(body, &document)
	}
	if err != nil {
		c.Failure = bytes.Clone(body[:min(len(body), maxFailure)])
	}
	return err
}

// isCut reports whether data is the beginning of a JSON value.
func isCut(data []byte) bool {
	var value json.RawMessage
	return errors.Is(json.NewDecoder(bytes.NewReader(data)).Decode(&value), io.ErrUnexpectedEOF)
}

// hasTrailingData reports whether something stands behind a JSON document.
func hasTrailingData(body []byte) bool {
	d := json.NewDecoder(bytes.NewReader(body))
	var first json.RawMessage
	return d.Decode(&first) == nil
}

// begins reports whether data, of which the rest is missing, is some of a chat's answer.
func (c *Call) begins(data []byte) bool { return c.Chat && firstByte(data) == '{' }

// readWhole reads a body of bounded size, or as much of it as came. Its buffer has the size that the
// server announced, or else doubles, and is never larger than one byte more.
func readWhole(c *Call, resp *http.Response) ([]byte, error) {
	most, long := int64(maxBody), ErrTooLarge
	if c.maxContent > 0 {
		most, long = c.maxContent, &TooLongError{Most: c.maxContent}
	}
	if resp.ContentLength > most {
		return nil, long
	}
	size := resp.ContentLength + 1 // room to meet the end in
	if size <= 0 {
		size = min(4096, most+1)
	}
	body := make([]byte, 0, size)
	for {
		n, err := resp.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case int64(len(body)) > most:
			return nil, long
		case err == io.EOF:
			return bytes.TrimPrefix(body, utf8BOM), nil
		case err != nil:
			return body, err
		case len(body) == cap(body):
			body = append(make([]byte, 0, min(2*int64(cap(body)), most+1)), body...)
		}
	}
}

// document is a body that is in memory.
type document struct{ bytes.Reader }

func newDocument(body []byte) *document {
	d := &document{}
	d.Reset(body)
	return d
}

func (*document) Close() error { return nil }

var utf8BOM = []byte("\xef\xbb\xbf")

func firstByte(b []byte) byte {
	b = bytes.TrimLeft(b, " \t\r\n")
	if len(b) == 0 {
		return 0
	}
	return b[0]
}

func describe(body []byte, contentType string) string {
	if len(bytes.TrimSpace(body)) == 0 {
		return "an empty body"
	}
	if kind, _, err := mime.ParseMediaType(contentType); err == nil {
		return kind
	}
	return "something that is not JSON"
}

// isFailure reports whether a JSON document that stands where a chat's answer does
// is a failure.
func isFailure(data []byte) bool {
	return apierror.InBand(data) || !bytes.Contains(data, choicesWord) && apierror.Instead(data)
}

var (
	choicesWord = []byte(`"choices"`)
	messageWord = []byte(`"message"`)
	deltaWord   = []byte(`"delta"`)
)

// withoutCredentials drops credentials and the query from a URL that is shown.
func withoutCredentials(location string) string {
	if i := strings.IndexAny(location, "?#"); i >= 0 {
		location = location[:i]
	}
	if scheme, rest, ok := strings.Cut(location, "://"); ok {
		if at := strings.LastIndex(rest, "@"); at >= 0 {
			rest = rest[at+1:]
		}
		return scheme + "://" + rest
	}
	return location
}
