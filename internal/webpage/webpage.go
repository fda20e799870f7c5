// Package webpage fetches a web page that the user named, and returns what can be
// read of it as text.
package webpage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
)

// The bounds of a fetch.
const (
	MaxSize      = 8 << 20          // bytes of the body, unpacked
	Timeout      = 30 * time.Second // for all of it, redirects included
	maxRedirects = 5
)

// Options say what a fetch may do.
type Options struct {
	// Policy decides at the socket which addresses may be dialled. Offline and
	// LocalOnly also make no DNS query: names are those of the hosts file.
	httpx.Policy
	UserAgent string
	// near reports whether an address is of a private network; nil: the rule.
	near func(netip.Addr) bool
}

// Page is a page that was fetched.
type Page struct {
	URL  string // where it came from in the end, without credentials
	Host string
	Text string // what can be read of it, UTF-8
	Size int    // bytes of the body
}

// IsURL reports whether a name is meant as a URL.
func IsURL(name string) bool {
	scheme, rest, ok := strings.Cut(name, "://")
	return ok && rest != "" && !strings.ContainsAny(name, " \t\r\n") && schemeName(scheme)
}

func schemeName(s string) bool {
	for _, r := range s {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') {
			return false
		}
	}
	return s != ""
}

// Fetch gets a page with GET, without credentials or cookies. At most five redirects
// are followed: none to http from https, and none into a private network from outside
// it. Errors say which URL; they are of Kind Offline or Private where the policy
// refuses it, which is before any connection.
func Fetch(ctx context.Context, o Options, address string) (Page, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, Timeout, errSlow)
	defer cancel()
	if o.near == nil {
		o.near = Near
	}
	f := &fetch{Options: o, client: httpx.PlainClient(o.Policy, Timeout)}
	defer f.client.CloseIdleConnections()
	u, err := parse(address)
	if err != nil {
		return Page{}, fmt.Errorf("cannot fetch %w", err)
	}
	for hop := 0; err == nil; hop++ {
		var next *url.URL
		var page Page
		page, next, err = f.get(ctx, u, hop > 0)
		switch {
		case err != nil && errors.Is(context.Cause(ctx), errSlow):
			err = errSlow
		case err == nil && next == nil:
			return page, nil
		case err == nil && hop == maxRedirects:
			err = errors.New("it redirects too often")
		}
		if err != nil {
			err = fmt.Errorf("cannot fetch %s: %w", shown(u), err)
		}
		u = next
	}
	return Page{}, err
}

var errSlow = fmt.Errorf("it took longer than %s", Timeout)

// parse reads a URL that may be fetched. Its errors show no credentials.
func parse(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return nil, errors.New("what was given: it is not a valid URL")
	case u.Scheme != "http" && u.Scheme != "https":
		err = fmt.Errorf("only http and https are fetched, not %s", u.Scheme)
	case u.User != nil:
		err = errors.New("a URL with a user name or password is not fetched; download it, and attach the file")
	case u.Hostname() == "":
		err = errors.New("it names no host")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", shown(u), err)
	}
	u.Fragment = ""
	return u, nil
}

