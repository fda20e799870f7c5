// Package httpx is the one way out of the process: a round tripper under both
// SDK clients that decides which addresses may be dialled, follows no
// redirect, bounds what a server may send, runs the first-token and idle
// clocks, and keeps what the SDKs throw away (status, headers, the peer's
// address, the bytes of a failure, whether a stream really ended).
//
// An adapter makes its SDK client with [Transport.Client], puts a [Call] into
// the context of each HTTP call with [WithCall], and reads the Call when the
// SDK returns, whatever the SDK said.
package httpx

import (
	"crypto/tls"
	"maps"
	"net"
	"net/http"
	"time"

	"github.com/tandem-llm/tandem/internal/redact"
)

// Options configure a [Transport]. The zero value is usable.
type Options struct {
	Policy
	Connect time.Duration // most time to connect, TLS included; 0: 10 s
	// FirstToken is the most time from the call to the first content of the
	// answer: the head, comments and empty events are none (see
	// [Call.Content]), and a whole document is content when it comes. 0: no
	// limit.
	FirstToken time.Duration
	Idle       time.Duration // most time between two pieces of the answer after that; comments are none; 0: no limit
	// Keep is how long an unused connection is kept; 0: 4 s. llama.cpp's server
	// and vLLM's (uvicorn) close theirs after 5 s, and a call that is sent at
	// that moment fails.
	Keep time.Duration
	// MaxAnswer is the most bytes of a model's answer: of the body where it is
	// not a stream, else of its text, thinking and tool calls. 0: 64 MiB. Other
	// documents have at most 64 MiB.
	MaxAnswer int64
	MaxLine   int // most bytes of one line of a stream; 0: 8 MiB
	// Secrets are taken out of what a server says of a failure. Nil: only what
	// looks like a key is.
	Secrets *redact.Redactor
	// Resolver looks names up. Nil: the standard library's.
	Resolver *net.Resolver
	// Base carries the calls, with its dialer, proxies and TLS configuration.
	// Nil: transports of our own. What has to stay on this machine goes by a
	// dialer of our own and by no proxy, with the TLS configuration of a Base that
	// is an *http.Transport. With another Base it is refused, since it is unknown
	// where that connects.
	Base http.RoundTripper
	// TLS is the configuration of TLS where there is no Base; nil: the default.
	TLS *tls.Config
	// Header, if not nil, is asked at each call for headers, which are sent over
	// all others. Its error is the call's, and nothing is sent.
	Header func() (http.Header, error)
	// Observe, if not nil, is shown the header of each answer. It keeps nothing of it,
	// and must be safe for concurrent use.
	Observe func(http.Header)
}

// roundTripper is what carries calls.
type roundTripper interface {
	http.RoundTripper
	CloseIdleConnections()
}

// Transport is an http.RoundTripper shared by all clients of a program. It is
// safe for concurrent use.
type Transport struct {
	opts  Options
	open  roundTripper // any address that the policy allows, by proxy if there is one
	local roundTripper // this machine and LocalNetworks only, never by proxy
	// opaque says that open is the caller's own, of which nothing is known but
	// what it tells by net/http/httptrace.
	opaque bool
}

var _ http.RoundTripper = (*Transport)(nil)

// NewTransport returns a transport with connection pools of its own.
func NewTransport(o Options) *Transport {
	if o.Connect == 0 {
		o.Connect = 10 * time.Second
	}
	if o.Keep == 0 {
		o.Keep = 4 * time.Second
	}
	if o.MaxAnswer == 0 {
		o.MaxAnswer = maxBody
	}
	if o.MaxLine == 0 {
		o.MaxLine = 8 << 20
	}
	t := &Transport{opts: o}
	open := t.newPool(&net.Dialer{Timeout: o.Connect, KeepAlive: 30 * time.Second, Resolver: o.Resolver})
	local := t.newPool(&net.Dialer{
		Timeout: o.Connect, KeepAlive: 30 * time.Second,
		ControlContext: t.onlyLocal, Resolver: t.resolver(),
	})
	open.Proxy = noted(http.ProxyFromEnvironment)
	t.open, t.local = open, local
	switch base := o.Base.(type) {
	case nil:
		open.TLSClientConfig, local.TLSClientConfig = o.TLS.Clone(), o.TLS.Clone()
	case *http.Transport:
		theirs := base.Clone()
		local.TLSClientConfig = theirs.TLSClientConfig.Clone()
		t.open = adopted(theirs, open)
	default:
		t.open, t.local, t.opaque = opaque{base}, refusing{t}, true
	}
	return t
}

// Around returns base itself where it is a Transport, and else a Transport
// around it; nil stands for one of our own.
func Around(base http.RoundTripper) *Transport {
	if t, ok := base.(*Transport); ok {
		return t
	}
	return NewTransport(Options{Base: base})
}

func (t *Transport) newPool(d *net.Dialer) *http.Transport {
	return &http.Transport{
		DialContext:            countedDial(watched(d)),
		TLSHandshakeTimeout:    t.opts.Connect,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           1024,
		MaxIdleConnsPerHost:    512,
		IdleConnTimeout:        t.opts.Keep,
		MaxResponseHeaderBytes: maxHead,
	}
}

// maxBody is the most bytes of a document that is not an answer of a model.
const maxBody = 64 << 20

// maxHead is the most bytes of an answer's head, with all that come before it
// (1xx).
const maxHead = 1 << 20

// Client returns a client on the transport that follows no redirect: one
// would carry the prompt, and perhaps the key, to another server.
func (t *Transport) Client() *http.Client {
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
}

// CloseIdleConnections closes the connections that no call is using.
func (t *Transport) CloseIdleConnections() {
	t.open.CloseIdleConnections()
	t.local.CloseIdleConnections()
}

// RoundTrip makes one HTTP call. Its errors: *provider.Error of Kind Timeout,
// Offline or Private; *RedirectError; *NotAPIError; *InBandError; ErrTooLarge from the
// body; else the standard library's.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	call, ctx := callIn(req.Context())
	clock := newAnswerTimeouts(t.opts)
	call.timeouts, call.secrets = clock, t.opts.Secrets
	if call.Chat {
		call.maxContent = t.opts.MaxAnswer
	}
	out := req.WithContext(clock.start(ctx)) // a copy: the request is its maker's own
	if call.edits() {
		if err := call.edit(out); err != nil {
			clock.stop()
			return nil, err
		}
	}
	if t.opts.Header != nil {
		more, err := t.opts.Header()
		if err != nil {
			clock.stop()
			return nil, err
		}
		out.Header = out.Header.Clone()
		maps.Copy(out.Header, more)
	}
	resp, err := t.exchange(call, out)
	if err != nil {
		err = clock.timeoutError(t.connectError(err))
		clock.stop()
		return nil, err
	}
	call.Status, call.ResponseHeader = resp.StatusCode, resp.Header
	if t.opts.Observe != nil {
		t.opts.Observe(resp.Header)
	}
	call.Local = !call.proxied && !t.opaque && call.Peer.IsValid() && t.opts.Local(call.Peer.Addr())
	if clock != nil {
		resp.Body = &timedBody{
			ReadCloser: resp.Body, clock: clock,
			whole: call.Dialect == Whole || call.Dialect == Raw || call.NoStream || resp.StatusCode >= 400,
		}
	}
	return t.receive(call, resp)
}
