package guard

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

// canary is the key that no answer, log line or error may show, and that no handler
// may see.
const canary = "sk-tandem-canary-DO-NOT-LEAK-7f3a"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lockedBuffer collects a log that many goroutines write.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// guarded is a server behind a guard, and how often its handler was reached.
type guarded struct {
	*httptest.Server
	t       *testing.T
	log     *lockedBuffer
	mu      sync.Mutex
	reached int
}

// serve starts a server on loopback whose handler echoes the body, unless it is given
// another one. When the test ends, nothing of the canary is in its log.
func serve(t *testing.T, cfg Config, handler http.HandlerFunc) *guarded {
	t.Helper()
	s := &guarded{t: t, log: &lockedBuffer{}}
	cfg.Log = slog.New(slog.NewTextHandler(s.log, nil))
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if handler == nil {
		handler = func(w http.ResponseWriter, r *http.Request) {
			data, err := io.ReadAll(r.Body)
			if err != nil {
				t.Errorf("the handler could not read the body: %v", err)
			}
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, "reached: %s", data)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.reached++
		s.mu.Unlock()
		if text := fmt.Sprint(r.Header); strings.Contains(text, canary) {
			t.Errorf("the handler sees the key: %s", text)
		}
		handler(w, r)
	})
	s.Server = httptest.NewUnstartedServer(g.Wrap(mux))
	s.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(s.log, nil), slog.LevelError)
	g.Limit(s.Config)
	s.Start()
	t.Cleanup(func() {
		s.Close()
		if text := s.log.String(); strings.Contains(text, canary) {
			t.Errorf("the log shows the key:\n%s", text)
		}
	})
	return s
}

// count is how often the handler was reached.
func (s *guarded) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reached
}

// port is the port that it listens on.
func (s *guarded) port() string {
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	return port
}

// dial opens a connection.
func (s *guarded) dial() net.Conn {
	s.t.Helper()
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	return c
}

// answer is a response, with its body.
type answer struct {
	status int
	header http.Header
	body   string
}

// send writes these bytes to a new connection, PORT replaced, and reads an answer. A
// method given apart tells whether the answer has a body.
func (s *guarded) send(text string) answer {
	s.t.Helper()
	c := s.dial()
	text = strings.ReplaceAll(text, "PORT", s.port())
	go func() { _, _ = io.WriteString(c, text) }() // it may be refused before it is all sent
	return s.receive(c, strings.HasPrefix(text, "HEAD "))
}

func (s *guarded) receive(c net.Conn, head bool) answer {
	s.t.Helper()
	method := http.MethodGet
	if head {
		method = http.MethodHead
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		s.t.Fatalf("no answer: %v", err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		s.t.Fatal(err)
	}
	if text := fmt.Sprint(resp.Header, string(data)); strings.Contains(text, canary) {
		s.t.Errorf("the answer shows the key: %s", text)
	}
	return answer{resp.StatusCode, resp.Header, string(data)}
}

// check compares an answer with the status that is due, and whether the handler was
// reached with it.
func (s *guarded) check(a answer, want int) {
	s.t.Helper()
	if a.status != want {
		s.t.Errorf("status %d, want %d: %s", a.status, want, a.body)
	}
	if got := s.count() > 0; got != (want == http.StatusOK) {
		s.t.Errorf("the handler was reached: %v, with status %d", got, want)
	}
}
