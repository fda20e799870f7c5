package openai_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/tandem-llm/tandem/provider"
)

// TestAStreamKeepsItsConnection: the next call goes over the connection of a stream that
// was whole, wherever the server ends the body behind it. A server that leaves the body
// open holds nobody up.
func TestAStreamKeepsItsConnection(t *testing.T) {
	whole := events("stop", `{"content":"Hello"}`)
	for name, c := range map[string]struct {
		end  func(http.ResponseWriter, *http.Request)
		want int32
	}{
		"at once":          {func(http.ResponseWriter, *http.Request) {}, 1},
		"behind a comment": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, ": bye\n\n") }, 1},
		"not before it is cut": {func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			var connections atomic.Int32
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				_ = http.NewResponseController(w).Flush() // the body is in chunks then
				fmt.Fprint(w, whole)
				c.end(w, r)
			}))
			s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew {
					connections.Add(1)
				}
			}
			s.Start()
			defer s.Close()
			p := newProvider(t, s.URL)
			for range 3 {
				r, err := provider.Collect(p.Chat(t.Context(), provider.Request{Messages: []provider.Message{provider.User("hi")}}))
				if err != nil || r.Text != "Hello" {
					t.Fatalf("%q, %v", r.Text, err)
				}
			}
			if n := connections.Load(); n != c.want {
				t.Errorf("%d connections, want %d", n, c.want)
			}
		})
	}
}
