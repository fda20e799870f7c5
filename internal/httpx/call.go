package httpx

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tandem-llm/tandem/internal/normalize"
	"github.com/tandem-llm/tandem/internal/redact"
)

// Dialect is how an answer is framed.
type Dialect int

// The dialects.
const (
	Whole  Dialect = iota // one JSON document
	SSE                   // server-sent events, as OpenAI streams
	NDJSON                // a JSON document a line, as Ollama streams
	Raw                   // a file of any size and form, which whoever reads it bounds
)

// Inspector is shown documents, in the call's form and as the server sent them. It
// keeps nothing of them.
type Inspector interface {
	Document(document, sent []byte)
}

// Delta reads what is written as nearly all of an API's answers are, at a fraction of what
// that takes in general, and reports whether it could. What it is given is UTF-8, and has
// no halves of letters.
type Delta interface {
	Event(data []byte) bool    // an event, or a line
	Document(data []byte) bool // a whole answer
}

// Call is one HTTP call: what the adapter asks of the transport, and what the
// transport saw. It belongs to one call and is not safe for concurrent use.
type Call struct {
	Dialect   Dialect     // how a successful answer should be framed
	NoStream  bool        // an NDJSON answer is one document: its first bytes are content
	LocalOnly bool        // dial this machine and the local networks only
	Header    http.Header // set on the request, over what the SDK set
	Query     string      // added to the URL's query, as it stands in a URL
	// Prepend is inserted behind the opening brace of the request's JSON
	// object: whole members, each with its comma, such as `"temperature":0,`.
	// It says what an SDK's structs cannot.
	Prepend []byte
	// Rewrite, if not nil, makes the body that is sent of the request's, Prepend
	// included: for members that stand deeper than those.
	Rewrite func(body []byte) ([]byte, error)
	// Chat says that a model answers: Options.MaxAnswer bounds it, and letters
	// that a stream cuts in two are passed on in halves, for [Letters] to put
	// together.
	Chat bool
	// Free says that the request carries no prompt, costs nothing, and does as
	// much once as twice: it may be sent a second time where a kept connection
	// turns out to be closed.
	Free bool
	// Inspect, if not nil, is shown each JSON document of an answer before the
	// SDK reads it, for the members that the SDK drops.
	Inspect Inspector
	// Form, if not nil, is what each JSON document of an answer is brought into
	// before Inspect and the SDK see it.
	Form *normalize.Form
	// Delta, if not nil, is given each event and line of the answer of a chat, and a whole
	// one, before all else. What it reads is no failure, is in form, and has nothing that
	// Inspect looks for: Inspect is not shown it. InDelta says that the event that came
	// last, or the whole answer, was read by it. The SDK gets an empty object in place of
	// such an answer.
	Delta   Delta
	InDelta bool

	Status         int            // HTTP status; 0: no answer came
	ResponseHeader http.Header    // nil: no answer came
	Peer           netip.AddrPort // who was talked to (a proxy, if there is one)
	Local          bool           // Peer is this machine or a local network, and no proxy
	Failure        []byte         // what was said of a failure, in its body or in band; at most 64 KiB
	Data           bool           // some event or line of a stream came
	Document       bool           // the answer of a chat, in the dialects Whole and SSE, came as one document
	// Events are those of the answer of a chat that came as events, for the adapter to
	// read them without the SDK. Where one document was asked for, the SDK gets an empty
	// object.
	Events Events
	Done   bool // an SSE stream said [DONE]
	// Complaint is an event of a chat that has a sentence, nothing of an answer, and
	// no word that it is an error, or a line that is no event: whether it was one,
	// the end of the answer tells. At most 64 KiB.
	Complaint []byte

	proxied      bool
	maxContent   int64 // bytes of an answer; 0: no limit but a line's
	contentBytes int64 // bytes of content that came
	streamBytes  int64 // bytes of a stream that came
	secrets      *redact.Redactor
	prompt       atomic.Bool // the request carries a prompt
	state        requestState
	timeouts     *answerTimeouts
	waits        func() // nil: nobody wants to know
	trace        httptrace.ClientTrace
	whole        document // of a [Whole] answer
}

type callKey struct{}

// Stage is how far the call of a prompt has got.
type Stage int

