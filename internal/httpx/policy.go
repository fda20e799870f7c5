package httpx

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"

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

// Local reports whether an address counts as this machine; see [Policy.Local].
func (t *Transport) Local(a netip.Addr) bool { return t.opts.Local(a) }

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

// connectError gives an error the Kind of what kept a connection from being made.
func (t *Transport) connectError(err error) error {
	return filesError(t.connectTimeoutError(t.offlineDNSError(err)))
}

// filesError gives a connection that this process may not open its Kind: the server is
// as well as ever, and others go on.
func filesError(err error) error {
	if !errors.Is(err, syscall.EMFILE) && !errors.Is(err, syscall.ENFILE) {
		return err
	}
	return &provider.Error{Kind: provider.RateLimited, Err: errors.New("this process has as many files and connections open as the system lets it; raise the limit (`ulimit -n`, or LimitNOFILE of a systemd unit), or make fewer calls at a time")}
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
