package guard

import (
	"net"
	"net/http"
	"strings"
	"testing"
)

// TestOnlyOurNames asks over a raw connection, because a client of net/http would
// rewrite some of these. PORT is the port listened on.
func TestOnlyOurNames(t *testing.T) {
	const wrong = http.StatusMisdirectedRequest
	cfg := Config{Hosts: []string{"tandem.lan", "proxy.example.org:8443", "[fd00::1]"}}
	for _, tc := range []struct {
		name, request string
		want          int
	}{
		{"localhost", "GET / HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n", 200},
		{"capitals", "GET / HTTP/1.1\r\nHost: LocalHost:PORT\r\n\r\n", 200},
		{"a final dot", "GET / HTTP/1.1\r\nHost: localhost.:PORT\r\n\r\n", 200},
		{"IPv4", "GET / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n", 200},
		{"IPv6", "GET / HTTP/1.1\r\nHost: [::1]:PORT\r\n\r\n", 200},
		{"IPv6, long", "GET / HTTP/1.1\r\nHost: [0:0:0:0:0:0:0:1]:PORT\r\n\r\n", 200},
		{"IPv4 within IPv6", "GET / HTTP/1.1\r\nHost: [::ffff:127.0.0.1]:PORT\r\n\r\n", 200},
		{"a configured name", "GET / HTTP/1.1\r\nHost: tandem.lan:PORT\r\n\r\n", 200},
		{"a configured name behind a proxy", "GET / HTTP/1.1\r\nHost: tandem.lan\r\n\r\n", 200},
		{"a configured port", "GET / HTTP/1.1\r\nHost: proxy.example.org:8443\r\n\r\n", 200},
		{"a configured address", "GET / HTTP/1.1\r\nHost: [FD00:0::1]:PORT\r\n\r\n", 200},
		{"absolute", "GET http://localhost:PORT/ HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n", 200},
		{"HTTP/1.0", "GET / HTTP/1.0\r\nHost: localhost:PORT\r\n\r\n", 200},

		{"DNS rebinding", "GET / HTTP/1.1\r\nHost: evil.example:PORT\r\n\r\n", wrong},
		{"DNS rebinding, POST", "POST / HTTP/1.1\r\nHost: evil.example:PORT\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", wrong},
		{"HEAD", "HEAD / HTTP/1.1\r\nHost: evil.example:PORT\r\n\r\n", wrong},
		{"OPTIONS", "OPTIONS / HTTP/1.1\r\nHost: evil.example:PORT\r\n\r\n", wrong},
		{"OPTIONS of the server", "OPTIONS * HTTP/1.1\r\nHost: evil.example:PORT\r\n\r\n", wrong},
		{"CONNECT", "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n", wrong},
		{"as a proxy", "GET http://evil.example/ HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n", wrong},
		{"no Host", "GET / HTTP/1.0\r\n\r\n", wrong},
		{"no Host in HTTP/1.1", "GET / HTTP/1.1\r\n\r\n", 400},
		{"an empty Host", "GET / HTTP/1.1\r\nHost: \r\n\r\n", wrong},
		{"two Hosts", "GET / HTTP/1.1\r\nHost: localhost:PORT\r\nHost: evil.example\r\n\r\n", 400},
		{"no port", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", wrong},
		{"another port", "GET / HTTP/1.1\r\nHost: localhost:80\r\n\r\n", wrong},
		{"an empty port", "GET / HTTP/1.1\r\nHost: localhost:\r\n\r\n", wrong},
		{"zeros before the port", "GET / HTTP/1.1\r\nHost: localhost:0PORT\r\n\r\n", wrong},
		{"a signed port", "GET / HTTP/1.1\r\nHost: localhost:+PORT\r\n\r\n", wrong},
		{"two ports", "GET / HTTP/1.1\r\nHost: localhost:PORT:PORT\r\n\r\n", wrong},
		{"ours, then another", "GET / HTTP/1.1\r\nHost: localhost:PORT, evil.example\r\n\r\n", 400},
		{"a user name", "GET / HTTP/1.1\r\nHost: evil.example@localhost:PORT\r\n\r\n", 400},
		{"ours as a user name", "GET / HTTP/1.1\r\nHost: localhost:PORT@evil.example\r\n\r\n", 400},
		{"below ours", "GET / HTTP/1.1\r\nHost: localhost.evil.example:PORT\r\n\r\n", wrong},
		{"below localhost", "GET / HTTP/1.1\r\nHost: evil.localhost:PORT\r\n\r\n", wrong},
		{"ends like ours", "GET / HTTP/1.1\r\nHost: notlocalhost:PORT\r\n\r\n", wrong},
		{"two final dots", "GET / HTTP/1.1\r\nHost: localhost..:PORT\r\n\r\n", wrong},
		{"0.0.0.0 reaches loopback", "GET / HTTP/1.1\r\nHost: 0.0.0.0:PORT\r\n\r\n", wrong},
		{"[::] reaches loopback", "GET / HTTP/1.1\r\nHost: [::]:PORT\r\n\r\n", wrong},
		{"127.0.0.2", "GET / HTTP/1.1\r\nHost: 127.0.0.2:PORT\r\n\r\n", wrong},
		{"a short address", "GET / HTTP/1.1\r\nHost: 127.1:PORT\r\n\r\n", wrong},
		{"an address as a number", "GET / HTTP/1.1\r\nHost: 2130706433:PORT\r\n\r\n", wrong},
		{"an address in hexadecimal", "GET / HTTP/1.1\r\nHost: 0x7f000001:PORT\r\n\r\n", wrong},
		{"an address that means ours", "GET / HTTP/1.1\r\nHost: 127.0.0.1.nip.io:PORT\r\n\r\n", wrong},
		{"IPv6 without brackets", "GET / HTTP/1.1\r\nHost: ::1:PORT\r\n\r\n", wrong},
		{"a name in brackets", "GET / HTTP/1.1\r\nHost: [localhost]:PORT\r\n\r\n", wrong},
		{"IPv4 in brackets", "GET / HTTP/1.1\r\nHost: [127.0.0.1]:PORT\r\n\r\n", wrong},
		{"after the brackets", "GET / HTTP/1.1\r\nHost: [::1]evil:PORT\r\n\r\n", wrong},
		{"a configured name with another port", "GET / HTTP/1.1\r\nHost: tandem.lan:1\r\n\r\n", wrong},
		{"a configured port is missing", "GET / HTTP/1.1\r\nHost: proxy.example.org\r\n\r\n", wrong},
		{"a look-alike", "GET / HTTP/1.1\r\nHost: localh\xc3\xb6st:PORT\r\n\r\n", 400},
		{"forwarded", "GET / HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: localhost:PORT\r\nForwarded: host=localhost:PORT\r\n\r\n", wrong},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := serve(t, cfg, nil)
			a := s.send(tc.request)
			s.check(a, tc.want)
			if strings.Contains(a.body, "evil") || a.status == wrong && a.body != "" && !strings.Contains(a.body, "gateway.hosts") {
				t.Errorf("the answer repeats the name, or does not say what to do: %s", a.body)
			}
		})
	}
}