// The stages.
const (
	Connecting Stage = iota + 1 // to the server or a proxy; a kept connection skips it
	Sent                        // all of the request
)

type stagesKey struct{}

// WithStages returns a context whose calls that carry a prompt tell how far they
// have got. told must be safe for concurrent use.
func WithStages(ctx context.Context, told func(Stage)) context.Context {
	return context.WithValue(ctx, stagesKey{}, told)
}

type waitsKey struct{}

// WithWaits returns a context whose calls say when they have passed on all that has come of
// an answer, and wait for more: who gathers pieces sends them then. waits must be safe for
// concurrent use.
func WithWaits(ctx context.Context, waits func()) context.Context {
	return context.WithValue(ctx, waitsKey{}, waits)
}

// tellStages has told hear of a call that carries a prompt.
func (c *Call) tellStages(told func(Stage)) {
	c.trace.ConnectStart = func(string, string) {
		if c.prompt.Load() {
			told(Connecting)
		}
	}
	c.trace.WroteRequest = func(i httptrace.WroteRequestInfo) {
		if c.prompt.Load() && i.Err == nil {
			told(Sent)
		}
	}
}

// WithCall returns a context that carries c to the transport.
func WithCall(ctx context.Context, c *Call) context.Context {
	c.trace.GotConn = c.connected
	c.trace.WroteHeaders = c.wroteHead
	c.trace.GotFirstResponseByte = c.firstByte
	if told, ok := ctx.Value(stagesKey{}).(func(Stage)); ok {
		c.tellStages(told)
	}
	c.waits, _ = ctx.Value(waitsKey{}).(func())
	return httptrace.WithClientTrace(context.WithValue(ctx, callKey{}, c), &c.trace)
}

// connected notes who is talked to.
func (c *Call) connected(i httptrace.GotConnInfo) {
	c.state.connected(i)
	if a, ok := i.Conn.RemoteAddr().(*net.TCPAddr); ok {
		c.Peer = a.AddrPort()
	}
}

func (c *Call) wroteHead() { c.state.heads.Add(1) }
func (c *Call) firstByte() { c.state.answered.Store(true) }

// bring notes that a whole document came, an event of a stream or the answer, and
// returns it as to makes it, over buf where that is not its own: in the call's form.
// Its error is a [normalize.Error].
func (c *Call) bring(buf, document []byte, to shape) (out []byte, err error) {
	c.came()
	out = document
	switch {
	case c.Form == nil:
	case to == asEvent:
		out, err = c.Form.Event(buf, document)
	case to == asDocumentInEvent:
		out, err = c.Form.DocumentInEvent(buf, document)
	default:
		out, err = c.Form.Document(buf, document)
	}
	if err != nil {
		out = document // who answered is told by what cannot be read, too
	}
	if c.Inspect != nil {
		c.Inspect.Document(out, document)
	}
	return out, err
}

// reads reports whether an event is read by Delta.
func (c *Call) reads(event []byte) bool {
	return c.Delta != nil && !hasHalves(event) && c.Delta.Event(event)
}

// came notes that a whole document came.
func (c *Call) came() {
	c.timeouts.progress()
	c.Data = true
}

// shape is what a document is, and is passed on as.
type shape int

const (
	asEvent           shape = iota // a piece of a stream
	asDocumentInEvent              // a whole answer, as one event
	asDocument                     // a whole answer
)

func callFrom(ctx context.Context) *Call {
	c, _ := ctx.Value(callKey{}).(*Call)
	return c
}

// callIn is the context's call, or a new one, and the context with it.
func callIn(ctx context.Context) (*Call, context.Context) {
	if c := callFrom(ctx); c != nil {
		return c, ctx
	}
	c := &Call{}
	return c, WithCall(ctx, c)
}

// Content notes that n bytes of the answer itself came. Whoever reads a stream
// says so, for the transport cannot tell content from the events around it;
// until then the first-token clock runs. Of a whole document the transport
// notes it by itself. Its error is a [TooLongError]: the answer has more than it
// may.
func (c *Call) Content(n int) error {
	c.timeouts.contentStarted()
	c.contentBytes += int64(n)
	if c.maxContent > 0 && c.contentBytes > c.maxContent {
		return &TooLongError{Most: c.maxContent}
	}
	return nil
}

