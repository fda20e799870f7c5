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
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/tandem-llm/tandem/internal/redact"
	"github.com/tandem-llm/tandem/provider"
)

// Policy says which addresses may be dialled. The zero Policy allows all.
type Policy struct {
	// Offline refuses every address that is not loopback, and every DNS query.
	Offline bool
	// LocalOnly refuses every address that does not count as this machine, as
	// [Call.LocalOnly] does for one call.
	LocalOnly bool
	// LocalNetworks count as this machine for [Call.LocalOnly], loopback apart.
	LocalNetworks []netip.Prefix
}

// Local reports whether an address counts as this machine. Offline, only
// loopback does.
func (p Policy) Local(a netip.Addr) bool {
	a = a.Unmap()
	if a.IsLoopback() {
		return true
	}
	if p.Offline {
		return false
	}
	for _, n := range p.LocalNetworks {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

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

// adopted is the caller's transport with what calls need of it: connections that
// count what is written, and proxies that are noted. What it does not set, ours
// does.
func adopted(theirs, ours *http.Transport) *http.Transport {
	switch dial := theirs.DialContext; {
	case dial != nil:
		theirs.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &countedConn{Conn: c}, nil
		}
	case theirs.Dial == nil: //nolint:staticcheck // it may be set
		theirs.DialContext = ours.DialContext
	}
	if theirs.Proxy != nil {
		theirs.Proxy = noted(theirs.Proxy)
	}
	if theirs.MaxResponseHeaderBytes == 0 {
		theirs.MaxResponseHeaderBytes = maxHead
	}
	return theirs
}

// opaque is a round tripper of which nothing is known.
type opaque struct{ http.RoundTripper }

// CloseIdleConnections asks it to, if it can.
func (o opaque) CloseIdleConnections() {
	if c, ok := o.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// refusing refuses what has to stay on this machine.
type refusing struct{ t *Transport }

func (refusing) CloseIdleConnections() {}

func (r refusing) RoundTrip(*http.Request) (*http.Response, error) {
	kind, why := provider.Private, "the prompt may not leave this machine"
	if r.t.opts.Offline {
		kind, why = provider.Offline, "offline mode is on"
	}
	return nil, &provider.Error{Kind: kind, Err: fmt.Errorf("it is unknown where the configured RoundTripper connects, but %s; use an *http.Transport", why)}
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

// noted notes which calls go by a proxy. The environment's is never used for
// loopback by the standard library. A call by proxy is not local, wherever the
// proxy listens.
func noted(proxy func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	return func(req *http.Request) (*url.URL, error) {
		u, err := proxy(req)
		if u != nil {
			if c := callFrom(req.Context()); c != nil {
				c.proxied = true
			}
		}
		return u, err
	}
}

// resolver makes no query in offline mode; names then come from the hosts file.
func (t *Transport) resolver() *net.Resolver {
	if !t.opts.Offline {
		return t.opts.Resolver
	}
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errNoQuery
	}}
}

// errNoQuery is what the resolver is told in offline mode. It keeps only the
// text of it.
var errNoQuery = errors.New("no DNS query in offline mode")

// offlineDNSError gives the resolver's error in offline mode the Kind that the
// resolver took from it.
func (t *Transport) offlineDNSError(err error) error {
	var dns *net.DNSError
	if !t.opts.Offline || !errors.As(err, &dns) {
		return err
	}
	return &provider.Error{Kind: provider.Offline, Err: fmt.Errorf("the name %q needs a DNS query, but offline mode is on; write the host as an address, such as 127.0.0.1", dns.Name)}
}

// connectTimeoutError gives a connection that took too long the Kind Timeout.
func (t *Transport) connectTimeoutError(err error) error {
	var (
		dial  *net.OpError
		dns   *net.DNSError
		timed interface{ Timeout() bool }
	)
	switch {
	case errors.As(err, &dns), !errors.As(err, &timed), !timed.Timeout():
		return err
	case errors.As(err, &dial) && dial.Op == "dial", strings.Contains(err.Error(), "TLS handshake timeout"):
		return &provider.Error{Kind: provider.Timeout, Err: fmt.Errorf("no connection within %s (timeouts.connect)", t.opts.Connect)}
	}
	return err
}

// onlyLocal is asked by the dialer about each resolved address, before it
// connects.
func (t *Transport) onlyLocal(_ context.Context, _, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err == nil && t.opts.Local(ap.Addr()) {
		return nil
	}
	if t.opts.Offline {
		return &provider.Error{Kind: provider.Offline, Err: fmt.Errorf("%s is not on this machine, and offline mode is on", address)}
	}
	return &provider.Error{Kind: provider.Private, Err: fmt.Errorf("%s is not on this machine, and the prompt may not leave it", address)}
}

// Local reports whether an address counts as this machine; see [Policy.Local].
func (t *Transport) Local(a netip.Addr) bool { return t.opts.Local(a) }

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
		err = clock.timeoutError(t.connectTimeoutError(t.offlineDNSError(err)))
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
