package providertest

import (
	"net/http"
	"testing"
	"unicode/utf8"

	"github.com/tandem-llm/tandem/provider"
)

// runLetters plays answers that are cut inside a letter, as servers do that cut
// by tokens: as bytes that are no UTF-8 alone, or as half an escape. The letter
// is put together, and what stays broken is U+FFFD.
func runLetters(t *testing.T, f Factory) {
	s := speech{f.Dialect}
	for _, tc := range []struct {
		name   string
		pieces []string // as they stand in the JSON string
		want   string
	}{
		{"two bytes", []string{"Hello w\xc3", "\xb6rld"}, "Hello wörld"},
		{"byte by byte", []string{"a\xf0", "\x9f", "\x98", "\x80b"}, "a😀b"},
		{"half an escape", []string{`a\ud83d`, `\ude00b`}, "a😀b"},
		{"half an escape in bytes", []string{"a\xed\xa0\xbd", "\xed\xb8\x80b"}, "a😀b"},
		{"with an event between", []string{`a\ud83d`, ``, `\ude00b`}, "a😀b"},
		{"a half, and another letter", []string{"a\xc3", "b"}, "a\uFFFDb"},
		{"a half at the end", []string{"ab", `\ud83d`}, "ab\uFFFD"},
		{"backslashes", []string{`a\\ud83d`, `\\ude00b`}, `a\ud83d\ude00b`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			u := newUpstream(t, func(w *serverAnswer, _ *http.Request) {
				s.head(w)
				for _, p := range tc.pieces {
					w.send(s.thinking(p))
				}
				for _, p := range tc.pieces {
					w.send(s.textEvent(p))
				}
				w.send(s.finish("stop") + s.done())
			})
			var r provider.Response
			for c, err := range f.New(t, u.URL).Chat(t.Context(), hello()) {
				if err != nil {
					t.Fatal(err)
				}
				if !utf8.ValidString(c.Text) || !utf8.ValidString(c.Thinking) || c.Empty() {
					t.Errorf("a chunk is %q, %q", c.Text, c.Thinking)
				}
				r.Text += c.Text
				r.Thinking += c.Thinking
			}
			if r.Text != tc.want || r.Thinking != tc.want {
				t.Errorf("text %q, thinking %q; want %q of both", r.Text, r.Thinking, tc.want)
			}
		})
	}
}