// overhead is how much may stand around each byte of a stream's content, and
// bytes besides: events that say nothing, comments. An event of one letter has
// some 300 bytes.
const overhead = 1 << 10

// countStream notes that n bytes of a stream came.
func (c *Call) countStream(n int) error {
	c.streamBytes += int64(n)
	if c.maxContent > 0 && c.streamBytes/overhead > c.contentBytes+c.maxContent/overhead {
		return &TooLongError{Most: c.maxContent}
	}
	return nil
}

// Sent reports whether the prompt may have reached a server: some of the
// request was written to a connection.
func (c *Call) Sent() bool {
	unknown := c.state.opaque && c.state.conns == 0
	return unknown || c.state.timesSent() > 0
}

// RequestID is the server's own id of the call, or "", without secrets.
func (c *Call) RequestID() string {
	for _, name := range []string{"X-Request-Id", "Request-Id"} {
		if id := c.ResponseHeader.Get(name); id != "" {
			return c.secrets.Text(id)
		}
	}
	return ""
}

// RetryAfter is how long the server asked to wait, or 0.
func (c *Call) RetryAfter(now time.Time) time.Duration {
	return ParseRetryAfter(c.ResponseHeader, now)
}

// edits reports whether edit changes anything.
func (c *Call) edits() bool {
	return len(c.Header) > 0 || c.Query != "" || len(c.Prepend) > 0 || c.Rewrite != nil
}

// edit applies Header, Query, Prepend and Rewrite to the request.
func (c *Call) edit(req *http.Request) error {
	if len(c.Header) > 0 {
		req.Header = req.Header.Clone()
		for k, v := range c.Header {
			req.Header[k] = v
		}
	}
	if c.Query != "" {
		u := *req.URL
		u.RawQuery = strings.TrimPrefix(u.RawQuery+"&"+c.Query, "&")
		req.URL = &u
	}
	if len(c.Prepend) == 0 && c.Rewrite == nil || req.Body == nil {
		return nil
	}
	body := make([]byte, 0, int(req.ContentLength)+len(c.Prepend)+1)
	body = append(append(body, '{'), c.Prepend...)
	buf := bytes.NewBuffer(body)
	if _, err := buf.ReadFrom(req.Body); err != nil {
		return fmt.Errorf("reading the request: %w", err)
	}
	body = buf.Bytes()
	at := 1 + len(c.Prepend)
	if len(body) <= at || body[at] != '{' {
		return fmt.Errorf("the request is not a JSON object")
	}
	body = append(body[:at], body[at+1:]...)
	if len(c.Prepend) > 0 && firstByte(body[at:]) == '}' { // nothing follows the last comma
		body = append(body[:at-1], body[at:]...)
	}
	if c.Rewrite != nil {
		var err error
		if body, err = c.Rewrite(body); err != nil {
			return err
		}
	}
	req.ContentLength = int64(len(body))
	req.Body = newDocument(body)
	req.GetBody = func() (io.ReadCloser, error) { return newDocument(body), nil }
	return nil
}

// maxRetryAfter is the longest wait that is believed.
const maxRetryAfter = 24 * time.Hour

// ParseRetryAfter reads retry-after-ms and Retry-After (seconds or an HTTP
// date, relative to now). What is garbage or negative is 0; what is longer
// than 24 h is 24 h.
func ParseRetryAfter(h http.Header, now time.Time) time.Duration {
	bound := func(d time.Duration) time.Duration { return min(max(d, 0), maxRetryAfter) }
	if ms, err := strconv.ParseFloat(strings.TrimSpace(h.Get("Retry-After-Ms")), 64); err == nil && ms > 0 {
		return bound(time.Duration(min(ms, float64(maxRetryAfter.Milliseconds())) * float64(time.Millisecond)))
	}
	v := strings.TrimSpace(h.Get("Retry-After"))
	if s, err := strconv.ParseFloat(v, 64); err == nil {
		return bound(time.Duration(min(s, maxRetryAfter.Seconds()) * float64(time.Second)))
	}
	if at, err := http.ParseTime(v); err == nil {
		return bound(at.Sub(now))
	}
	return 0
}
