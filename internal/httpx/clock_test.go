package httpx

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// line is one that a stream of the dialect may send.
func line(d Dialect) string {
	if d == SSE {
		return "data: {\"a\":1}\n\n"
	}
	return "{\"a\":1}\n"
}

func TestClocksEndWhatHangs(t *testing.T) {
	const short, long = 30 * time.Millisecond, time.Minute
	for what, tc := range map[string]struct {
		o      Options
		before string // sent before the server hangs
		status int
		says   string
	}{
		"before the head":             {Options{FirstByte: short, Idle: long}, "", 0, "nothing came for 30ms"},
		"after the head":              {Options{FirstByte: short, Idle: long}, "", 200, "nothing came for 30ms"},
		"within the answer":           {Options{FirstByte: long, Idle: short}, "first", 200, "the answer stopped coming for 30ms"},
		"within the answer, no first": {Options{Idle: short}, "first", 200, "the answer stopped coming for 30ms"},
		"within a failure":            {Options{FirstByte: long, Idle: short}, "first", 500, ""},
	} {
		for name, d := range map[string]Dialect{"whole": Whole, "SSE": SSE, "NDJSON": NDJSON} {
			t.Run(what+", "+name, func(t *testing.T) {
				s := serve(t, func(w http.ResponseWriter, r *http.Request) {
					if tc.status != 0 {
						w.WriteHeader(tc.status)
						w.Write([]byte(strings.Replace(tc.before, "first", line(d), 1)))
						w.(http.Flusher).Flush()
					}
					<-r.Context().Done()
				})
				c := &Call{Dialect: d}
				_, err := get(t, t.Context(), tc.o, c, s.URL)
				if tc.says == "" { // what came of the failure is enough to tell it
					if err != nil || c.Status != tc.status || len(c.Failure) == 0 {
						t.Errorf("got %v, status %d, %q", err, c.Status, c.Failure)
					}
					return
				}
				if provider.KindOf(err) != provider.Timeout || !strings.Contains(err.Error(), tc.says) {
					t.Errorf("got %v, want a Timeout that says %q", err, tc.says)
				}
			})
		}
	}
}

func TestTrickleIsNoTimeout(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for range 20 {
			io.WriteString(w, line(NDJSON))
			w.(http.Flusher).Flush()
			time.Sleep(2 * time.Millisecond)
		}
	})
	body, err := get(t, t.Context(), Options{FirstByte: 5 * time.Second, Idle: 5 * time.Second}, &Call{Dialect: NDJSON}, s.URL)
	if err != nil || body != strings.Repeat(line(NDJSON), 20) {
		t.Errorf("got %q, %v", body, err)
	}
}

func TestCallersOwnEndIsNoTimeout(t *testing.T) {
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := get(t, ctx, Options{FirstByte: time.Minute, Idle: time.Minute}, &Call{}, s.URL)
	if !errors.Is(err, context.DeadlineExceeded) || provider.KindOf(err) != "" {
		t.Errorf("got %v, want the caller's own deadline", err)
	}
}
