package httpx

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"github.com/tandem-llm/tandem/provider"
)

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
