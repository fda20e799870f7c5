package ollama_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/tandem-llm/tandem/provider"
)

// A model that Ollama does not know to think thinks in its text.
func TestThinkingInTheText(t *testing.T) {
	for name, c := range map[string]struct{ text, thinking, answer string }{
		"a block":        {"<think>\nEasy.\n</think>\n\nParis.", "Easy.\n", "Paris."},
		"no opening tag": {"Easy.\n</think>\n\nParis.", "Easy.\n", "Paris."},
		"not closed":     {"<think>Easy, but", "Easy, but", ""},
		"nothing behind": {"Easy.\n</think>", "Easy.\n", ""},
		"none":           {"Paris.", "", "Paris."},
	} {
		for size := 1; size <= len(c.text); size++ {
			body := ""
			for rest := c.text; rest != ""; {
				n := min(len(rest), size)
				text, _ := json.Marshal(rest[:n])
				body, rest = body+`{"model":"m","message":{"role":"assistant","content":`+string(text)+"}}\n", rest[n:]
			}
			body += `{"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop"}` + "\n"
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }))
			came := false
			r, err := provider.Collect(func(yield func(provider.Chunk, error) bool) {
				for c, err := range newProvider(t, srv.URL).Chat(t.Context(), provider.Request{Messages: []provider.Message{provider.User("hi")}}) {
					if c.Restart && !came {
						t.Errorf("%s, %d bytes a line: what never came is taken back", name, size)
					}
					if came = true; !yield(c, err) {
						return
					}
				}
			})
			srv.Close()
			if err != nil || r.Text != c.answer || r.Thinking != c.thinking {
				t.Fatalf("%s, %d bytes a line: thinking %q, text %q, %v", name, size, r.Thinking, r.Text, err)
			}
		}
	}
}
