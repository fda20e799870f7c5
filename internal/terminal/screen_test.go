package terminal

import (
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tandem-llm/tandem/internal/chatui"
)

// onScreen is what a screen passes on of those writes.
func onScreen(t testing.TB, mark string, writes ...string) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	all := make(chan string)
	go func() {
		data, _ := io.ReadAll(r)
		all <- string(data)
	}()
	s := &screen{file: w, mark: []byte(mark)}
	for _, text := range writes {
		if n, err := s.Write([]byte(text)); n != len(text) || err != nil {
			t.Fatalf("%d of %d bytes, %v", n, len(text), err)
		}
	}
	w.Close()
	return <-all
}

// TestScreen: our own colours pass, in however many writes they come, and
// nobody else's do.
func TestScreen(t *testing.T) {
	mark := newMark()
	ours := mark + "[1mbold" + mark + "[0m"
	for name, text := range map[string]string{
		"ours": ours, "a stranger's": "\x1b[1mbold\x1b[0m", "one that guesses": mark[:8] + "[1mbold", "both": "\x1b]0;x\x07" + ours + "\u202e",
	} {
		t.Run(name, func(t *testing.T) {
			whole := onScreen(t, mark, text)
			if in := onScreen(t, mark, strings.Split(text, "")...); in != whole {
				t.Errorf("in pieces: %q, in one: %q", in, whole)
			}
			if strings.Contains(whole, "\x1b") != strings.Contains(text, mark) || strings.Count(whole, "\x1b") > 2 || strings.ContainsAny(whole, "\x07\u202e") {
				t.Errorf("%q is shown", whole)
			}
		})
	}
}

// TestJSONOnAScreen: the value is the same, and what must not be shown is an escape.
func TestJSONOnAScreen(t *testing.T) {
	value := map[string]string{"a\u202e": "\u009b31m\u200b\U000e0041 <&> ü 👨\u200d👩 \x7f"}
	var b strings.Builder
	if err := WriteJSON(&b, value); err != nil {
		t.Fatal(err)
	}
	escaped := string(escapeHidden([]byte(b.String())))
	if strings.ContainsFunc(escaped, chatui.Hidden) || !strings.Contains(escaped, `\u202e`) || !strings.Contains(escaped, `\udb40\udc41 <&> ü`) {
		t.Errorf("got %s", escaped)
	}
	var got map[string]string
	if err := json.Unmarshal([]byte(escaped), &got); err != nil || got["a\u202e"] != value["a\u202e"] {
		t.Errorf("it means %+q (%v)", got, err)
	}
}

func FuzzScreen(f *testing.F) {
	mark := newMark()
	f.Add("a\x1b[31mred\x1b]0;x\x07\u202e", 3)
	f.Add(mark[:5]+"\x9b\xe2\x80", 2)
	f.Fuzz(func(t *testing.T, text string, cut int) {
		if cut < 0 || cut > len(text) {
			cut = len(text) / 2
		}
		if len(text) > 1<<12 || strings.Contains(text, mark) {
			return
		}
		got := onScreen(t, mark, text[:cut], text[cut:])
		if !utf8.ValidString(got) {
			t.Fatalf("%q becomes %q", text, got)
		}
		for _, r := range got {
			if chatui.Hidden(r) && r != '\u200c' && r != '\u200d' {
				t.Fatalf("%q: %U came through", text, r)
			}
		}
	})
}
