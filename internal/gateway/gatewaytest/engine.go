// Package gatewaytest is what the tests of the gateway have in common: an engine that
// does what a test says, and a gateway in front of it.
package gatewaytest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"
)

// Engine is a server that speaks OpenAI's API. What it does depends on the model that
// it is asked for; see [Engine.chat].
type Engine struct {
	*httptest.Server
	mu       sync.Mutex
	requests []Request
	gone     chan string // the models whose client has left before the end
	Release  chan struct{}
}

// Request is a request that the engine got.
type Request struct {
	Path   string
	Header http.Header
	Raw    []byte
	Body   map[string]any
}

// Models are what an engine does, by the name of the model:
//
//	ok       the text "Hello there." in two pieces
//	echo     the last message's text
//	think    thinking, then a text
//	tool     one call of the first tool, with {"city":"Paris"}
//	length   a text that ends at the limit
//	empty    nothing
//	cut      a piece of text, and the connection breaks
//	cutonce  as cut the first time, and then as ok
//	cutearly the connection breaks before any text
//	busy     429 with Retry-After: 7
//	down     503
//	denied   401
//	invalid  400
//	hang     a piece of text, and then nothing until the client leaves
//	silent   nothing until the client leaves
//	hold     waits for [Engine.Release], then as ok
//	badtool  a tool call whose arguments are not JSON
var Models = []string{
	"ok", "echo", "think", "tool", "length", "empty", "cut", "cutonce", "cutearly", "busy", "down", "denied", "invalid", "hang", "silent", "hold", "badtool",
}

// NewEngine starts an engine.
func NewEngine(t testing.TB) *Engine {
	t.Helper()
	e := &Engine{gone: make(chan string, 64), Release: make(chan struct{})}
	e.Server = httptest.NewServer(http.HandlerFunc(e.serve))
	t.Cleanup(func() {
		e.CloseClientConnections()
		e.Close()
	})
	return e
}

// Requests are those that the engine got on a path.
func (e *Engine) Requests(path string) []Request {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(e.requests), func(r Request) bool { return r.Path != path })
}

// Chats is how often a model was asked.
func (e *Engine) Chats(model string) (n int) {
	for _, r := range e.Requests("/v1/chat/completions") {
		if r.Body["model"] == model {
			n++
		}
	}
	return n
}

// Left waits until a client has left the engine before the end of its answer, and is
// the model that it had asked.
func (e *Engine) Left(t testing.TB) string {
	t.Helper()
	select {
	case model := <-e.gone:
		return model
	case <-time.After(20 * time.Second):
		t.Fatal("the engine's client does not leave")
		return ""
	}
}

func (e *Engine) serve(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	req := Request{Path: r.URL.Path, Header: r.Header.Clone(), Raw: raw}
	_ = json.Unmarshal(raw, &req.Body)
	e.mu.Lock()
	e.requests = append(e.requests, req)
	e.mu.Unlock()
	switch r.URL.Path {
	case "/v1/models":
		var data []map[string]any
		for _, m := range Models {
			data = append(data, map[string]any{"id": m, "object": "model", "created": 1700000000, "owned_by": "test"})
		}
		reply(w, http.StatusOK, map[string]any{"object": "list", "data": data})
	case "/v1/chat/completions":
		e.chat(w, r, req.Body)
	case "/v1/embeddings":
		embeddings(w, req.Body)
	default:
		reply(w, http.StatusNotFound, map[string]any{"error": map[string]any{"message": "no such path"}})
	}
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func embeddings(w http.ResponseWriter, in map[string]any) {
	if in["model"] == "invalid" {
		reply(w, http.StatusBadRequest, map[string]any{"error": map[string]any{"message": "the test says invalid"}})
		return
	}
	texts, ok := in["input"].([]any)
	if !ok {
		texts = []any{in["input"]}
	}
	var data []map[string]any
	for i, t := range texts {
		data = append(data, map[string]any{"object": "embedding", "index": i, "embedding": []float64{float64(len(fmt.Sprint(t))), 0.5, -0.25}})
	}
	reply(w, http.StatusOK, map[string]any{"object": "list", "data": data, "model": in["model"], "usage": map[string]any{"prompt_tokens": 3, "total_tokens": 3}})
}

// chat answers as the model is.
func (e *Engine) chat(w http.ResponseWriter, r *http.Request, in map[string]any) {
	model, _ := in["model"].(string)
	fail := func(status int, code string) {
		reply(w, status, map[string]any{"error": map[string]any{"message": "the test says " + model, "code": code}})
	}
	switch model {
	case "busy":
		w.Header().Set("Retry-After", "7")
		fail(http.StatusTooManyRequests, "rate_limit_exceeded")
		return
	case "down":
		fail(http.StatusServiceUnavailable, "unavailable")
		return
	case "denied":
		fail(http.StatusUnauthorized, "invalid_api_key")
		return
	case "invalid":
		fail(http.StatusBadRequest, "invalid_request_error")
		return
	}
	out := &answer{w: w, model: model, whole: in["stream"] != true}
	out.begin()
	send, text := out.send, func(s string) { out.send(map[string]any{"content": s}, nil) }
	leave := func() {
		<-r.Context().Done()
		e.gone <- model
	}
	finish := "stop"
	if model == "cutonce" && e.Chats(model) == 1 {
		model = "cut"
	}
	switch model {
	case "hold":
		select {
		case <-e.Release:
		case <-r.Context().Done():
			e.gone <- model
			return
		}
		text("Hello ")
		text("there.")
	case "echo":
		messages, _ := in["messages"].([]any)
		last, _ := messages[len(messages)-1].(map[string]any)
		text(fmt.Sprint(last["content"]))
	case "think":
		send(map[string]any{"reasoning_content": "Let me see. "}, nil)
		text("It is four.")
	case "tool", "badtool":
		name, arguments := "none", `{"city":"Paris"}`
		if tools, ok := in["tools"].([]any); ok {
			name = fmt.Sprint(tools[0].(map[string]any)["function"].(map[string]any)["name"])
		}
		if model == "badtool" {
			arguments = `{"city":`
		}
		send(map[string]any{"tool_calls": []any{map[string]any{"index": 0, "id": "call_1", "type": "function", "function": map[string]any{"name": name, "arguments": arguments}}}}, nil)
		finish = "tool_calls"
	case "length":
		text("It is")
		finish = "length"
	case "empty":
	case "cut":
		text("Half of")
		out.cut()
	case "cutearly":
		panic(http.ErrAbortHandler)
	case "hang":
		text("Half of")
		leave()
		return
	case "silent":
		_ = http.NewResponseController(w).Flush()
		leave()
		return
	default:
		text("Hello ")
		text("there.")
	}
	send(map[string]any{}, finish)
	out.end()
}
