package httpx

import (
	"context"
	"errors"
	"io"
	"net"
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
	const (
		short, long = 30 * time.Millisecond, time.Minute
		nothing     = "no first token within 30ms (timeouts.first_token)"
	)
	for what, tc := range map[string]struct {
		o      Options
		before string // sent before the server hangs
		status int
		says   string
	}{
		"before the head":             {Options{FirstToken: short, Idle: long}, "", 0, nothing},
		"after the head":              {Options{FirstToken: short, Idle: long}, "", 200, nothing},
		"within the answer":           {Options{FirstToken: long, Idle: short}, "first", 200, "no data for 30ms (timeouts.idle)"},
		"within the answer, no first": {Options{Idle: short}, "first", 200, "no data for 30ms (timeouts.idle)"},
		"within a failure":            {Options{FirstToken: long, Idle: short}, "first", 500, ""},
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
				_, err := follow(t, tc.o, c, s.URL)
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

// follow reads an answer as an adapter does: what it sees of a stream is
// content, unless it says "empty".
func follow(t *testing.T, o Options, c *Call, url string) (string, error) {
	t.Helper()
	tr := NewTransport(o)
	defer tr.CloseIdleConnections()
	req, err := http.NewRequestWithContext(WithCall(t.Context(), c), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := tr.Client().Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var all strings.Builder
	for buf := make([]byte, 1024); ; {
		n, err := resp.Body.Read(buf)
		all.Write(buf[:n])
		if n > 0 && c.Dialect != Whole && !strings.Contains(string(buf[:n]), "empty") {
			_ = c.Content(1)
		}
		if err == io.EOF {
			return all.String(), nil
		}
		if err != nil {
			return all.String(), err
		}
	}
}

// What is no content moves no clock: not the comments and empty events that
// keep a stream open, nor the white space that does so for a document.
func TestKeepAliveIsNoContent(t *testing.T) {
	const short = 50 * time.Millisecond
	for what, tc := range map[string]struct {
		d            Dialect
		one          bool
		before, beat string
		says         string
	}{
		"comments before":    {SSE, false, "", ": processing\n\n", "first_token"},
		"empty events":       {SSE, false, "", "data: {\"empty\":1}\n\n", "first_token"},
		"empty lines":        {NDJSON, false, "", "{\"empty\":1}\n", "first_token"},
		"white space":        {Whole, false, "", " \n", "first_token"},
		"comments after":     {SSE, false, line(SSE), ": processing\n\n", "idle"},
		"white space within": {Whole, false, "{", " \n", "idle"},
		"half a line":        {NDJSON, true, "{", " ", "idle"},
	} {
		t.Run(what, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, tc.before)
				for r.Context().Err() == nil {
					io.WriteString(w, tc.beat)
					w.(http.Flusher).Flush()
					time.Sleep(2 * time.Millisecond)
				}
			})
			_, err := follow(t, Options{FirstToken: short, Idle: short}, &Call{Dialect: tc.d, NoStream: tc.one}, s.URL)
			if provider.KindOf(err) != provider.Timeout || !strings.Contains(err.Error(), "timeouts."+tc.says) {
				t.Errorf("got %v, want a Timeout of the clock %s", err, tc.says)
			}
		})
	}
}

func TestNoConnectionIsATimeout(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // accepts, by the kernel, and never speaks
	c := &Call{}
	_, err = get(t, t.Context(), Options{Connect: 30 * time.Millisecond}, c, "https://"+l.Addr().String())
	if provider.KindOf(err) != provider.Timeout || !strings.Contains(err.Error(), "no connection within 30ms (timeouts.connect)") || c.Sent() {
		t.Errorf("got %v, sent %v; want the connect clock's Timeout, and nothing sent", err, c.Sent())
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
	body, err := follow(t, Options{FirstToken: 5 * time.Second, Idle: 5 * time.Second}, &Call{Dialect: NDJSON}, s.URL)
	if err != nil || body != strings.Repeat(line(NDJSON), 20) {
		t.Errorf("got %q, %v", body, err)
	}
}

func TestCallersOwnEndIsNoTimeout(t *testing.T) {
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := get(t, ctx, Options{FirstToken: time.Minute, Idle: time.Minute}, &Call{}, s.URL)
	if !errors.Is(err, context.DeadlineExceeded) || provider.KindOf(err) != "" {
		t.Errorf("got %v, want the caller's own deadline", err)
	}
}
