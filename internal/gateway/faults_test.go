package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tandem-llm/tandem/internal/gateway"
	"github.com/tandem-llm/tandem/internal/gateway/anthropic"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
	"github.com/tandem-llm/tandem/internal/gateway/ollama"
	"github.com/tandem-llm/tandem/internal/gateway/openai"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/provider"
)

// fault is what an engine does with every question.
type fault struct {
	name string
	// generates says that a model is at work before it fails.
	generates bool
	serve     func(http.ResponseWriter)
}

func refuses(status int) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"error":{"message":"the test says %d"}}`, status)
	}
}

func says(events ...string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "text/event-stream")
		_ = http.NewResponseController(w).Flush()
		for _, e := range events {
			fmt.Fprintf(w, "data: %s\n\n", e)
			_ = http.NewResponseController(w).Flush()
		}
	}
}

func cuts(events ...string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		says(events...)(w)
		panic(http.ErrAbortHandler)
	}
}

const (
	piece = `{"id":"x","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":"Half of"},"finish_reason":null}]}`
	ended = `{"id":"x","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`
	odd   = `{"id":"x","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"engine_overheated"}]}`
)

var faults = []fault{
	{"429", false, refuses(429)},
	{"503", false, refuses(503)},
	{"529", false, refuses(529)},
	{"500", true, refuses(500)},
	{"502", true, refuses(502)},
	{"504", true, refuses(504)},
	{"524", true, refuses(524)},
	{"400", false, refuses(400)},
	{"401", false, refuses(401)},
	{"408", false, refuses(408)},
	{"a page", true, func(w http.ResponseWriter) { _, _ = io.WriteString(w, "<html>Welcome to nginx!</html>") }},
	{"an empty body", true, func(http.ResponseWriter) {}},
	{"an empty answer", true, says(ended, "[DONE]")},
	{"an error in the stream", true, says(`{"error":{"message":"the runner died","code":500}}`)},
	{"an unknown end", true, says(odd, "[DONE]")},
	{"cut before anything", true, func(http.ResponseWriter) { panic(http.ErrAbortHandler) }},
	{"cut before any text", true, cuts()},
	{"cut behind some text", true, cuts(piece)},
	{"ended without an end", true, says(piece)},
	{"an error behind some text", true, says(piece, `{"error":{"message":"the runner died"}}`)},
}

// asker is a client that asks again by its own rules.
type asker struct {
	name     string
	header   string
	requests int // at most
	// honours says that it asks again only where X-Should-Retry lets it.
	honours bool
	// streams says that it asks again where a stream fails.
	streams bool
}

var askers = []asker{
	{"openai-python 2", "X-Stainless-Retry-Count: 0", 3, true, false},
	{"Claude Code 2.1", "X-Stainless-Retry-Count: 0", 11, false, true},
	{"Codex 0.171", "", 31, false, true},
	{"a client in a loop", "", 40, false, true},
}

// goesOn reports whether the client asks again after a reply.
func (a *asker) goesOn(r gatewaytest.Reply) bool {
	switch {
	case r.Status == 200:
		return a.streams
	case a.honours && r.Header.Get("X-Should-Retry") != "":
		return r.Header.Get("X-Should-Retry") == "true"
	}
	return r.Status == 408 || r.Status == 409 || r.Status == 429 || r.Status >= 500
}

// dialect is a path and a question to it.
type dialect struct{ path, body, stream string }

