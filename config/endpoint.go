package config

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/ollamahost"
)

// Endpoint is where a provider's prompts go, as a URL without credentials:
// scheme://host:port/path, port always given. Of one with Hosts it is a list of those,
// with ", " between them.
func (p Provider) Endpoint() string {
	if len(p.Hosts) > 0 {
		var all []string
		for _, m := range p.Members() {
			all = append(all, m.Endpoint())
		}
		return strings.Join(all, ", ")
	}
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
	port := strings.TrimLeft(u.Port(), "0") // 0443 is dialled as 443
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port) + strings.TrimRight(u.EscapedPath(), "/")
}

// address is the key that has the provider's address, and its value.
func (p Provider) address() (field, value string) {
	if p.Kind == KindOllama {
		return "host", p.Host
	}
	return "base_url", p.BaseURL
}

// carriesKey reports whether a secret is sent to the provider.
func (p Provider) carriesKey() bool { return p.APIKey != "" || hasRef(p.Headers) }

// Loopback reports whether the provider, each host of it, is on this machine, by the
// text of its address alone. No name is looked up: localhost counts, others do not.
func (p Provider) Loopback() bool {
	return !slices.ContainsFunc(p.Members(), func(m Provider) bool { return !loopback(m.Endpoint()) })
}

func loopback(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	a, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && a.Unmap().IsLoopback()
}

// hostEndpoint reads a host as Ollama does.
func hostEndpoint(s string) (string, error) {
	u, err := ollamahost.Parse(s)
	if err != nil {
		return "", err
	}
	return u.String(), nil
}

// parseBaseURL checks a base URL and drops the slash at its end, and what is around
// it. Its errors do not show it, since it may hold a secret in the wrong place.
func parseBaseURL(s string) (string, error) {
	s = unquoted(s)
	u, err := url.Parse(s)
	address, query, _ := strings.Cut(s, "?")
	switch {
	case strings.ContainsFunc(s, unicode.IsSpace):
		return "", errors.New("there is white space in the address")
	case strings.Count(address, "://") > 1:
		return "", &diag.Error{Message: "this address begins twice, as in http://https://", Remedy: "remove one of http:// and https://"}
	case !strings.Contains(address, ":/") && !strings.Contains(address, "//"):
		return "", &diag.Error{Message: "this address does not say http:// or https://", Remedy: "write it before the address: http:// for a server on this machine, https:// for most others"}
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "":
		return "", errors.New("this is not an http:// or https:// address")
	case strings.ContainsFunc(u.Host, func(r rune) bool { return r > unicode.MaxASCII }):
		return "", errors.New("the host has letters that are not ASCII: write it as xn--…")
	case u.User != nil:
		return "", errors.New("an address with credentials does not belong in a file")
	case u.Fragment != "":
		return "", errors.New("a base URL has no fragment")
	}
	if err := checkQuery(u); err != nil {
		return "", err
	}
	if n, err := strconv.Atoi(u.Port()); u.Port() != "" && (err != nil || n < 1 || n > 65535) {
		return "", errors.New("the port of this address is invalid")
	}
	if address = strings.TrimRight(address, "/"); query != "" {
		address += "?" + query
	}
	return address, nil
}

// checkCall refuses the address of one call, such as the one that an example for
// curl has: base_url is what comes before.
func checkCall(address string) error {
	address, _, _ = strings.Cut(address, "?")
	for _, call := range []string{"/chat/completions", "/completions", "/embeddings"} {
		if strings.HasSuffix(address, call) {
			return &diag.Error{Message: "base_url ends in " + call + ", which Tandem adds itself", Remedy: "remove " + call}
		}
	}
	return nil
}

// checkQuery lets a query such as Azure's ?api-version= pass, and nothing that
// may be a key.
func checkQuery(u *url.URL) error {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return errors.New("the query of this address cannot be read")
	}
	for name, values := range query {
		secret := func(word string) bool { return strings.Contains(strings.ToLower(name), word) }
		if slices.ContainsFunc([]string{"key", "token", "secret", "auth", "pass", "sig", "code"}, secret) || slices.ContainsFunc(values, LooksLikeKey) {
			return errors.New("a key does not belong in an address: use api_key or headers")
		}
	}
	return nil
}
