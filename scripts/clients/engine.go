package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// engine is a server that speaks OpenAI's API and does what the model's name says.
type engine struct {
	address string
	server  *http.Server

	mu        sync.Mutex
	questions []question
}

// The cases, which are the names of the engine's models. The model of casePrompt calls
// only the tools that it has to, and every model not named here those that it is offered.
const (
	casePrompt = "prompt" // answers
	caseTool   = "tool"   // calls a tool, and answers when its result comes
	caseCut    = "cut"    // breaks off in the middle
	caseBusy   = "busy"   // 429, with Retry-After
	caseSmall  = "small"  // the prompt does not fit
)

var cases = []string{casePrompt, caseTool, caseCut, caseBusy, caseSmall}

// suiteModels are the models of LangChain's standard tests, which use two.
var suiteModels = []string{"suite", "suite-mini"}

func startEngine() (*engine, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	e := &engine{address: l.Addr().String()}
	e.server = &http.Server{Handler: http.HandlerFunc(e.serve), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = e.server.Serve(l) }() // until stop
	return e, nil
}

func (e *engine) stop() { _ = e.server.Close() }

// asked are the questions that came, in their order.
func (e *engine) asked() []question {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]question(nil), e.questions...)
}

func (e *engine) serve(w http.ResponseWriter, r *http.Request) {
	data, _ := io.ReadAll(r.Body)
	switch r.URL.Path {
	case "/v1/models":
		var list []map[string]any
		for _, name := range append(append([]string(nil), cases...), suiteModels...) {
			list = append(list, map[string]any{"id": name, "object": "model", "created": 1700000000, "owned_by": "engine"})
		}
		reply(w, http.StatusOK, map[string]any{"object": "list", "data": list})
	case "/v1/embeddings":
		var in struct{ Input []string }
		if err := json.Unmarshal(data, &in); err != nil {
			refuse(w, http.StatusBadRequest, "invalid_request", err.Error())
			return
		}
		var list []map[string]any
		for i, text := range in.Input {
			list = append(list, map[string]any{"object": "embedding", "index": i, "embedding": []float64{float64(len(text)), 0.5}})
		}
		reply(w, http.StatusOK, map[string]any{"object": "list", "data": list, "usage": map[string]any{"prompt_tokens": 3, "total_tokens": 3}})
	case "/v1/chat/completions":
		var q question
		if err := json.Unmarshal(data, &q); err != nil {
			refuse(w, http.StatusBadRequest, "invalid_request", err.Error())
			return
		}
		e.mu.Lock()
		e.questions = append(e.questions, q)
		e.mu.Unlock()
		chat(w, &q)
	default:
		http.NotFound(w, r)
	}
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	reply(w, status, map[string]any{"error": map[string]any{"message": message, "code": code}})
}

// whole answers with one document, or with a part of one.
func whole(w http.ResponseWriter, q *question, a *answer) {
	message, finish := map[string]any{"role": "assistant", "content": a.text}, "stop"
	if a.call != "" {
		finish = "tool_calls"
		message["tool_calls"] = []any{map[string]any{"id": "call_1", "type": "function", "function": map[string]any{"name": a.call, "arguments": a.arguments}}}
	}
	in, out := q.words(), len(strings.Fields(a.text+" "+a.arguments))
	data, _ := json.Marshal(map[string]any{
		"id": "x", "object": "chat.completion", "model": q.Model, "created": 1,
		"choices": []any{map[string]any{"index": 0, "message": message, "finish_reason": finish}},
		"usage":   map[string]any{"prompt_tokens": in, "completion_tokens": out, "total_tokens": in + out},
	})
	w.Header().Set("Content-Type", "application/json")
	if q.Model == caseCut {
		_, _ = w.Write(data[:len(data)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(data)
}

func chat(w http.ResponseWriter, q *question) {
	switch q.Model {
	case caseBusy:
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusTooManyRequests, "rate_limit_exceeded", "too many questions")
		return
	case caseSmall:
		refuse(w, http.StatusBadRequest, "context_length_exceeded", "This model's maximum context length is 16 tokens. However, your messages have 4000 tokens.")
		return
	}
	a := q.answer()
	if !q.Stream {
		whole(w, q, &a)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	chunk := func(choices []any, usage any) {
		data, _ := json.Marshal(map[string]any{"id": "x", "object": "chat.completion.chunk", "model": q.Model, "created": 1, "choices": choices, "usage": usage})
		fmt.Fprintf(w, "data: %s\n\n", data)
		_ = http.NewResponseController(w).Flush()
	}
	send := func(delta map[string]any, finish any) {
		chunk([]any{map[string]any{"index": 0, "delta": delta, "finish_reason": finish}}, nil)
	}
	finish := "stop"
	if a.call != "" {
		send(map[string]any{"tool_calls": []any{map[string]any{"index": 0, "id": "call_1", "type": "function", "function": map[string]any{"name": a.call, "arguments": a.arguments}}}}, nil)
		finish = "tool_calls"
	} else {
		half := len(a.text) / 2
		if i := strings.IndexByte(a.text[half:], ' '); i >= 0 {
			half += i // not inside a character
		} else {
			half = len(a.text)
		}
		send(map[string]any{"content": a.text[:half]}, nil)
		if q.Model == caseCut {
			time.Sleep(200 * time.Millisecond) // let the client have it
			panic(http.ErrAbortHandler)
		}
		send(map[string]any{"content": a.text[half:]}, nil)
	}
	send(map[string]any{}, finish)
	in, out := q.words(), len(strings.Fields(a.text+" "+a.arguments))
	chunk([]any{}, map[string]any{"prompt_tokens": in, "completion_tokens": out, "total_tokens": in + out})
	fmt.Fprint(w, "data: [DONE]\n\n")
}
