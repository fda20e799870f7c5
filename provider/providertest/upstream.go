package providertest

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Dialect is how an upstream speaks.
type Dialect int

// The dialects.
const (
	OpenAI Dialect = iota // server-sent events at /chat/completions
	Ollama                // a JSON document a line at /api/chat
)

// upstream is a server that plays one misbehaviour.
type upstream struct {
	*httptest.Server
	hits atomic.Int64
	gone chan struct{} // gets a value for each request whose client went away
	last atomic.Pointer[[]byte]
}

// newUpstream serves script to every generation request.
func newUpstream(t *testing.T, script func(w *serverAnswer, r *http.Request)) *upstream {
	u := &upstream{gone: make(chan struct{}, 64)}
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body) // or the server would not notice a client that leaves
		if err != nil {
			return
		}
		u.hits.Add(1)
		u.last.Store(&body)
		script(&serverAnswer{ResponseWriter: w, body: body, gone: u.gone, done: r.Context().Done()}, r)
	}))
	t.Cleanup(func() {
		u.CloseClientConnections()
		u.Close()
	})
	return u
}

// serverAnswer is one answer under way.
type serverAnswer struct {
	http.ResponseWriter
	body []byte
	gone chan struct{}
	done <-chan struct{}
}

// send writes and flushes; it reports whether the client is still there.
func (w *serverAnswer) send(s string) bool {
	if _, err := io.WriteString(w, s); err != nil {
		return false
	}
	w.ResponseWriter.(http.Flusher).Flush()
	return true
}

// wait hangs until the client goes away, and tells.
func (w *serverAnswer) wait() {
	select {
	case <-w.done:
	case <-time.After(30 * time.Second):
		return
	}
	w.gone <- struct{}{}
}

// reset cuts the connection as a crash would, with a TCP reset.
func (w *serverAnswer) reset() {
	conn, _, err := w.ResponseWriter.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a test server has nobody to tell
	}
	_ = conn.Close()
}

// cut ends a chunked answer without its last chunk.
func (w *serverAnswer) cut() { panic(http.ErrAbortHandler) }

func (w *serverAnswer) wantsStream(d Dialect) bool {
	if d == Ollama {
		return !bytes.Contains(w.body, []byte(`"stream":false`))
	}
	return bytes.Contains(w.body, []byte(`"stream":true`))
}

// speech writes a dialect's pieces.
type speech struct{ d Dialect }

func (s speech) head(w *serverAnswer) {
	kind := "text/event-stream"
	if s.d == Ollama {
		kind = "application/x-ndjson"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("X-Request-Id", "req-1")
}

func (s speech) event(json string) string {
	if s.d == Ollama {
		return json + "\n"
	}
	return "data: " + json + "\n\n"
}

// textEvent is a delta. %q would escape what JSON does not know, so texts here are
// plain.
func (s speech) textEvent(text string) string {
	if s.d == Ollama {
		return s.event(fmt.Sprintf(`{"model":"m","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"%s"},"done":false}`, text))
	}
	return s.event(fmt.Sprintf(`{"id":"1","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":null}]}`, text))
}

func (s speech) thinking(text string) string {
	if s.d == Ollama {
		return s.event(fmt.Sprintf(`{"model":"m","message":{"role":"assistant","content":"","thinking":"%s"},"done":false}`, text))
	}
	return s.event(fmt.Sprintf(`{"id":"1","model":"m","choices":[{"index":0,"delta":{"reasoning":"%s"},"finish_reason":null}]}`, text))
}

// finish is the honest end, without usage where the dialect allows it.
func (s speech) finish(reason string) string {
	if s.d == Ollama {
		return s.event(fmt.Sprintf(`{"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":"%s","prompt_eval_count":7,"eval_count":3}`, reason))
	}
	return s.event(fmt.Sprintf(`{"id":"1","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"%s"}]}`, reason))
}

func (s speech) usage() string {
	if s.d == Ollama {
		return ""
	}
	return s.event(`{"id":"1","model":"m","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}`)
}

func (s speech) done() string {
	if s.d == Ollama {
		return ""
	}
	return "data: [DONE]\n\n"
}

func (s speech) whole(text, reason string) string {
	if s.d == Ollama {
		return fmt.Sprintf(`{"model":"m","message":{"role":"assistant","content":"%s"},"done":true,"done_reason":"%s","prompt_eval_count":7,"eval_count":3}`+"\n", text, reason)
	}
	return fmt.Sprintf(`{"id":"1","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"%s"},"finish_reason":"%s"}],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}`, text, reason)
}

// answer plays a good answer in the way that was asked for.
func (s speech) answer(w *serverAnswer, chunks ...string) {
	if !w.wantsStream(s.d) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Request-Id", "req-1")
		w.send(s.whole(strings.Join(chunks, ""), "stop"))
		return
	}
	s.head(w)
	for _, c := range chunks {
		if !w.send(s.textEvent(c)) {
			return
		}
	}
	w.send(s.finish("stop") + s.usage() + s.done())
}
