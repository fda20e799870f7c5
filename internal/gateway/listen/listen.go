// Package listen opens what the gateway listens on: TCP addresses, Unix sockets, and
// sockets that systemd opened. An address that other machines reach is opened only if
// that was asked for and keys exist.
package listen

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// Config is what to listen on.
type Config struct {
	// Address is HOST:PORT or unix:PATH. localhost is both of its addresses. It does
	// not count if systemd passed sockets.
	Address string
	// Exposed says that other machines may reach the address. It takes HasKeys, too.
	Exposed bool
	HasKeys bool // somebody has a key, so not everybody may ask
	// Inherited are the sockets that systemd passed, see [Inherited]; none: there are
	// none.
	Inherited []net.Listener
}

// ExposedError refuses an address that other machines reach.
type ExposedError struct {
	Address string
	NoFlag  bool // it was not asked for
	NoKeys  bool // nobody has a key
}

// Error says what is missing.
func (e *ExposedError) Error() string {
	needs := "that has to be allowed explicitly, and takes a key"
	switch {
	case !e.NoFlag:
		needs = "that takes a key, and there is none"
	case !e.NoKeys:
		needs = "that has to be allowed explicitly"
	}
	return fmt.Sprintf("other machines may reach %s: %s", e.Address, needs)
}

// Open opens all of it, or nothing. The caller closes the listeners. Errors:
// *ExposedError, *TakenError.
func Open(ctx context.Context, cfg Config) (open []net.Listener, err error) {
	if len(cfg.Inherited) > 0 {
		for _, l := range cfg.Inherited {
			if err := cfg.allow(l.Addr()); err != nil {
				closeAll(cfg.Inherited)
				return nil, fmt.Errorf("the socket that systemd passed: %w", err)
			}
		}
		return cfg.Inherited, nil
	}
	if path, ok := strings.CutPrefix(cfg.Address, "unix:"); ok {
		l, err := openUnix(ctx, path)
		if err != nil {
			return nil, err
		}
		return []net.Listener{l}, nil
	}
	addresses, err := resolve(ctx, cfg.Address)
	if err != nil {
		return nil, err
	}
	for _, addr := range addresses {
		if err := cfg.allow(net.TCPAddrFromAddrPort(addr)); err != nil {
			return nil, err
		}
	}
	for _, addr := range addresses {
		if len(open) > 0 && addr.Port() == 0 { // the same port on both
			addr = netip.AddrPortFrom(addr.Addr(), open[0].Addr().(*net.TCPAddr).AddrPort().Port())
		}
		network := "tcp"
		if addr.Addr().Is4() {
			network = "tcp4" // 0.0.0.0 would be the addresses of IPv6, too
		}
		l, err := (&net.ListenConfig{}).Listen(ctx, network, addr.String())
		switch {
		case err == nil:
			open = append(open, l)
		case len(open) > 0 && !inUse(err):
			// A machine without IPv6 has one of localhost's addresses only.
		default:
			closeAll(open)
			return nil, explain(ctx, addr.String(), err)
		}
	}
	return open, nil
}

// allow refuses an address that other machines reach, unless all is there for it.
func (c Config) allow(addr net.Addr) error {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok || tcp.IP.IsLoopback() || c.Exposed && c.HasKeys {
		return nil
	}
	return &ExposedError{Address: addr.String(), NoFlag: !c.Exposed, NoKeys: !c.HasKeys}
}

// resolve reads an address. A name is looked up once: what was checked is what is
// opened.
func resolve(ctx context.Context, address string) ([]netip.AddrPort, error) {
	host, portText, err := net.SplitHostPort(address)
	port, errPort := strconv.ParseUint(portText, 10, 16)
	if err != nil || errPort != nil {
		return nil, fmt.Errorf("%q is not an address to listen on: write HOST:PORT, such as 127.0.0.1:11500 or [::1]:11500, or unix:PATH", address)
	}
	of := func(addrs ...netip.Addr) (all []netip.AddrPort) {
		for _, a := range addrs {
			all = append(all, netip.AddrPortFrom(a.Unmap(), uint16(port))) //nolint:gosec // it was parsed as 16 bits
		}
		return all
	}
	if host == "" {
		return of(netip.IPv6Unspecified()), nil // every address of the machine, as net.Listen has it
	}
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") { // whatever a name server says of it
		return of(netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()), nil
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return of(addr), nil
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil || len(addrs) == 0 {
		return nil, fmt.Errorf("no address is known of %q; write one of this machine's addresses", host)
	}
	return of(addrs[0]), nil
}

// explain puts an error of the system into words.
func explain(ctx context.Context, address string, err error) error {
	switch {
	case inUse(err):
		return taken(ctx, address)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("this user may not listen on %s; use a port from 1024 on", address)
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	return fmt.Errorf("listening on %s: %w", address, err)
}

func closeAll(all []net.Listener) {
	for _, l := range all {
		_ = l.Close()
	}
}
