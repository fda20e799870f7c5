package httpx

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// Frames of HTTP/2, and what they say.
const (
	frameData     = 0
	frameHeaders  = 1
	frameReset    = 3
	frameSettings = 4
	framePing     = 6
	frameGoAway   = 7

	endStream  = 1
	endHeaders = 4

	protocolError = 1
	internalError = 2
	refusedStream = 7
)

// h2conn is the server's end of an HTTP/2 connection, frame by frame: net/http's
// own server is too well behaved for what is tested here.
type h2conn struct {
	net.Conn
	number int // of the connection, from 1
	heads  int // requests so far
}

func (c *h2conn) frame(kind, flags byte, stream uint32, payload []byte) {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(payload)))[1:]
	b = append(b, kind, flags)
	b = binary.BigEndian.AppendUint32(b, stream)
	_, _ = c.Write(append(b, payload...)) // who has left is not told
}

func (c *h2conn) goAway(last, code uint32) {
	c.frame(frameGoAway, 0, 0, binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, last), code))
}

func (c *h2conn) reset(stream, code uint32) {
	c.frame(frameReset, 0, stream, binary.BigEndian.AppendUint32(nil, code))
}

// answer answers {} with status 200.
func (c *h2conn) answer(stream uint32) {
	c.frame(frameHeaders, endHeaders, stream, []byte{0x88}) // :status 200, of HPACK's static table
	c.frame(frameData, endStream, stream, []byte("{}"))
}

// h2server plays to each request, as its head comes or when it is whole, and
// counts heads and connections. play's false closes the connection.
type h2server struct {
	url          string
	pool         *x509.CertPool
	heads, conns atomic.Int64
}

func newH2Server(t *testing.T, whole bool, greet func(*h2conn) bool, play func(*h2conn, uint32) bool) *h2server {
	t.Helper()
	certs := httptest.NewUnstartedServer(nil)
	certs.StartTLS()
	t.Cleanup(certs.Close)
	s := &h2server{pool: x509.NewCertPool()}
	s.pool.AddCert(certs.Certificate())
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: certs.TLS.Certificates, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	s.url = "https://" + l.Addr().String()
	var under sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	under.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			under.Go(func() {
				s.serve(&h2conn{Conn: c, number: int(s.conns.Add(1))}, whole, greet, play)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.(*tls.Conn).NetConn().Close()
		}
		mu.Unlock()
		under.Wait()
	})
	return s
}

func (s *h2server) serve(c *h2conn, whole bool, greet func(*h2conn) bool, play func(*h2conn, uint32) bool) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.ReadFull(c, make([]byte, len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))); err != nil {
		return
	}
	c.frame(frameSettings, 0, 0, nil)
	if greet != nil && !greet(c) {
		return
	}
	for {
		var head [9]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return
		}
		size := int64(head[0])<<16 | int64(head[1])<<8 | int64(head[2])
		if _, err := io.CopyN(io.Discard, c, size); err != nil {
			return
		}
		kind, flags, stream := head[3], head[4], binary.BigEndian.Uint32(head[5:])
		switch {
		case kind == frameSettings && flags == 0:
			c.frame(frameSettings, 1, 0, nil)
			continue
		case kind == frameHeaders:
			c.heads++
			s.heads.Add(1)
		case kind != frameData:
			continue
		}
		ended := flags&endStream != 0
		if (whole && ended) || (!whole && kind == frameHeaders) {
			if !play(c, stream) {
				return
			}
		}
	}
}

func (s *h2server) transport(o Options) *Transport {
	tr := NewTransport(o)
	tr.open.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: s.pool, MinVersion: tls.VersionTLS12}
	return tr
}

