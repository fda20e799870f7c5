package guard

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestHeadersAreBounded: a request's line and its headers have 64 KiB, trailers and the
// sizes of chunks less.
func TestHeadersAreBounded(t *testing.T) {
	const kib = 1024
	chunked := "POST / HTTP/1.1\r\nHost: localhost:PORT\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n"
	for _, tc := range []struct {
		name, request string
		want          int
	}{
		{"a long header", get("/", "X: "+strings.Repeat("x", 60*kib)+"\r\n"), 200},
		{"a header beyond the limit", get("/", "X: "+strings.Repeat("x", 70*kib)+"\r\n"), 431},
		{"a name beyond it", get("/", strings.Repeat("x", 70*kib)+": 1\r\n"), 431},
		{"many headers", get("/", strings.Repeat("X: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n", 2000)), 431},
		{"a line beyond it", get("/"+strings.Repeat("x", 70*kib), ""), 431},
		{"a header without end", "GET / HTTP/1.1\r\nHost: localhost:PORT\r\nX: " + strings.Repeat("x", 1000*kib), 431},
		{"a trailer beyond it", chunked + "2\r\n{}\r\n0\r\nX: " + strings.Repeat("x", 70*kib) + "\r\n\r\n", 400},
		{"a chunk's extension beyond it", chunked + "2;x=" + strings.Repeat("x", 70*kib) + "\r\n{}\r\n0\r\n\r\n", 400},
		{"extensions of many chunks", chunked + strings.Repeat("1;x="+strings.Repeat("x", 200)+"\r\n \r\n", 200) + "0\r\n\r\n", 400},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := serve(t, Config{}, nil)
			s.check(s.send(tc.request), tc.want)
		})
	}
}

// holding is a server whose handler keeps what it got until release is closed.
func holding(t *testing.T, limits Limits) (s *guarded, release chan struct{}) {
	t.Helper()
	release = make(chan struct{})
	s = serve(t, Config{Limits: limits}, func(http.ResponseWriter, *http.Request) { <-release })
	return s, release
}

// live is how much of the heap is in use.
func live() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestManyLargeBodiesAtOnce: all bodies together have their share of memory, also those
// that are small until they are decoded. Who comes then is told to wait, and what a
// request held is free after it.
func TestManyLargeBodiesAtOnce(t *testing.T) {
	const clients, body, all = 40, 1 << 20, 8 << 20
	text := `{"x":"` + strings.Repeat("x", body-100) + `"}`
	for name, request := range map[string]string{
		"as they are": with("Content-Type: application/json\r\nConnection: close\r\n", text),
		"in pieces":   "POST / HTTP/1.1\r\nHost: localhost:PORT\r\nContent-Type: application/json\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(text), text),
		"gzip":        with("Content-Type: application/json\r\nConnection: close\r\nContent-Encoding: gzip\r\n", zipped(t, text)),
		"zstd":        with("Content-Type: application/json\r\nConnection: close\r\nContent-Encoding: zstd\r\n", zstandard(t, text)),
	} {
		t.Run(name, func(t *testing.T) {
			s, release := holding(t, Limits{Body: body, Bodies: all})
			answers := make(chan answer, clients)
			var sent sync.WaitGroup
			for range clients {
				sent.Go(func() { answers <- s.send(request) })
			}
			refused := 0
			for refused+s.count() < clients { // each is refused or held
				select {
				case a := <-answers:
					if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
						t.Fatalf("%d %s", a.status, a.body)
					}
					refused++
				case <-time.After(time.Millisecond):
				}
			}
			held := s.count()
			if held == 0 || held*len(text) > all {
				t.Errorf("%d bodies of %d bytes are held, and all have %d", held, len(text), all)
			}
			if inUse := live(); inUse > 4*all {
				t.Errorf("%d bytes are in use for bodies of %d", inUse, all)
			}
			close(release)
			sent.Wait()
			for range held {
				if a := <-answers; a.status != http.StatusOK {
					t.Errorf("one that was held: %d %s", a.status, a.body)
				}
			}
			if a := s.send(request); a.status != http.StatusOK {
				t.Errorf("afterwards: %d %s", a.status, a.body)
			}
		})
	}
}

