package pool_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
	"github.com/tandem-llm/tandem/provider/pool"
)

// names resolves every name to one address, which changes.
func names(t *testing.T, address *atomic.Pointer[net.IP]) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { _ = conn.Close(); <-done })
	go func() {
		defer close(done)
		buf := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(bytes.Clone(buf[:n])) != nil || len(m.Questions) == 0 {
				continue
			}
			m.Response, m.Authoritative, m.Additionals = true, true, nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, Body: &dnsmessage.AResource{A: [4]byte(address.Load().To4())},
				}}
			}
			if reply, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(reply, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// A host whose machine gets another address is found there as soon as its name says so.
func TestAHostGetsAnotherAddress(t *testing.T) {
	first := newEngine(t, nil)
	_, port, _ := net.SplitHostPort(first.host())
	l, err := net.Listen("tcp", "127.0.0.2:"+port)
	if err != nil {
		t.Fatal(err)
	}
	second := newEngine(t, nil)
	moved := httptest.NewUnstartedServer(http.HandlerFunc(second.serve))
	_ = moved.Listener.Close()
	moved.Listener = l
	moved.Start()
	t.Cleanup(moved.Close)

	var at atomic.Pointer[net.IP]
	point := func(text string) {
		ip := net.ParseIP(text)
		at.Store(&ip)
	}
	point("127.0.0.1")
	transport := httpx.NewTransport(httpx.Options{Resolver: names(t, &at)})
	t.Cleanup(transport.CloseIdleConnections)
	inner, err := ollama.New(ollama.Config{Name: "house", Host: "http://gpu1.example.org:" + port, Model: "m:1b", RoundTripper: transport})
	if err != nil {
		t.Fatal(err)
	}
	p, err := pool.New(pool.Config{Name: "house", Model: "m:1b", Hosts: []pool.Host{{Name: "gpu1", Provider: inner}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ask(t.Context(), p, "one"); err != nil || first.calls.Load() != 1 {
		t.Fatalf("%v, %d calls at its first address", err, first.calls.Load())
	}
	point("127.0.0.2")
	first.kill()
	_, err = ask(t.Context(), p, "two")
	if errors.Is(err, provider.ErrStale) { // the connection to the first was still open: the router asks once more
		_, err = ask(t.Context(), p, "two")
	}
	if err != nil || second.calls.Load() != 1 {
		t.Errorf("%v, %d calls at its new address; want one", err, second.calls.Load())
	}
}