// TestHTTP2SendsOnce: HTTP/2 has words for "send it again", and a server may say
// them for ever. What carries a prompt leaves once, what is free at most twice.
func TestHTTP2SendsOnce(t *testing.T) {
	manners := map[string]struct {
		greet func(*h2conn) bool
		play  func(*h2conn, uint32) bool
	}{
		"GOAWAY 0, and closes":                  {play: func(c *h2conn, _ uint32) bool { c.goAway(0, 0); return false }},
		"GOAWAY 0, and stays":                   {play: func(c *h2conn, _ uint32) bool { c.goAway(0, 0); return true }},
		"GOAWAY with an error":                  {play: func(c *h2conn, _ uint32) bool { c.goAway(0, 11); return false }},
		"GOAWAY, and a hang-up":                 {play: func(c *h2conn, s uint32) bool { c.goAway(s, 0); return false }},
		"REFUSED_STREAM":                        {play: func(c *h2conn, s uint32) bool { c.reset(s, refusedStream); return true }},
		"REFUSED_STREAM, a new connection each": {play: func(c *h2conn, s uint32) bool { c.reset(s, refusedStream); c.goAway(s, 0); return false }},
		"PROTOCOL_ERROR":                        {play: func(c *h2conn, s uint32) bool { c.reset(s, protocolError); return true }},
		"INTERNAL_ERROR":                        {play: func(c *h2conn, s uint32) bool { c.reset(s, internalError); return true }},
		"a hang-up":                             {play: func(*h2conn, uint32) bool { return false }},
		"GOAWAY before anything":                {greet: func(c *h2conn) bool { c.goAway(0, 0); return false }, play: func(*h2conn, uint32) bool { return false }},
		"a hang-up before anything":             {greet: func(*h2conn) bool { return false }, play: func(*h2conn, uint32) bool { return false }},
		"1xx for ever": {play: func(c *h2conn, s uint32) bool {
			head := append([]byte{0x08, 3}, "103"...) // :status 103
			head = append(append(head, 0, 1, 'x', 0x7f, 0xe1, 0x06), strings.Repeat("y", 992)...)
			for range 5000 {
				c.frame(frameHeaders, endHeaders, s, head)
			}
			return false
		}},
	}
	for name, m := range manners {
		for _, whole := range []bool{false, true} {
			for _, free := range []bool{false, true} {
				for _, method := range []string{http.MethodPost, http.MethodGet} {
					s := newH2Server(t, whole, m.greet, m.play)
					tr := s.transport(Options{Connect: 5 * time.Second, FirstToken: 10 * time.Second})
					most := int64(1)
					if free || method == http.MethodGet {
						most = 2
					}
					c := &Call{Free: free}
					err := post(t, tr, method, s.url, c)
					tr.CloseIdleConnections()
					if err == nil || provider.KindOf(err) == provider.Timeout || s.heads.Load() > most || s.conns.Load() > maxConns+1 {
						t.Errorf("%s, whole %v, free %v, %s: %d requests over %d connections: %v", name, whole, free, method, s.heads.Load(), s.conns.Load(), err)
					}
					if c.Sent() != (s.heads.Load() > 0) && m.greet == nil {
						t.Errorf("%s: the call says that it was sent: %v; the server saw %d requests", name, c.Sent(), s.heads.Load())
					}
				}
			}
		}
	}
}

// TestHTTP2KeptConnection: a kept connection that is refused is stale; the next
// send, which is the router's to decide, is answered.
func TestHTTP2KeptConnection(t *testing.T) {
	s := newH2Server(t, true, nil, func(c *h2conn, stream uint32) bool {
		if c.number == 1 && c.heads == 2 {
			c.goAway(1, 0)
			return false
		}
		c.answer(stream)
		return true
	})
	tr := s.transport(Options{Keep: time.Minute})
	defer tr.CloseIdleConnections()
	for i, stale := range []bool{false, true, false} {
		if err := post(t, tr, http.MethodPost, s.url, &Call{}); errors.Is(err, provider.ErrStale) != stale || (err != nil) != stale {
			t.Errorf("call %d: %v", i+1, err)
		}
	}
	if n := s.heads.Load(); n != 3 {
		t.Errorf("%d requests for 3 calls", n)
	}
}

// TestHTTP2Pings: a server that says nothing else runs into the clock.
func TestHTTP2Pings(t *testing.T) {
	s := newH2Server(t, true, nil, func(c *h2conn, _ uint32) bool {
		go func() { _, _ = io.Copy(io.Discard, c) }()
		for {
			b := append([]byte{0, 0, 8, framePing, 0, 0, 0, 0, 0}, "Tandem.."...)
			if _, err := c.Write(b); err != nil {
				return false
			}
		}
	})
	tr := s.transport(Options{FirstToken: 200 * time.Millisecond})
	defer tr.CloseIdleConnections()
	if err := post(t, tr, http.MethodPost, s.url, &Call{}); provider.KindOf(err) != provider.Timeout || s.heads.Load() != 1 {
		t.Errorf("%v after %d requests", err, s.heads.Load())
	}
}
