package guard

import (
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// hostPort is a host and its port in one form: lower case, no final dot, addresses as
// netip writes them, IPv4 within IPv6 as IPv4. An empty port is the scheme's.
type hostPort struct{ host, port string }

// parseHost reads a Host header, exactly: what a browser would have rewritten before
// sending it (127.1, a user name, a port with zeros before it) is none.
func parseHost(text string) (hostPort, bool) {
	host, port, hasPort := strings.Cut(text, ":")
	if strings.HasPrefix(text, "[") {
		inside, after, closed := strings.Cut(text[1:], "]")
		addr, err := netip.ParseAddr(inside)
		if !closed || err != nil || !addr.Is6() {
			return hostPort{}, false
		}
		host = inside
		if _, port, hasPort = strings.Cut(after, ":"); after != "" && !strings.HasPrefix(after, ":") {
			return hostPort{}, false
		}
	}
	if hasPort {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 || strconv.FormatUint(n, 10) != port {
			return hostPort{}, false
		}
	}
	if addr, err := netip.ParseAddr(strings.TrimSuffix(host, ".")); err == nil {
		return hostPort{addr.Unmap().WithZone("").String(), port}, true
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "" || strings.HasPrefix(host, ".") || strings.Contains(host, "..") ||
		strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789-._") != "" {
		return hostPort{}, false
	}
	return hostPort{host, port}, true
}

// checkHost refuses a request for another server. The page of a site whose name was
// pointed at this machine (DNS rebinding) asks with that site's name: only names that
// no other site can have pass.
func (g *Guard) checkHost(x *request) *Refusal {
	if host, ok := parseHost(x.Host); ok && g.isOurs(host, g.localAddr(x.Request)) {
		return nil
	}
	return refusef(http.StatusMisdirectedRequest, CodeWrongHost,
		"this server does not accept the name in the request's Host header; use the address and port that it listens on, or add the name to gateway.hosts in its configuration (NAME:PORT if the port is another one)")
}

func (g *Guard) isOurs(host hostPort, local net.Addr) bool {
	loopback := host.host == "localhost" || host.host == "127.0.0.1" || host.host == "::1"
	var own hostPort
	switch addr := local.(type) {
	case *net.UnixAddr:
		// No page reaches a Unix socket. What forwards a port to it passes a page's
		// request on, with the port forwarded.
		if loopback || host.host == "unix" {
			return true
		}
	case *net.TCPAddr:
		ip, _ := netip.AddrFromSlice(addr.IP)
		own = hostPort{ip.Unmap().String(), strconv.Itoa(addr.Port)}
		samePort := host.port == own.port || host.port == "" && own.port == "80"
		if samePort && (loopback || host.host == own.host) {
			return true
		}
	}
	for _, h := range g.names.Load().hosts {
		if h.host == host.host && (h.port == host.port || h.port == "" && own.port != "" && host.port == own.port) {
			return true
		}
	}
	return false
}
