package bench

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// Tokens is how many tokens every answer of the fake server has.
const Tokens = 64

func token(i int) string { return "word" + strconv.Itoa(i) + " " }

// Answer is the text of every answer of the fake server.
func Answer() string {
	var b strings.Builder
	for i := range Tokens {
		b.WriteString(token(i))
	}
	return b.String()
}

// Upstream is a fake server in OpenAI's dialect. It answers every chat with
// the same text and no delay, whole or as a stream that is flushed at each
// token. The answers are made beforehand, so that it costs little itself.
// Below /held it stops each stream after its first token until somebody posts
// to /held/release; below /long each stream has [LongChunks] tokens; below /slots it
// takes its time and serves a few calls at once, see slotted.
func Upstream() http.Handler {
	const head = `{"id":"chatcmpl-1","object":"%s","created":1700000000,"model":"fake","choices":[%s]%s}`
	usage := fmt.Sprintf(`,"usage":{"prompt_tokens":7,"completion_tokens":%d,"total_tokens":%d}`, Tokens, Tokens+7)
	whole := fmt.Appendf(nil, head, "chat.completion", `{"index":0,"message":{"role":"assistant","content":"`+Answer()+`"},"finish_reason":"stop"}`, usage)
	event := func(choices, usage string) []byte {
		return fmt.Appendf(nil, "data: "+head+"\n\n", "chat.completion.chunk", choices, usage)
	}
	var events [][]byte
	for i := range Tokens {
		events = append(events, event(`{"index":0,"delta":{"role":"assistant","content":"`+token(i)+`"},"finish_reason":null}`, ""))
	}
	end := event(`{"index":0,"delta":{},"finish_reason":"stop"}`, "")
	end = append(append(end, event("", usage)...), "data: [DONE]\n\n"...)

	g := &gate{open: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /held/release", func(http.ResponseWriter, *http.Request) { g.release() })
	mux.HandleFunc("POST /held/v1/chat/completions", func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		flush := http.NewResponseController(w)
		released := g.wait()
		w.Write(events[0])
		flush.Flush()
		select {
		case <-released:
		case <-r.Context().Done():
			return
		}
		for _, e := range events[1:] {
			w.Write(e)
			flush.Flush()
		}
		w.Write(end)
	})
	mux.HandleFunc("POST /long/v1/chat/completions", func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		flush := http.NewResponseController(w)
		for i := range LongChunks {
			w.Write(events[i%Tokens])
			if i%Tokens == 0 {
				flush.Flush()
			}
		}
		w.Write(end)
	})
	chat := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if !bytes.Contains(body, []byte(`"stream":true`)) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", strconv.Itoa(len(whole)))
			w.Write(whole)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		flush := http.NewResponseController(w)
		for _, e := range events {
			w.Write(e)
			flush.Flush()
		}
		w.Write(end)
	})
	mux.Handle("POST /v1/chat/completions", chat)
	mux.Handle("POST /slots/v1/chat/completions", slotted(chat))
	return mux
}

// gate is what held streams wait at.
type gate struct {
	mu   sync.Mutex
	open chan struct{}
}

func (g *gate) wait() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open
}

// release lets those go that wait, and holds those that come.
func (g *gate) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.open)
	g.open = make(chan struct{})
}
