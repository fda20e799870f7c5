package attack

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// words is what the server answers, a word at a time.
const words = "one two three four five six seven eight nine ten"

// paid is an OpenAI-compatible server whose calls cost something. It counts
// those that have reached it.
type paid struct {
	*httptest.Server
	calls atomic.Int64
	pause time.Duration // between two words
}

// callCost is what one whole answer of paid costs, and callMost what a call
// with --max-tokens 20 can cost, in US dollars, by the price in config.
const (
	callCost = 0.3 // 100 tokens in, 10 out
	callMost = 1.0 // the most is reserved: a prompt of at most some hundred bytes, 20 tokens out
)

func newPaid(t *testing.T) *paid {
	t.Helper()
	p := &paid{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		if r.Method != http.MethodPost {
			_, _ = io.WriteString(w, `{"object":"list","data":[{"id":"m"}]}`)
			return
		}
		p.calls.Add(1)
		w.Header().Set("Content-Type", "text/event-stream")
		for i, word := range strings.SplitAfter(words, " ") {
			if i > 0 && p.pause > 0 {
				select {
				case <-time.After(p.pause):
				case <-r.Context().Done():
					return
				}
			}
			fmt.Fprintf(w, `data: {"model":"m","choices":[{"index":0,"delta":{"content":%q}}]}`+"\n\n", word)
			w.(http.Flusher).Flush()
		}
		_, _ = io.WriteString(w, `data: {"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":100,"completion_tokens":10,"total_tokens":110}}`+"\n\ndata: [DONE]\n\n")
	}))
	t.Cleanup(p.Close)
	return p
}

// config is a user's configuration for p, with a budget of perDay dollars.
func (p *paid) config(perDay float64) string {
	return fmt.Sprintf(`use: paid
retries: 0
budget: {per_day_usd: %v}
providers:
  - {name: paid, kind: openai, base_url: "%s/v1", model: m, api_key: env:TANDEM_ATTACK_KEY, price: {input: 1000, output: 20000}}
`, perDay, p.URL)
}
