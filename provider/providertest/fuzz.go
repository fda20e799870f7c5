package providertest

import (
	"net/http"
	"testing"
	"unicode/utf8"

	"github.com/tandem-llm/tandem/provider"
)

// Fuzz streams whatever bytes the fuzzer thinks of. Whatever comes of them keeps
// to the contract: whole runes, no empty chunk, one end, and nothing after it.
func Fuzz(f *testing.F, fac Factory) {
	s := speech{fac.Dialect}
	good := s.textEvent("Hello") + s.thinking("Hm.") + s.finish("stop") + s.usage() + s.done()
	for _, seed := range []string{
		good, good[:len(good)/2], good + good, s.textEvent("w\xc3") + s.textEvent("\xb6") + s.finish("stop"), s.textEvent(`\ud83d`) + s.textEvent(`\ude00`) + s.finish("length"),
		s.event(`{"error":"boom"}`), s.event("null"), s.event("[]"), delta("1", 0, `"tool_calls":[{"index":0,"function":{"name":"f","arguments":"{}"}}]`, "tool_calls"),
		`{"message":{"tool_calls":[{"function":{"name":"f","arguments":{"a":"\ud83d"}}}]},"done":true}` + "\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		u := newUpstream(t, func(w *serverAnswer, _ *http.Request) {
			s.head(w)
			w.send(string(body))
		})
		ended := false
		for c, err := range fac.New(t, u.URL).Chat(t.Context(), hello()) {
			switch {
			case ended:
				t.Fatal("something came after the end")
			case err != nil:
				ended = true
				if provider.KindOf(err) == "" {
					t.Errorf("%v has no Kind", err)
				}
			case c.Empty():
				t.Error("a chunk is empty")
			case !utf8.ValidString(c.Text) || !utf8.ValidString(c.Thinking):
				t.Errorf("a chunk has half a letter: %q, %q", c.Text, c.Thinking)
			case c.Finish != "":
				ended = true
			}
		}
		if !ended {
			t.Error("the stream has no end")
		}
		if n := u.hits.Load(); n > 1 {
			t.Errorf("the server was asked %d times", n)
		}
	})
}
