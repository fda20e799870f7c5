package httpx

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestBoundedClient(t *testing.T) {
	var header string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		header = r.Header.Get("Authorization")
		_, _ = io.WriteString(w, strings.Repeat("x", 10))
	})
	for most, want := range map[int64]error{9: ErrTooLarge, 10: nil, 11: nil} {
		c := BoundedClient(Policy{LocalOnly: true}, time.Second, http.Header{"Authorization": {"Bearer a"}}, most)
		resp, err := c.Get(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if !errors.Is(err, want) || int64(len(body)) != min(most, 10) || header != "Bearer a" {
			t.Errorf("at most %d: %d bytes, %v, header %q", most, len(body), err, header)
		}
		c.CloseIdleConnections()
	}
}
