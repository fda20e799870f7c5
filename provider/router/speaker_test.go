package router_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
	"github.com/tandem-llm/tandem/provider/openai"
)

// The dialects.
const (
	ollamaAPI = "Ollama"
	openaiAPI = "OpenAI"
)

// speaker is a server's end of one call, in either dialect, streamed or whole.
type speaker struct {
	dialect string
	stream  bool
	w       http.ResponseWriter
	r       *http.Request
	begun   bool
}

// by is what the dialect says.
func (s *speaker) by(ollama, openai string) string {
	if s.dialect == ollamaAPI {
		return ollama
	}
	return openai
}

// send writes and flushes.
func (s *speaker) send(text string) {
	_, _ = io.WriteString(s.w, text)
	s.w.(http.Flusher).Flush()
}

// fail refuses the call, with a header as `Name: value` if there is one.
func (s *speaker) fail(status int, body string, header ...string) {
	s.w.Header().Set("Content-Type", "application/json")
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		s.w.Header().Set(name, value)
	}
	s.w.WriteHeader(status)
	s.send(body)
}

// refuse fails with a text in the dialect's error object.
func (s *speaker) refuse(status int, text string, header ...string) {
	quoted, _ := json.Marshal(text)
	s.fail(status, s.by(fmt.Sprintf(`{"error":%s}`, quoted), fmt.Sprintf(`{"error":{"message":%s}}`, quoted)), header...)
}

// head starts an answer that says nothing yet. A whole one has said nothing.
func (s *speaker) head() {
	s.begun = true
	if s.stream && s.dialect == openaiAPI {
		s.w.Header().Set("Content-Type", "text/event-stream")
		s.send(": processing\n\ndata: " + `{"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}` + "\n\n")
		return
	}
	if s.stream {
		s.w.Header().Set("Content-Type", "application/x-ndjson")
		s.send(`{"model":"m","message":{"role":"assistant","content":""},"done":false}` + "\n")
		return
	}
	s.w.Header().Set("Content-Type", "application/json")
	s.send(" ")
}

// say streams texts; a whole answer says the first part of its document.
func (s *speaker) say(texts ...string) {
	if !s.begun {
		s.head()
	}
	if !s.stream {
		content, _ := json.Marshal(strings.Join(texts, ""))
		s.send(s.by(`{"model":"m","message":{"role":"assistant","content":`, `{"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":`) + string(content))
		return
	}
	for _, text := range texts {
		content, _ := json.Marshal(text)
		s.send(s.by(fmt.Sprintf(`{"model":"m","message":{"role":"assistant","content":%s},"done":false}`+"\n", content),
			fmt.Sprintf(`data: {"model":"m","choices":[{"index":0,"delta":{"content":%s}}]}`+"\n\n", content)))
	}
}

// end ends an answer that say began.
func (s *speaker) end(reason string) {
	switch {
	case s.stream && s.dialect == ollamaAPI:
		s.send(fmt.Sprintf(`{"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":%q,"prompt_eval_count":7,"eval_count":3}`+"\n", reason))
	case s.stream:
		s.send(fmt.Sprintf(`data: {"model":"m","choices":[{"index":0,"delta":{},"finish_reason":%q}]}`+"\n\ndata: [DONE]\n\n", reason))
	case s.dialect == ollamaAPI:
		s.send(fmt.Sprintf(`},"done":true,"done_reason":%q,"prompt_eval_count":7,"eval_count":3}`, reason))
	default:
		s.send(fmt.Sprintf(`},"finish_reason":%q}],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}`, reason))
	}
}

// answer is a whole answer.
func (s *speaker) answer(reason string, texts ...string) {
	s.say(texts...)
	s.end(reason)
}

// tool calls a tool with those arguments, as text.
func (s *speaker) tool(args, reason string) {
	quoted, _ := json.Marshal(args)
	if s.dialect == ollamaAPI {
		s.head()
		call := fmt.Sprintf(`{"model":"m","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"weather","arguments":%s}}]},`, args)
		s.send(call + fmt.Sprintf(`"done":true,"done_reason":%q}`+"\n", reason))
		return
	}
	s.head()
	call := fmt.Sprintf(`"tool_calls":[{"index":0,"id":"1","type":"function","function":{"name":"weather","arguments":%s}}]`, quoted)
	if s.stream {
		s.send(fmt.Sprintf(`data: {"choices":[{"index":0,"delta":{%s}}]}`+"\n\n", call))
		s.end(reason)
		return
	}
	s.send(fmt.Sprintf(`{"choices":[{"index":0,"message":{"role":"assistant",%s},"finish_reason":%q}]}`, call, reason))
}

// inBand reports an error where an answer was due.
func (s *speaker) inBand(text string) {
	quoted, _ := json.Marshal(text)
	if !s.begun && !s.stream {
		s.w.Header().Set("Content-Type", "application/json")
	}
	s.send(s.by(fmt.Sprintf(`{"error":%s}`+"\n", quoted), map[bool]string{true: "data: ", false: ""}[s.stream]+fmt.Sprintf(`{"error":{"message":%s}}`, quoted)+"\n\n"))
}

// hang says nothing until the client leaves.
func (s *speaker) hang() { <-s.r.Context().Done() }

// cut breaks the connection.
func (s *speaker) cut() { panic(http.ErrAbortHandler) }

// server plays a manner to each call, and counts them.
type server struct {
	*httptest.Server
	hits atomic.Int64
}

func newServer(t *testing.T, dialect string, play func(*speaker)) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if r.Method == http.MethodPost { // a question about the server's version is not a call
			s.hits.Add(1)
		}
		stream := strings.Contains(string(body), `"stream":true`)
		if dialect == ollamaAPI {
			stream = !strings.Contains(string(body), `"stream":false`)
		}
		play(&speaker{dialect: dialect, stream: stream, w: w, r: r})
	}))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.Start()
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s
}

// adapter is a provider of that dialect at baseURL, whose name resolution
// fails.
func adapter(t *testing.T, name, dialect, baseURL string, o httpx.Options) provider.Provider {
	t.Helper()
	o.Resolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("there is no network in a test")
	}}
	if o.Connect == 0 {
		o.Connect = 5 * time.Second
	}
	tr := httpx.NewTransport(o)
	t.Cleanup(tr.CloseIdleConnections)
	var p provider.Provider
	var err error
	if dialect == ollamaAPI {
		p, err = ollama.New(ollama.Config{Name: name, Host: baseURL, Model: "m", NumCtx: 4096, RoundTripper: tr})
	} else {
		p, err = openai.New(openai.Config{Name: name, BaseURL: baseURL + "/v1", Model: "m", Key: canary, RoundTripper: tr})
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const canary = "sk-canary-DO-NOT-LEAK-5b2e"
