package httpx

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// elsewhere is an address that no machine has (RFC 5737).
const elsewhere = "http://192.0.2.1:81/"

func TestOnlyThisMachineIsDialled(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{}`)) })
	name := strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	mapped := strings.Replace(s.URL, "127.0.0.1", "[::ffff:127.0.0.1]", 1)
	testNet := Policy{LocalNetworks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}
	off := Policy{Offline: true, LocalNetworks: testNet.LocalNetworks}
	for what, tc := range map[string]struct {
		policy Policy
		local  bool
		url    string
		kind   provider.Kind
	}{
		"local call, loopback":                  {Policy{}, true, s.URL, ""},
		"local call, by name":                   {Policy{}, true, name, ""},
		"local call, loopback as IPv6":          {Policy{}, true, mapped, ""},
		"local call, elsewhere":                 {Policy{}, true, elsewhere, provider.Private},
		"local call, by proxy if it could":      {Policy{}, true, "http://203.0.113.1/", provider.Private},
		"offline, loopback":                     {Policy{Offline: true}, false, s.URL, ""},
		"offline, by name of the hosts file":    {Policy{Offline: true}, false, name, ""},
		"offline, elsewhere":                    {Policy{Offline: true}, false, elsewhere, provider.Offline},
		"offline, a local network is no excuse": {off, false, elsewhere, provider.Offline},
		"offline, a local call too":             {off, true, elsewhere, provider.Offline},
		"offline, a name that needs DNS":        {Policy{Offline: true}, false, "http://api.example.org/", provider.Offline},
	} {
		t.Run(what, func(t *testing.T) {
			c := &Call{LocalOnly: tc.local}
			_, err := get(t, t.Context(), Options{Policy: tc.policy}, c, tc.url)
			if provider.KindOf(err) != tc.kind || (err != nil) != (tc.kind != "") {
				t.Fatalf("got %v, want kind %q", err, tc.kind)
			}
			if tc.kind == "" && (!c.Local || !c.Peer.Addr().Unmap().IsLoopback()) {
				t.Errorf("peer %s, local %v", c.Peer, c.Local)
			}
			if tc.kind != "" && (c.Local || c.Peer.IsValid()) {
				t.Errorf("something was talked to: %s", c.Peer)
			}
		})
	}
	t.Run("local call, a local network", func(t *testing.T) {
		_, err := get(t, t.Context(), Options{Policy: testNet, Connect: 50 * time.Millisecond}, &Call{LocalOnly: true}, elsewhere)
		if err == nil || provider.KindOf(err) == provider.Private {
			t.Errorf("got %v, want the failure to connect", err)
		}
	})
	if n := proxied.Load(); n != 0 {
		t.Errorf("%d of these calls went to the proxy", n)
	}
}

func TestProxyIsForOthersOnly(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"by":"server"}`)) })
	defer proxied.Store(0)
	for _, tc := range []struct{ url, by string }{
		{s.URL, "server"},
		{strings.Replace(s.URL, "127.0.0.1", "localhost", 1), "server"},
		{"http://api.example.org/", "proxy"},
	} {
		c := &Call{}
		body, err := get(t, t.Context(), Options{}, c, tc.url)
		if err != nil || !strings.Contains(body, tc.by) {
			t.Errorf("%s: %q, %v; want it from the %s", tc.url, body, err, tc.by)
		}
		if c.Local != (tc.by == "server") {
			t.Errorf("%s: local %v", tc.url, c.Local) // the proxy listens on loopback, and is not who answers
		}
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	var reached atomic.Int64
	other := serve(t, func(http.ResponseWriter, *http.Request) { reached.Add(1) })
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", strings.Replace(other.URL, "//", "//user:"+canary+"@", 1)+"/x?key="+canary)
			w.WriteHeader(status)
		})
		_, err := get(t, t.Context(), Options{}, &Call{}, s.URL)
		var redirect *RedirectError
		if !errors.As(err, &redirect) || redirect.Status != status || redirect.Location != other.URL+"/x" {
			t.Errorf("%d: got %v", status, err)
		}
		if err != nil && strings.Contains(err.Error(), canary) {
			t.Errorf("%d: the error tells a secret: %v", status, err)
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d redirects were followed", n)
	}
}

// A process that may open no more files is busy, and its server is as well as ever.
func TestTooManyOpenFiles(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE} {
		base := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("socket", errno)}
		}}
		c := &Call{}
		_, err := get(t, t.Context(), Options{Base: base}, c, "http://127.0.0.1:1/")
		e := c.Error(err, "http://127.0.0.1:1", "http://127.0.0.1:1", false, func(*provider.Error) {})
		if e.Kind != provider.RateLimited || e.Sent || !strings.Contains(e.Error(), "ulimit -n") {
			t.Errorf("%s: %v", errno, e)
		}
	}
}
