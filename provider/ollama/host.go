package ollama

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// DefaultHost is where Ollama listens unless told otherwise.
const DefaultHost = "127.0.0.1:11434"

// ParseHost reads a host as Ollama reads OLLAMA_HOST: [scheme://]host[:port][/path],
// port 11434 unless a scheme says 80 or 443, quotes and spaces around it
// ignored, and an unspecified address (0.0.0.0, ::) taken as loopback. Where
// Ollama falls back to a default without a word, ParseHost returns an error.
func ParseHost(s string) (*url.URL, error) {
	text := strings.TrimSpace(strings.Trim(strings.TrimSpace(s), `"'`))
	if text == "" {
		text = DefaultHost
	}
	scheme, hostport, ok := strings.Cut(text, "://")
	port := "11434"
	switch {
	case !ok:
		scheme, hostport = "http", text
		if text == "ollama.com" {
			scheme, port = "https", "443"
		}
	case scheme == "http":
		port = "80"
	case scheme == "https":
		port = "443"
	default:
		return nil, fmt.Errorf("host %q: the scheme is neither http nor https", s)
	}
	hostport, path, _ := strings.Cut(hostport, "/")
	if strings.Contains(hostport, "@") {
		return nil, fmt.Errorf("the host holds credentials; take them out")
	}
	host := strings.Trim(hostport, "[]")
	if h, p, err := net.SplitHostPort(hostport); err == nil {
		host, port = h, p
	} else if strings.Contains(host, ":") && net.ParseIP(host) == nil {
		return nil, fmt.Errorf("host %q: expected host:port, such as %s", s, DefaultHost)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return nil, fmt.Errorf("host %q: port %q is not a number from 1 to 65535", s, port)
	}
	if err := checkHostname(host); err != nil {
		return nil, fmt.Errorf("host %q: %w; expected something like %s", s, err, DefaultHost)
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip.To4() == nil {
			host = "::1"
		}
	}
	return &url.URL{Scheme: scheme, Host: net.JoinHostPort(host, port), Path: path}, nil
}

func checkHostname(host string) error {
	if host == "" {
		host = "127.0.0.1"
	}
	if i := strings.IndexFunc(host, func(r rune) bool {
		return r != '.' && r != '-' && r != '_' && r != ':' && r != '%' &&
			(r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}); i >= 0 {
		return fmt.Errorf("%q cannot be in a host name", host[i:i+1])
	}
	return nil
}
