// Package ollamahost reads a host the way Ollama reads OLLAMA_HOST, and a
// model's name the way Ollama reads it, for the configuration and for the clients
// alike: what one takes for this machine, the other must not send elsewhere.
package ollamahost

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Default is where Ollama listens unless told otherwise.
const Default = "127.0.0.1:11434"

// Parse reads [scheme://]host[:port][/path], as Ollama's envconfig does: port
// 11434 unless a scheme says 80 or 443, spaces and quotes around it ignored,
// empty meaning [Default]. As Ollama's client does, it takes an unspecified
// address (0.0.0.0, ::, or a port alone) as loopback. The URL's Host is in
// lower case and always has a port; its Path has no slash at either end.
//
// Where Ollama falls back to a default without a word, as for a port that is
// none, Parse returns an error. Errors show no more than the wrong part, and
// nothing of credentials.
func Parse(text string) (*url.URL, error) {
	text = strings.TrimSpace(strings.Trim(strings.TrimSpace(text), `"'`))
	scheme, rest, ok := strings.Cut(text, "://")
	port := "11434"
	switch {
	case !ok:
		scheme, rest = "http", text
		if text == "ollama.com" {
			scheme, port = "https", "443"
		}
	case scheme == "http":
		port = "80"
	case scheme == "https":
		port = "443"
	default:
		return nil, errors.New("the scheme is neither http nor https")
	}
	if strings.ContainsAny(rest, "@?#") {
		return nil, errors.New("a host has no credentials and no query")
	}
	hostport, path, _ := strings.Cut(rest, "/")
	host, given, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.TrimSuffix(strings.TrimPrefix(hostport, "["), "]")
	} else {
		port = given
	}
	n, err := strconv.Atoi(port)
	if err != nil || n < 1 || n > 65535 {
		return nil, fmt.Errorf("%s is not a port", quote(port))
	}
	port = strconv.Itoa(n) // 0443 is dialled as 443
	if host, err = connectable(host); err != nil {
		return nil, err
	}
	return &url.URL{Scheme: scheme, Host: net.JoinHostPort(host, port), Path: strings.Trim(path, "/")}, nil
}

// connectable returns the host to connect to.
func connectable(host string) (string, error) {
	if host == "" {
		return "127.0.0.1", nil
	}
	if a, err := netip.ParseAddr(host); err == nil {
		switch {
		case !a.IsUnspecified():
			return a.String(), nil
		case a.Is4():
			return "127.0.0.1", nil
		default:
			return "::1", nil
		}
	}
	for _, r := range host {
		if r != '.' && r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return "", fmt.Errorf("%s is not a host", quote(host))
		}
	}
	if len(host) > 253 {
		return "", fmt.Errorf("%s is not a host", quote(host))
	}
	return strings.ToLower(host), nil
}

func quote(s string) string {
	if len(s) > 64 {
		s = s[:64] + "…"
	}
	return strconv.Quote(s)
}
