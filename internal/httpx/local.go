package httpx

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
)

// LocalEndpoint reports whether the host of a URL is on this machine: whether
// each address that it resolves to is local. Offline no query leaves, and the
// hosts file still counts.
func (p Policy) LocalEndpoint(ctx context.Context, endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil {
		return p.Local(a)
	}
	resolver := net.DefaultResolver
	if p.Offline {
		resolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("offline")
		}}
	}
	addrs, err := resolver.LookupNetIP(ctx, "ip", u.Hostname())
	for _, a := range addrs {
		if !p.Local(a) {
			return false
		}
	}
	return err == nil && len(addrs) > 0
}

// LocalEndpoint is that of the transport's policy.
func (t *Transport) LocalEndpoint(ctx context.Context, endpoint string) bool {
	return t.opts.LocalEndpoint(ctx, endpoint)
}
