package httpx

import (
	"io"
	"net/http"
	"sync"
	"testing"
	"time"
)

// TestUnusedConnectionsAreNotTrusted: servers hang up on a connection that
// lies unused, and this one does so when the next call is on its way.
func TestUnusedConnectionsAreNotTrusted(t *testing.T) {
	var seen sync.Map
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if _, again := seen.LoadOrStore(r.RemoteAddr, true); again {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, `{}`)
	})
	call := func(tr *Transport) error {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, http.NoBody)
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
