package httpx

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestCompressedAnswers are measured as they are unpacked: a small body may hold
// much.
func TestCompressedAnswers(t *testing.T) {
	const size = 64 << 20
	for name, tc := range map[string]struct {
		dialect Dialect
		block   string
		want    error
	}{
		"a document":          {Whole, " ", ErrTooLarge},
		"comments":            {SSE, ": x\n\n", ErrTooLarge},
		"events of no text":   {SSE, "data: {}\n\n", ErrTooLarge},
		"a line":              {NDJSON, "x", ErrTooLarge},
		"blank lines":         {NDJSON, "\n", ErrTooLarge},
		"lines without words": {NDJSON, "{}\n", ErrTooLarge},
	} {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		block := []byte(strings.Repeat(tc.block, 1<<20/len(tc.block)))
		for range size >> 20 {
			_, _ = z.Write(block)
		}
		_ = z.Close()
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
				t.Error("gzip is not asked for")
			}
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(packed.Bytes())
		})
		body, err := get(t, context.Background(), Options{MaxAnswer: 1 << 20, MaxLine: 1 << 20, Idle: time.Minute}, &Call{Dialect: tc.dialect, Chat: true}, s.URL)
		if !errors.Is(err, tc.want) || len(body) > 2<<20 {
			t.Errorf("%s: %v, after %d bytes", name, err, len(body))
		}
	}
}

// TestManyHeaders: an answer's head is bounded, and so are those before it.
func TestManyHeaders(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("x", 2*maxHead))
	})
	if _, err := get(t, context.Background(), Options{}, &Call{}, s.URL); err == nil {
		t.Error("a head of 2 MiB was accepted")
	}
	s = serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for range 100 {
			w.Header().Set("X-Long", strings.Repeat("x", maxHead/50))
			w.WriteHeader(http.StatusEarlyHints)
		}
	})
	if _, err := get(t, context.Background(), Options{}, &Call{}, s.URL); err == nil {
		t.Error("100 heads of 20 KiB before the answer were accepted")
	}
}

// TestOnlyAnswersAreBoundByMaxAnswer: a list of models may be longer than any
// answer, and a download goes on for days.
func TestOnlyAnswersAreBoundByMaxAnswer(t *testing.T) {
	const line = `{"status":"pulling 0123"}` + "\n"
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/list" {
			_, _ = w.Write([]byte(`[` + strings.Repeat(`"model",`, 5000) + `"last"]`))
			return
		}
		_, _ = w.Write(bytes.Repeat([]byte(line), 200_000))
	})
	for path, c := range map[string]*Call{"/list": {}, "/pull": {Dialect: NDJSON}} {
		if body, err := get(t, context.Background(), Options{MaxAnswer: 1 << 10}, c, s.URL+path); err != nil || len(body) < 40_000 {
			t.Errorf("%s: %d bytes, %v", path, len(body), err)
		}
	}
	for path, c := range map[string]*Call{"/list": {Chat: true}, "/pull": {Chat: true, Dialect: NDJSON}} {
		if _, err := get(t, context.Background(), Options{MaxAnswer: 1 << 10}, c, s.URL+path); !errors.Is(err, ErrTooLarge) {
			t.Errorf("an answer, %s: %v", path, err)
		}
	}
}