var spoken = []dialect{
	{"/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"Hi"}]`, `,"stream":true}`},
	{"/v1/responses", `{"model":"m","input":"Hi"`, `,"stream":true}`},
	{"/v1/messages", `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]`, `,"stream":true}`},
	{"/api/chat", `{"model":"m","messages":[{"role":"user","content":"Hi"}],"stream":false`, ``},
}

func (d dialect) bodies() []string {
	if d.path == "/api/chat" {
		return []string{d.body + "}", strings.Replace(d.body, `,"stream":false`, "", 1) + "}"}
	}
	return []string{d.body + "}", d.body + d.stream}
}

// However a client asks again, and whatever the router does by itself: no question has
// more than two generations that fail, and what an engine refuses is asked no more often
// than the client asks, but for the router's own retries of the first time.
func TestAQuestionThatFailsIsGeneratedTwiceAtMost(t *testing.T) {
	const routersRetries = 2
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			for _, d := range spoken {
				for _, body := range d.bodies() {
					for _, a := range askers {
						var upstream atomic.Int32
						engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
							_, _ = io.Copy(io.Discard, r.Body)
							if r.URL.Path == "/v1/models" {
								_, _ = io.WriteString(w, `{"object":"list","data":[{"id":"m","object":"model"}]}`)
								return
							}
							upstream.Add(1)
							f.serve(w)
						}))
						url := inFront(t, engine.URL)
						asked := 0
						for asked < a.requests {
							asked++
							var header []string
							if a.header != "" {
								header = append(header, a.header)
							}
							if r := gatewaytest.Post(t, url+d.path, body, header...); !a.goesOn(r) {
								break
							}
						}
						most := asked + routersRetries
						if a.header != "" {
							most = asked
						}
						if f.generates {
							most = 2
						}
						if n := int(upstream.Load()); n > most {
							t.Errorf("%s, %s: %d requests of the client are %d upstream, want at most %d", a.name, d.path+" "+body, asked, n, most)
						}
						engine.Close()
					}
				}
			}
		})
	}
}

// A question is known again though what is decided about it here is another thing each
// time, such as its window, which depends on what is in memory.
func TestAQuestionThatFailsIsKnownAgain(t *testing.T) {
	const asked = 6
	for name, prepare := range map[string]func(*exchange.Question, int){
		"another window": func(q *exchange.Question, n int) { q.Request.Options = provider.Options{"num_ctx": 2048 * n} },
		"a window that is taken away": func(q *exchange.Question, n int) {
			if n > 1 {
				delete(q.Request.Options, "num_ctx")
			}
		},
		"another limit": func(q *exchange.Question, n int) { q.Request.MaxTokens = provider.Ptr(100 * n) },
	} {
		for _, d := range spoken {
			var upstream atomic.Int32
			engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.Header().Set("Content-Type", "application/json")
				switch r.URL.Path {
				case "/api/chat":
					upstream.Add(1)
					fmt.Fprintln(w, `{"model":"m","message":{"role":"assistant","content":"Half of"},"done":false}`)
					_ = http.NewResponseController(w).Flush()
					panic(http.ErrAbortHandler)
				case "/api/tags", "/api/ps":
					_, _ = io.WriteString(w, `{"models":[{"name":"m:latest","model":"m:latest","digest":"aaaa","size":100}]}`)
				case "/api/show":
					_, _ = io.WriteString(w, `{"capabilities":["completion"],"model_info":{}}`)
				default:
					_, _ = io.WriteString(w, `{"version":"0.17.4"}`)
				}
			}))
			s := gatewaytest.Open(t, fmt.Sprintf("use: [gpu]\nproviders:\n- {name: gpu, kind: ollama, managed: false, host: '%s', model: m}\n", strings.TrimPrefix(engine.URL, "http://")))
			n := 0
			x := gatewaytest.Exchange(s, exchange.Config{Prepare: func(_ context.Context, _ *stack.Stack, q *exchange.Question) error {
				n++
				prepare(q, n)
				return nil
			}})
			mux := http.NewServeMux()
			openai.New(x, nil).Register(mux)
			anthropic.New(x).Register(mux)
			ollama.New(x).Register(mux)
			srv := httptest.NewServer(mux)
			body := d.body
			if d.path == "/api/chat" {
				body += `,"options":{"num_ctx":8192}`
			}
			for range asked {
				gatewaytest.Post(t, srv.URL+d.path, body+"}")
			}
			if got := upstream.Load(); got > 2 {
				t.Errorf("%s, %s: %d requests of the client are %d generations, want at most 2", name, d.path, asked, got)
			}
			srv.Close()
			engine.Close()
		}
	}
}

// inFront is a gateway in front of an engine, with the configuration's usual retries.
func inFront(t *testing.T, engine string) string {
	t.Helper()
	s := gateway.New(gateway.Config{Stack: gatewaytest.Open(t, fmt.Sprintf("use: [house]\nproviders:\n- {name: house, kind: openai, base_url: '%s/v1', model: m, local: true}\n", engine))})
	t.Cleanup(func() { _ = s.Close() })
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(srv.Close)
	return srv.URL
}
