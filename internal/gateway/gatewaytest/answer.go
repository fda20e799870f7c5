package gatewaytest

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// answer is an engine's answer: a stream, or one document.
type answer struct {
	w      http.ResponseWriter
	model  string
	whole  bool
	finish any
	// message is what has come so far of a whole answer.
	message map[string]any
}

var usage = json.RawMessage(`{"prompt_tokens":12,"completion_tokens":5,"total_tokens":17,"prompt_tokens_details":{"cached_tokens":4}}`)

// begin sends the head of a stream. That of a document comes with it.
func (a *answer) begin() {
	a.message = map[string]any{"role": "assistant", "content": ""}
	a.w.Header().Set("Content-Type", "text/event-stream")
	if a.whole {
		a.w.Header().Set("Content-Type", "application/json")
	}
}

// send sends a delta.
func (a *answer) send(delta map[string]any, finish any) {
	if !a.whole {
		a.event(map[string]any{"index": 0, "delta": delta, "finish_reason": finish})
		return
	}
	a.finish = finish
	for name, v := range delta {
		before, _ := a.message[name].(string)
		if piece, ok := v.(string); ok {
			v = before + piece
		}
		a.message[name] = v
	}
}

func (a *answer) event(choice any) {
	data, _ := json.Marshal(map[string]any{"id": "x", "object": "chat.completion.chunk", "model": a.model, "created": 1, "choices": []any{choice}})
	fmt.Fprintf(a.w, "data: %s\n\n", data)
	_ = http.NewResponseController(a.w).Flush()
}

// document is the answer as one document.
func (a *answer) document() []byte {
	data, _ := json.Marshal(map[string]any{
		"id": "x", "object": "chat.completion", "model": a.model, "created": 1, "usage": usage,
		"choices": []any{map[string]any{"index": 0, "message": a.message, "finish_reason": a.finish}},
	})
	return data
}

// cut breaks the connection within the answer.
func (a *answer) cut() {
	if a.whole {
		data := a.document()
		_, _ = a.w.Write(data[:len(data)/2])
		_ = http.NewResponseController(a.w).Flush()
	}
	panic(http.ErrAbortHandler)
}

// end sends the rest: of a stream, the usage and the word that it is whole.
func (a *answer) end() {
	if a.whole {
		_, _ = a.w.Write(a.document())
		return
	}
	data, _ := json.Marshal(map[string]any{"id": "x", "object": "chat.completion.chunk", "model": a.model, "choices": []any{}, "usage": usage})
	fmt.Fprintf(a.w, "data: %s\n\ndata: [DONE]\n\n", data)
}
