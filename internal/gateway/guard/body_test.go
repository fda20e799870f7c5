package guard

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

func zipped(t *testing.T, text string) string {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	_, _ = io.WriteString(w, text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

func zstandard(t *testing.T, text string) string {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return string(w.EncodeAll([]byte(text), nil))
}

func with(headers, body string) string {
	return fmt.Sprintf("POST / HTTP/1.1\r\nHost: localhost:PORT\r\nContent-Length: %d\r\n%s\r\n%s", len(body), headers, body)
}

// TestBodies has the types, encodings and sizes of bodies; the limit is 1000 bytes.
func TestBodies(t *testing.T) {
	const asJSON = "Content-Type: application/json\r\n"
	large := strings.Repeat("x", 1001)
	for _, tc := range []struct {
		name, request string
		want          int
	}{
		{"JSON", with(asJSON, "{}"), 200},
		{"with a charset", with("Content-Type: application/json; charset=UTF-8\r\n", "{}"), 200},
		{"a kind of JSON", with("Content-Type: application/ld+json\r\n", "{}"), 200},
		{"curl -d", with("Content-Type: application/x-www-form-urlencoded\r\n", "{}"), 200},
		{"no type", with("", "{}"), 200},
		{"the limit", with(asJSON, large[1:]), 200},
		{"gzip", with(asJSON+"Content-Encoding: gzip\r\n", zipped(t, "{}")), 200},
		{"zstd", with(asJSON+"Content-Encoding: zstd\r\n", zstandard(t, "{}")), 200},
		{"in pieces", "POST / HTTP/1.1\r\nHost: localhost:PORT\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", 200},

		{"text", with("Content-Type: text/plain\r\n", "{}"), 415},
		{"a form of parts", with("Content-Type: multipart/form-data; boundary=x\r\n", "{}"), 415},
		{"a page's form", with("Sec-Fetch-Site: none\r\nContent-Type: application/x-www-form-urlencoded\r\n", "{}"), 415},
		{"a page's body without a type", with("Origin: http://localhost:PORT\r\n", "{}"), 415},
		{"JSON within text", with("Content-Type: text/plain; application/json\r\n", "{}"), 415},
		{"two types", with(asJSON+"Content-Type: text/plain\r\n", "{}"), 415},
		{"another charset", with("Content-Type: application/json; charset=utf-16\r\n", "{}"), 415},
		{"an unknown encoding", with(asJSON+"Content-Encoding: br\r\n", "{}"), 415},
		{"two encodings", with(asJSON+"Content-Encoding: gzip, gzip\r\n", "{}"), 415},
		{"not gzip", with(asJSON+"Content-Encoding: gzip\r\n", "{}"), 400},
		{"not zstd", with(asJSON+"Content-Encoding: zstd\r\n", "{}"), 400},
		{"beyond the limit", with(asJSON, large), 413},
		{"announced beyond it", "POST / HTTP/1.1\r\nHost: localhost:PORT\r\nContent-Type: application/json\r\nContent-Length: 9000000000\r\n\r\n{}", 413},
		{"in pieces beyond it", "POST / HTTP/1.1\r\nHost: localhost:PORT\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + large + "\r\n0\r\n\r\n", 413},
		{"a gzip bomb", with(asJSON+"Content-Encoding: gzip\r\n", zipped(t, strings.Repeat("x", 200_000))), 413},
		{"a zstd bomb", with(asJSON+"Content-Encoding: zstd\r\n", zstandard(t, strings.Repeat("x", 200_000))), 413},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := serve(t, Config{Limits: Limits{Body: 1000, BodyTime: time.Second}}, nil)
			a := s.send(tc.request)
			s.check(a, tc.want)
		})
	}
}

// TestSlowClientsAreCut: one that sends a byte and waits, and one that never reads.
func TestSlowClientsAreCut(t *testing.T) {
	s := serve(t, Config{Limits: Limits{BodyTime: 50 * time.Millisecond, WriteTime: 50 * time.Millisecond, HeaderTime: 50 * time.Millisecond}}, nil)
	c := s.dial()
	fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: localhost:%s\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{", s.port())
	if a := s.receive(c, false); a.status != http.StatusRequestTimeout || s.count() != 0 {
		t.Errorf("a slow body: %d, %s", a.status, a.body)
	}
	c = s.dial()
	fmt.Fprint(c, "POST / HTTP/1.1\r\nHo")
	if _, err := io.ReadAll(c); err != nil {
		t.Errorf("slow headers: %v", err)
	}

	cut := make(chan error, 1)
	s = serve(t, Config{Limits: Limits{WriteTime: 50 * time.Millisecond}}, func(w http.ResponseWriter, _ *http.Request) {
		data := make([]byte, 1<<20)
		for {
			if _, err := w.Write(data); err != nil {
				cut <- err
				return
			}
		}
	})
	c = s.dial()
	_ = c.(*net.TCPConn).SetReadBuffer(4096)
	fmt.Fprint(c, strings.ReplaceAll(get("/", ""), "PORT", s.port()))
	<-cut // a test that waits for ever has found a client that is not cut
}

// TestAClientThatLeavesIsSeen, since the body was read before the handler started.
func TestAClientThatLeavesIsSeen(t *testing.T) {
	started, left := make(chan bool), make(chan bool)
	s := serve(t, Config{}, func(_ http.ResponseWriter, r *http.Request) {
		close(started)
		<-r.Context().Done()
		close(left)
	})
	c := s.dial()
	fmt.Fprint(c, strings.ReplaceAll(post(""), "PORT", s.port()))
	<-started
	c.Close()
	<-left
}
