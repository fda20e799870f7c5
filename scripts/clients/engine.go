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
	mu      sync.Mutex
	chats   int // questions since the last reset
}

// The cases, which are the names of the engine's models.
const (
	casePrompt = "prompt" // answers
	caseTool   = "tool"   // calls a tool, and answers when its result comes
	caseCut    = "cut"    // breaks off in the middle
	caseBusy   = "busy"   // 429, with Retry-After
	caseSmall  = "small"  // the prompt does not fit
)

var cases = []string{casePrompt, caseTool, caseCut, caseBusy, caseSmall}

// said is what the engine answers.
const said = "The answer is forty-two."

// toolCalls are calls that the agents' own tools take, by their names.
var toolCalls = map[string]string{
	"exec_command": `{"cmd":"echo canary"}`,
	"shell":        `{"command":["echo","canary"]}`,
	"Bash":         `{"command":"echo canary","description":"says canary"}`,
	"bash":         `{"command":"echo canary","description":"says canary"}`,
	"run_commands": `{"commands":["echo canary"]}`,
	"weather":      `{"city":"Paris"}`,
}

func startEngine() (*engine, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	e := &engine{address: l.Addr().String()}
	server := &http.Server{Handler: http.HandlerFunc(e.serve), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }() // until the program ends
	return e, nil
}

// count is how many questions came since the last one.
func (e *engine) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := e.chats
	e.chats = 0
	return n
}

func (e *engine) serve(w http.ResponseWriter, r *http.Request) {
	data, _ := io.ReadAll(r.Body)
	var in map[string]any
	_ = json.Unmarshal(data, &in)
	switch r.URL.Path {
	case "/v1/models":
		var list []map[string]any
		for _, name := range cases {
			list = append(list, map[string]any{"id": name, "object": "model", "created": 1700000000, "owned_by": "engine"})
		}
		reply(w, http.StatusOK, map[string]any{"object": "list", "data": list})
	case "/v1/embeddings":
		var list []map[string]any
		texts, _ := in["input"].([]any)
		for i, text := range texts {
			list = append(list, map[string]any{"object": "embedding", "index": i, "embedding": []float64{float64(len(fmt.Sprint(text))), 0.5}})
		}
		reply(w, http.StatusOK, map[string]any{"object": "list", "data": list, "usage": map[string]any{"prompt_tokens": 3, "total_tokens": 3}})
	case "/v1/chat/completions":
		e.mu.Lock()
		e.chats++
		e.mu.Unlock()
		chat(w, in)
	default:
		http.NotFound(w, r)
	}
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func chat(w http.ResponseWriter, in map[string]any) {
	model, _ := in["model"].(string)
	switch model {
	case caseBusy:
		w.Header().Set("Retry-After", "1")
		reply(w, http.StatusTooManyRequests, map[string]any{"error": map[string]any{"message": "too many questions", "code": "rate_limit_exceeded"}})
		return
	case caseSmall:
		reply(w, http.StatusBadRequest, map[string]any{"error": map[string]any{"message": "This model's maximum context length is 16 tokens. However, your messages have 4000 tokens.", "code": "context_length_exceeded"}})
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	send := func(delta map[string]any, finish any) {
		data, _ := json.Marshal(map[string]any{
			"id": "x", "object": "chat.completion.chunk", "model": model, "created": 1,
			"choices": []any{map[string]any{"index": 0, "delta": delta, "finish_reason": finish}},
		})
		fmt.Fprintf(w, "data: %s\n\n", data)
		_ = http.NewResponseController(w).Flush()
	}
	finish := "stop"
	name, arguments, ok := callOf(in)
	if model == caseTool && ok {
		send(map[string]any{"tool_calls": []any{map[string]any{"index": 0, "id": "call_1", "type": "function", "function": map[string]any{"name": name, "arguments": arguments}}}}, nil)
		finish = "tool_calls"
	} else {
		first, rest, _ := strings.Cut(said, " is")
		send(map[string]any{"content": first}, nil)
		if model == caseCut {
			time.Sleep(200 * time.Millisecond) // let the client have it
			panic(http.ErrAbortHandler)
		}
		send(map[string]any{"content": " is" + rest}, nil)
	}
	send(map[string]any{}, finish)
	fmt.Fprint(w, `data: {"id":"x","object":"chat.completion.chunk","model":"x","choices":[],"usage":{"prompt_tokens":12,"completion_tokens":5,"total_tokens":17}}`+"\n\ndata: [DONE]\n\n")
}

// callOf is the call to make: of a tool that is known, unless its result is there.
func callOf(in map[string]any) (name, arguments string, ok bool) {
	messages, _ := in["messages"].([]any)
	for _, m := range messages {
		if one, _ := m.(map[string]any); one["role"] == "tool" {
			return "", "", false
		}
	}
	tools, _ := in["tools"].([]any)
	for _, t := range tools {
		one, _ := t.(map[string]any)
		f, _ := one["function"].(map[string]any)
		name, _ := f["name"].(string)
		if a, ok := toolCalls[name]; ok {
			return name, a, true
		}
	}
	return "", "", false
}
