package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Endpoint is where a provider's prompts go, as a URL without credentials:
// scheme://host:port/path, port always given.
func (p Provider) Endpoint() string {
	if p.Kind == KindOllama {
		u, err := hostEndpoint(p.Host)
		if err != nil {
			return p.Host
		}
		return u
	}
	u, err := url.Parse(p.BaseURL)
	if err != nil {
		return p.BaseURL
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port) + strings.TrimRight(u.EscapedPath(), "/")
}

// Loopback reports whether the provider is on this machine by its address's
// very text. No name is looked up: localhost counts, others do not.
func (p Provider) Loopback() bool {
	u, err := url.Parse(p.Endpoint())
	if err != nil {
		return false
	}
	a, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && a.Unmap().IsLoopback()
}

// hostEndpoint reads a host as Ollama does: [scheme://]host[:port][/path], port
// 11434 unless a scheme implies another, an unspecified address (0.0.0.0) taken
// as loopback. The port is required to be one, where Ollama would fall back
// without a word.
func hostEndpoint(s string) (string, error) {
	s = strings.TrimSpace(strings.Trim(strings.TrimSpace(s), `"'`))
	scheme, rest, ok := strings.Cut(s, "://")
	port := "11434"
	switch {
	case !ok:
		scheme, rest = "http", s
		if s == "ollama.com" {
			scheme, port = "https", "443"
		}
	case scheme == "http":
		port = "80"
	case scheme == "https":
		port = "443"
	default:
		return "", errors.New("the scheme is neither http nor https")
	}
	hostport, path, _ := strings.Cut(rest, "/")
	if strings.ContainsAny(rest, "@?#") {
		return "", errors.New("a host has no credentials and no query")
	}
	host := strings.Trim(hostport, "[]")
	if h, p, err := net.SplitHostPort(hostport); err == nil {
		host, port = h, p
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return "", fmt.Errorf("%q is not a port", port)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	if a, err := netip.ParseAddr(host); err == nil {
		if a.IsUnspecified() {
			host = map[bool]string{true: "127.0.0.1", false: "::1"}[a.Is4()]
		}
	} else if !isHostname(host) {
		return "", fmt.Errorf("%s is not a host", quoteHost(host))
	}
	if path != "" {
		path = "/" + strings.TrimRight(path, "/")
	}
	return scheme + "://" + net.JoinHostPort(strings.ToLower(host), port) + path, nil
}

func isHostname(s string) bool {
	ok := len(s) <= 253
	for _, r := range s {
		ok = ok && (r == '.' || r == '-' || r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z')
	}
	return ok
}

func quoteHost(host string) string {
	if len(host) > 64 {
		host = host[:64] + "…"
	}
	return strconv.Quote(host)
}

// parseBaseURL checks a base URL and drops the slash at its end. Its errors do
// not show it, since it may hold a secret in the wrong place.
func parseBaseURL(s string) (string, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "":
		return "", errors.New("this is no http:// or https:// address")
	case u.User != nil:
		return "", errors.New("an address with credentials does not belong in a file")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", errors.New("a base URL has no query")
	}
	if n, err := strconv.Atoi(u.Port()); u.Port() != "" && (err != nil || n < 1 || n > 65535) {
		return "", errors.New("the port of this address is none")
	}
	return strings.TrimRight(s, "/"), nil
}
