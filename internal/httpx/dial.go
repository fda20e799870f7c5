package httpx

import (
	"context"
	"net"
	"net/http"
	"syscall"
	"time"
)

type watchKey struct{}

// WatchDials returns a context in which watch is told of every address that a
// connection is about to be made to, by whichever client of the process. What
// the policy refuses is not among them. An error of watch refuses the address.
// It is how tests count.
func WatchDials(ctx context.Context, watch func(network, address string) error) context.Context {
	return context.WithValue(ctx, watchKey{}, watch)
}

// watched makes a dialer tell the context's watch, after its own control.
func watched(d *net.Dialer) *net.Dialer {
	own := d.ControlContext
	d.ControlContext = func(ctx context.Context, network, address string, c syscall.RawConn) error {
		if own != nil {
			if err := own(ctx, network, address, c); err != nil {
				return err
			}
		}
		if watch, ok := ctx.Value(watchKey{}).(func(string, string) error); ok {
			return watch(network, address)
		}
		return nil
	}
	return d
}

// LoopbackDialer dials this machine and nothing else, and asks no DNS: the
// dialer for what is local by nature, such as a managed engine.
func LoopbackDialer(connect time.Duration) *net.Dialer {
	t := &Transport{opts: Options{Policy: Policy{Offline: true}}}
	return watched(&net.Dialer{Timeout: connect, ControlContext: t.onlyLocal, Resolver: t.resolver()})
}

// Dialer dials for a protocol that is not HTTP, such as that of NATS. It keeps to the
// policy.
func Dialer(p Policy, connect time.Duration) *net.Dialer {
	d := &net.Dialer{Timeout: connect, KeepAlive: 15 * time.Second}
	if p.Offline || p.LocalOnly {
		t := &Transport{opts: Options{Policy: p}}
		d.ControlContext, d.Resolver = t.onlyLocal, t.resolver()
	}
	return watched(d)
}

// PlainClient is a client for what is neither prompt nor answer, such as
// telemetry: it keeps to the policy and follows no redirect, and leaves bodies
// as they are. connect is the most time to connect, TLS included.
func PlainClient(p Policy, connect time.Duration) *http.Client {
	t := NewTransport(Options{Policy: p, Connect: connect})
	c := t.Client()
	c.Transport = plainTransport{t}
	return c
}

// plainTransport is a Transport without its reading of answers.
type plainTransport struct{ *Transport }

// RoundTrip makes one HTTP call.
func (t plainTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	call, ctx := callIn(req.Context())
	resp, err := t.send(call, req.WithContext(ctx)) // a copy: the request is its maker's own
	if err != nil {
		return nil, t.offlineDNSError(err)
	}
	return resp, nil
}
