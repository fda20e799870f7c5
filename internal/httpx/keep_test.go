package httpx

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
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
		tr.open.(*http.Transport).DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
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

// TestAKeptConnectionThatWasClosed: the server hangs up on a kept connection as
// the second call reads it. What carries a prompt is not sent again: the error
// says that the connection was stale, and whoever retries decides. What is free
// is sent once more, and no oftener.
func TestAKeptConnectionThatWasClosed(t *testing.T) {
	for name, tc := range map[string]struct {
		method  string
		free    bool
		good    int // calls on a connection before the server hangs up
		sends   int // of the second call
		answers bool
	}{
		"a prompt":                   {http.MethodPost, false, 1, 1, false},
		"what is free":               {http.MethodPost, true, 1, 2, true},
		"a question":                 {http.MethodGet, false, 1, 2, true},
		"a prompt, and for ever":     {http.MethodPost, false, 0, 1, false},
		"what is free, and for ever": {http.MethodPost, true, 0, 2, false},
		"a question, and for ever":   {http.MethodGet, false, 0, 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, end := range []string{"close", "reset"} {
				var mu sync.Mutex // connections have goroutines of their own
				calls, conns := 0, map[string]int{}
				s := serve(t, func(w http.ResponseWriter, r *http.Request) {
					mu.Lock()
					defer mu.Unlock()
					_, _ = io.ReadAll(r.Body)
					calls++
					conns[r.RemoteAddr]++
					if calls == 1 || conns[r.RemoteAddr] <= tc.good {
						_, _ = io.WriteString(w, `{}`)
						return
					}
					c, _, err := w.(http.Hijacker).Hijack()
					if err != nil {
						t.Error(err)
						return
					}
					if end == "reset" {
						_ = c.(*net.TCPConn).SetLinger(0)
					}
					_ = c.Close()
				})
				tr := NewTransport(Options{Keep: time.Minute})
				defer tr.CloseIdleConnections()
				if err := post(t, tr, tc.method, s.URL, &Call{}); err != nil {
					t.Fatal(err)
				}
				c := &Call{Free: tc.free}
				err := post(t, tr, tc.method, s.URL, c)
				mu.Lock()
				sends := calls - 1
				mu.Unlock()
				if (err == nil) != tc.answers || sends != tc.sends {
					t.Errorf("%s: %v, after %d sends; want %d", end, err, sends, tc.sends)
				}
				if tc.sends == 1 && !errors.Is(err, provider.ErrStale) {
					t.Errorf("%s: %v does not say that the connection was stale", end, err)
				}
				if !c.Sent() {
					t.Error("the call says that it was not sent")
				}
			}
		})
	}
}

// TestAFreshConnectionThatIsClosed is a failure, and no stale connection.
func TestAFreshConnectionThatIsClosed(t *testing.T) {
	var calls atomic.Int64
	s := serve(t, func(http.ResponseWriter, *http.Request) {
		calls.Add(1)
		panic(http.ErrAbortHandler)
	})
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		tr := NewTransport(Options{})
		calls.Store(0)
		err := post(t, tr, method, s.URL, &Call{Free: true})
		if n := calls.Load(); err == nil || errors.Is(err, provider.ErrStale) || n != 1 {
			t.Errorf("%s: %v after %d requests", method, err, n)
		}
	}
}

// TestAKeptConnectionClosedUnread: the server went away while nothing was under
// way. The next call takes a new connection, however many are stale.
func TestAKeptConnectionClosedUnread(t *testing.T) {
	var calls atomic.Int64
	hold := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		if calls.Add(1) == 20 {
			close(hold)
		}
		<-hold // so that each call has a connection of its own
		_, _ = io.WriteString(w, `{}`)
	})
	tr := NewTransport(Options{Keep: time.Minute})
	defer tr.CloseIdleConnections()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := post(t, tr, http.MethodPost, s.URL, &Call{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	s.CloseClientConnections()
	for range 3 {
		if err := post(t, tr, http.MethodPost, s.URL, &Call{}); err != nil && !errors.Is(err, provider.ErrStale) {
			t.Error(err)
		}
	}
	if n := calls.Load(); n > 23 {
		t.Errorf("%d requests for 23 calls", n)
	}
}

// post makes a call and reads what came.
func post(t *testing.T, tr *Transport, method, url string, c *Call) error {
	t.Helper()
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader("{}")
	}
	req, err := http.NewRequestWithContext(WithCall(t.Context(), c), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := tr.Client().Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}
