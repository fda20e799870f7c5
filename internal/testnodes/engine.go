//go:build unix

package testnodes

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"
)

// What a call to an [Engine] costs, and what it can cost at most with maxTokens, in US
// dollars, by the price in the configuration of each home.
const (
	CallCost = 0.3 // 100 tokens in, 10 out
	callMost = 1.0
	// maxTokens is what rows are asked with.
	maxTokens = "20"
)

// Call is one call that reached an [Engine].
type Call struct {
	Node     string // who asked
	Prompt   string
	At       time.Time
	Answered time.Time // zero: it runs, or who asked is gone
	Gone     bool
}

// Engine is an OpenAI-compatible server that answers each prompt with "re " and the prompt
// itself, and keeps a ledger of all calls.
type Engine struct {
	*httptest.Server
	mu      sync.Mutex
	delay   time.Duration
	calls   []*Call
	changed chan struct{} // closed when a call comes or ends
}

// NewEngine starts an engine whose answers take so long.
func NewEngine(delay time.Duration) *Engine {
	e := &Engine{delay: delay, changed: make(chan struct{})}
	e.Server = httptest.NewServer(http.HandlerFunc(e.serve))
	return e
}

// serve answers POST /NODE/v1/chat/completions.
func (e *Engine) serve(w http.ResponseWriter, r *http.Request) {
	var asked struct{ Messages []struct{ Content string } }
	if json.NewDecoder(r.Body).Decode(&asked) != nil || len(asked.Messages) == 0 {
		_, _ = io.WriteString(w, `{"object":"list","data":[{"id":"m"}]}`) // who asked is gone
		return
	}
	node, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	c := &Call{Node: node, Prompt: asked.Messages[len(asked.Messages)-1].Content, At: time.Now()}
	e.change(func() { e.calls = append(e.calls, c) })
	timer := time.NewTimer(e.delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
		e.change(func() { c.Gone = true })
		return
	}
	text, _ := json.Marshal("re " + c.Prompt) // texts can always be written
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":%s},"finish_reason":"stop"}],"usage":{"prompt_tokens":100,"completion_tokens":10,"total_tokens":110}}`, text)
	e.change(func() { c.Answered = time.Now() })
}

// change changes the ledger, and tells who waits for that.
func (e *Engine) change(do func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	do()
	close(e.changed)
	e.changed = make(chan struct{})
}

// Calls are those so far that a test picks.
func (e *Engine) Calls(pick func(*Call) bool) []Call {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.picked(pick)
}

func (e *Engine) picked(pick func(*Call) bool) (out []Call) {
	for _, c := range e.calls {
		if pick(c) {
			out = append(out, *c)
		}
	}
	return out
}

// Wait waits until n of the calls are picked.
func (e *Engine) Wait(ctx context.Context, n int, pick func(*Call) bool) error {
	for {
		e.mu.Lock()
		have, changed := len(e.picked(pick)), e.changed
		e.mu.Unlock()
		if have >= n {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%d of %d calls came: %w", have, n, ctx.Err())
		}
	}
}

// of picks the calls for the rows of a batch.
func of(batch string) func(*Call) bool {
	return func(c *Call) bool { return strings.HasPrefix(c.Prompt, batch+" ") }
}

// running picks the calls of a node that have not ended.
func running(node string) func(*Call) bool {
	return func(c *Call) bool { return c.Node == node && c.Answered.IsZero() && !c.Gone }
}

// Forget empties the ledger.
func (e *Engine) Forget() { e.change(func() { e.calls = nil }) }