// TestNamesByAddress has what a loopback test cannot show: connections to other
// addresses.
func TestNamesByAddress(t *testing.T) {
	g, err := New(Config{Hosts: []string{"tandem.lan"}})
	if err != nil {
		t.Fatal(err)
	}
	lan := &net.TCPAddr{IP: net.IPv4(192, 168, 1, 5), Port: 11500}
	for _, tc := range []struct {
		local net.Addr
		host  string
		want  bool
	}{
		{lan, "192.168.1.5:11500", true},
		{lan, "192.168.1.6:11500", false},
		{lan, "localhost:11500", true}, // a forwarded port
		{lan, "evil.example:11500", false},
		{&net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0", Port: 11500}, "[fe80::1]:11500", true},
		{&net.TCPAddr{IP: net.ParseIP("::1"), Port: 80}, "localhost", true},
		{&net.TCPAddr{IP: net.ParseIP("::1"), Port: 80}, "evil.example", false},
		{&net.UnixAddr{Name: "/run/tandem.sock", Net: "unix"}, "localhost", true},
		{&net.UnixAddr{Name: "/run/tandem.sock", Net: "unix"}, "unix", true},
		{&net.UnixAddr{Name: "/run/tandem.sock", Net: "unix"}, "localhost:8080", true}, // a port forwarded to it
		{&net.UnixAddr{Name: "/run/tandem.sock", Net: "unix"}, "tandem.lan", true},
		{&net.UnixAddr{Name: "/run/tandem.sock", Net: "unix"}, "evil.example", false},
		{nil, "localhost:11500", false},
		{nil, "tandem.lan", true},
		{nil, "tandem.lan:11500", false},
	} {
		host, ok := parseHost(tc.host)
		if got := ok && g.isOurs(host, tc.local); got != tc.want {
			t.Errorf("%v, Host %s: %v, want %v", tc.local, tc.host, got, tc.want)
		}
	}
}

func TestMistakesInNames(t *testing.T) {
	for _, host := range []string{"", "http://tandem.lan", "tandem.lan/", "*", "*.lan", "a b", "tandem.lan:", "tandem.lan:0", "tandem.lan:99999", "..", "::1"} {
		if _, err := New(Config{Hosts: []string{host}}); err == nil || !strings.Contains(err.Error(), "is not a host name") {
			t.Errorf("host %q: %v", host, err)
		}
	}
	for _, origin := range []string{"", "*", "null", "example.org", "https://", "https://*.example.org", "https://example.org/", "https://a, https://b", "://x"} {
		if _, err := New(Config{Origins: []string{origin}}); err == nil || !strings.Contains(err.Error(), "is not the origin") {
			t.Errorf("origin %q: %v", origin, err)
		}
	}
	if _, err := New(Config{Limits: Limits{Body: -1}}); err == nil {
		t.Error("a negative limit is taken")
	}
}
