package httpx

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestUnusedConnectionsAreNotTrusted: servers hang up on a connection that
// lies unused, and this one does so when the next call is on its way. By this
// name the server is not known to be on this machine: nothing is sent twice.
func TestUnusedConnectionsAreNotTrusted(t *testing.T) {
	var seen sync.Map
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if _, again := seen.LoadOrStore(r.RemoteAddr, true); again {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, `{}`)
	})
	call := func(tr *Transport) error {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://server.example/", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := tr.Client().Do(req)
		if err != nil {
			return err
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.Body.Close()
	}
	for _, tc := range []struct {
		keep  time.Duration
		fails bool
	}{{10 * time.Millisecond, false}, {time.Minute, true}} {
		tr := NewTransport(Options{Keep: tc.keep})
		tr.open.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, s.Listener.Addr().String())
		}
		defer tr.CloseIdleConnections()
		if err := call(tr); err != nil {
			t.Fatal(err)
		}
		time.Sleep(200 * time.Millisecond)
		if err := call(tr); (err != nil) != tc.fails {
			t.Errorf("kept for %s: %v", tc.keep, err)
		}
	}
}

// TestAKeptConnectionThatWasClosed: the server hangs up between two calls. On
// this machine the second is made on a new connection; a fresh connection that
// is closed is a failure, and is not tried again.
func TestAKeptConnectionThatWasClosed(t *testing.T) {
	var mu sync.Mutex // connections have goroutines of their own
	calls, first := 0, ""
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		calls++
		if body, _ := io.ReadAll(r.Body); string(body) != "{}" {
			t.Errorf("call %d has the body %q", calls, body)
		}
		switch {
		case first == "":
			first = r.RemoteAddr
		case first == r.RemoteAddr || calls > 3:
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, `{}`)
	})
	tr := NewTransport(Options{Keep: time.Minute})
	defer tr.CloseIdleConnections()
	call := func() error {
		req, err := http.NewRequestWithContext(WithCall(t.Context(), &Call{}), http.MethodPost, s.URL, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := tr.Client().Do(req)
		if err != nil {
			return err
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.Body.Close()
	}
	for range 2 {
		if err := call(); err != nil {
			t.Fatal(err)
		}
	}
	made := func() int {
		mu.Lock()
		defer mu.Unlock()
		return calls
	}
	if n := made(); n != 3 {
		t.Errorf("%d requests for two calls, want 3: one was made again", n)
	}
	tr.CloseIdleConnections()
	if err := call(); err == nil || made() != 4 {
		t.Errorf("a fresh connection that was closed: %v after %d requests", err, made())
	}
}