// TestAnnouncedBodiesCostNothing: clients that announce much and send a byte take no share
// of the memory from those that send.
func TestAnnouncedBodiesCostNothing(t *testing.T) {
	s := serve(t, Config{Limits: Limits{Body: 1 << 20, Bodies: 4 << 20}}, nil)
	for range 200 {
		fmt.Fprintf(s.dial(), "POST / HTTP/1.1\r\nHost: localhost:%s\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{", s.port())
	}
	if a := s.send(with("Content-Type: application/json\r\n", strings.Repeat("x", 500_000))); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestTricklesAreCut: a client that goes on sending a byte now and then has no more time
// than one that stops.
func TestTricklesAreCut(t *testing.T) {
	const start = "POST / HTTP/1.1\r\nHost: localhost:PORT\r\nContent-Type: application/json\r\n"
	for _, tc := range []struct {
		name, start, piece string
		want               int // 0: the connection is closed without an answer
	}{
		{"a body", start + "Content-Length: 1000000\r\n\r\n", " ", 408},
		{"a body in pieces", start + "Transfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n", 408},
		{"a gzip body", start + "Content-Encoding: gzip\r\nContent-Length: 1000000\r\n\r\n" + zipped(t, "{}")[:10], "\x00\x00\x00\xff\xff", 408},
		{"headers", start, "X: 1\r\n", 0},
		{"a line", "GET /", "x", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := serve(t, Config{Limits: Limits{BodyTime: 100 * time.Millisecond, HeaderTime: 100 * time.Millisecond}}, nil)
			c := s.dial()
			stop, stopped := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(stopped)
				_, _ = io.WriteString(c, strings.ReplaceAll(tc.start, "PORT", s.port()))
				for {
					select {
					case <-stop:
						return
					case <-time.After(5 * time.Millisecond):
						if _, err := io.WriteString(c, tc.piece); err != nil {
							return
						}
					}
				}
			}()
			if tc.want == 0 {
				_, _ = io.Copy(io.Discard, c) // until it is closed, or reset
			} else if a := s.receive(c, false); a.status != tc.want {
				t.Errorf("%d %s", a.status, a.body)
			}
			close(stop)
			<-stopped
			if s.count() > 0 {
				t.Error("the handler was reached")
			}
		})
	}
}

// TestManyConnections: those that send nothing keep nobody out, and are closed in time.
func TestManyConnections(t *testing.T) {
	s := serve(t, Config{Limits: Limits{HeaderTime: 200 * time.Millisecond}}, nil)
	idle := make([]net.Conn, 400)
	for i := range idle {
		idle[i] = s.dial()
	}
	if a := s.send(get("/", "")); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
	for _, c := range idle {
		_, _ = io.Copy(io.Discard, c) // until it is closed
	}
}

// TestHTTP2IsNotServed, so nothing of it can be reset rapidly or flooded: neither to who
// knows, nor to who asks for it.
func TestHTTP2IsNotServed(t *testing.T) {
	s := serve(t, Config{}, nil)
	c := s.dial()
	settings := "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	reset := "\x00\x00\x04\x03\x00\x00\x00\x00\x01\x00\x00\x00\x08"
	go func() {
		_, _ = io.WriteString(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"+settings+strings.Repeat(reset, 1000))
	}()
	data, _ := io.ReadAll(c) // it may be reset after the answer
	if text := string(data); strings.HasPrefix(text, settings[:4]) || text != "" && !strings.HasPrefix(text, "HTTP/1.1 4") && !strings.HasPrefix(text, "HTTP/1.1 505") {
		t.Errorf("%q", data)
	}
	if s.count() > 0 {
		t.Error("the handler was reached")
	}
	a := s.send(get("/", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"))
	if a.status != http.StatusOK || a.header.Get("Upgrade") != "" {
		t.Errorf("an upgrade: %d %v", a.status, a.header)
	}
}
