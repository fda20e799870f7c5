package ollama_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/ollama/ollama/api"
)

// What Ollama's own client takes for a whole answer: the reason why the transport
// looks at the bytes (docs/architecture.md). A new version of it that does better
// fails here.
func TestFactsOfTheClient(t *testing.T) {
	const piece = `{"message":{"content":"Hello"},"done":false}` + "\n"
	for name, tc := range map[string]struct {
		play func(http.ResponseWriter)
		fine bool // it returns no error
	}{
		"FACT: an end without done:true is no error": {func(w http.ResponseWriter) { _, _ = io.WriteString(w, piece) }, true},
		"FACT: an empty 200 is no error":             {func(http.ResponseWriter) {}, true},
		"FACT: an empty 503 is no error":             {func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) }, true},
		"FACT: a connection that breaks is an error": {func(w http.ResponseWriter) {
			_, _ = io.WriteString(w, piece)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, false},
		"FACT: a line of more than 8 MB is an error": {func(w http.ResponseWriter) {
			_, _ = io.WriteString(w, `{"message":{"content":"`+strings.Repeat("x", 9<<20)+"\"}}\n")
		}, false},
		"FACT: an error in a line is an error": {func(w http.ResponseWriter) { _, _ = io.WriteString(w, piece+`{"error":"boom"}`+"\n") }, false},
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { tc.play(w) }))
		base, err := url.Parse(srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		tr := &http.Transport{DisableKeepAlives: true}
		err = api.NewClient(base, &http.Client{Transport: tr}).Chat(t.Context(), &api.ChatRequest{Model: "m"}, func(api.ChatResponse) error { return nil })
		if (err == nil) != tc.fine {
			t.Errorf("%s: got %v", name, err)
		}
		srv.Close()
	}
}