// shown is a URL for people, without credentials, query and fragment.
func shown(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// client is httpx's.
type client interface {
	Do(*http.Request) (*http.Response, error)
	CloseIdleConnections()
}

// fetch is one fetch.
type fetch struct {
	Options
	client client
	far    bool // the first page is not in a private network
}

// get gets one URL: the page, or where it redirects to.
func (f *fetch) get(ctx context.Context, u *url.URL, redirected bool) (Page, *url.URL, error) {
	if err := f.check(ctx, u); err != nil {
		return Page{}, nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return Page{}, nil, errors.New("its URL cannot be sent")
	}
	// What a proxy dials is its own matter: the host is told by its name.
	proxied := f.proxied(req)
	far := !proxied || !f.nearHost(u.Hostname())
	if redirected && f.far && f.nearHost(u.Hostname()) {
		return Page{}, nil, errInward
	}
	ctx = httpx.WatchDials(ctx, func(_, address string) error {
		a, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		if proxied {
			return nil
		}
		if near := f.near(a.Addr().Unmap()); near && redirected && f.far {
			return errInward
		} else if near {
			far = false
		}
		return nil
	})
	req.Header.Set("User-Agent", f.UserAgent)
	req.Header.Set("Accept", "text/html, text/markdown, text/plain, application/json, */*;q=0.1")
	resp, err := f.client.Do(req.WithContext(ctx))
	if err != nil {
		if errors.Is(err, errInward) {
			return Page{}, nil, errInward
		}
		return Page{}, nil, httpx.Plain(err)
	}
	defer resp.Body.Close()
	if !redirected {
		f.far = far
	}
	if location := resp.Header.Get("Location"); location != "" && slices.Contains([]int{301, 302, 303, 307, 308}, resp.StatusCode) {
		next, err := u.Parse(location)
		if err == nil {
			next, err = parse(next.String())
		}
		if err != nil {
			return Page{}, nil, fmt.Errorf("it redirects to %w", err)
		}
		if u.Scheme == "https" && next.Scheme == "http" {
			err = fmt.Errorf("it redirects to %s, which is not encrypted", shown(next))
		}
		return Page{}, next, err
	}
	if resp.StatusCode != http.StatusOK {
		return Page{}, nil, fmt.Errorf("the server answered %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	if packed := strings.Join(resp.Header.Values("Content-Encoding"), ", "); packed != "" && !strings.EqualFold(packed, "identity") {
		return Page{}, nil, fmt.Errorf("it is packed with %q, which was not asked for and is not read; download it, and attach the file", packed)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxSize+1))
	switch {
	case err != nil:
		return Page{}, nil, httpx.Plain(err)
	case len(body) > MaxSize:
		return Page{}, nil, fmt.Errorf("it is larger than %d MiB; download it, and attach a part of it", MaxSize>>20)
	}
	text, err := readable(resp.Header.Get("Content-Type"), body)
	return Page{URL: u.String(), Host: u.Host, Text: text, Size: len(body)}, nil, err
}

var errInward = errors.New("it redirects into a private network, which is not followed; name that address itself if you want it")

// check refuses what the policy refuses before a connection or a DNS query is made.
func (f *fetch) check(ctx context.Context, u *url.URL) error {
	if !f.Offline && !f.LocalOnly {
		return nil
	}
	addrs := []netip.Addr{}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil {
		addrs = append(addrs, a)
	} else {
		hosts := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("no DNS query")
		}}
		addrs, _ = hosts.LookupNetIP(ctx, "ip", u.Hostname()) //nolint:errcheck // then there are none
	}
	if len(addrs) > 0 && !slices.ContainsFunc(addrs, func(a netip.Addr) bool { return !f.Local(a) }) {
		return nil
	}
	if f.Offline {
		return &provider.Error{Kind: provider.Offline, Err: errors.New("offline mode is on, and it is not on this machine; download it while online, and attach the file")}
	}
	return &provider.Error{Kind: provider.Private, Err: errors.New("the prompt must stay on this machine, and the request for the page would leave it; download the page, and attach the file")}
}

// proxied reports whether a proxy makes the request.
func (f *fetch) proxied(req *http.Request) bool {
	if f.Offline || f.LocalOnly {
		return false
	}
	proxy, err := http.ProxyFromEnvironment(req)
	return proxy != nil || err != nil
}

// nearHost reports whether a host is of this machine or a private network by its name
// alone: a name that only such a network has, or an address in any form that resolvers
// read, such as 2130706433 and 0x7f.1.
func (f *fetch) nearHost(host string) bool {
	host = strings.ToLower(strings.TrimRight(host, "."))
	if a, err := netip.ParseAddr(host); err == nil {
		return f.near(a.WithZone("").Unmap())
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	switch {
	case last == host: // localhost, intranet, an address as one number
		return true
	case strings.Trim(last, "0123456789") == "", strings.HasPrefix(last, "0x"):
		return true // an address in a form that nobody writes
	}
	return slices.Contains([]string{"localhost", "local", "internal", "lan", "home", "corp", "intranet", "localdomain", "arpa"}, last)
}

// Near reports whether an address is of this machine or a private network: one that a
// page on the internet must not send a reader to.
func Near(a netip.Addr) bool {
	a = a.Unmap()
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return true // loopback, link-local, multicast, unspecified
	}
	for _, p := range []string{"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "198.18.0.0/15", "240.0.0.0/4", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "fec0::/10"} {
		if netip.MustParsePrefix(p).Contains(a) {
			return true
		}
	}
	return false
}
