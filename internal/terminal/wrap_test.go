package terminal

import (
	"strings"
	"testing"
)

// A message breaks between words in the terminal's width, and what follows its
// first line is indented.
func TestWrap(t *testing.T) {
	term := New(nil, nil, nil)
	if err := term.SetColor("always", false, "xterm"); err != nil {
		t.Fatal(err)
	}
	const url = "https://a-very-long-host-name.example.com/v1/chat/completions"
	for _, c := range []struct {
		name  string
		width int
		text  string
		want  string
	}{
		{"no terminal", 0, "a line of words that goes on and on", "a line of words that goes on and on"},
		{"it fits", 20, "two  spaces    stay", "two  spaces    stay"},
		{
			"an error", 30, term.Red("tandem:") + " the model is missing; get it with `tandem pull x`",
			term.Red("tandem:") + " the model is missing;\n  get it with `tandem pull x`",
		},
		{
			"painted as a whole", 20, term.Dim("· answered by local (smollm2:135m)"),
			term.Dim("· answered by local\n  (smollm2:135m)"),
		},
		{
			"a number stays with its unit, a dot with what follows", 31, term.Dim("· answered by local · 5+7 tokens · 13.4 s · 1.2 GiB"),
			term.Dim("· answered by local · 5+7\n  tokens · 13.4 s · 1.2 GiB"),
		},
		{"a number is not cut from its unit", 27, "· 5+7 tokens and more · 13.4 s · $0.01", "· 5+7 tokens and more\n  · 13.4 s · $0.01"},
		{
			"an address stays whole", 30, "tandem: nobody answers at " + url + " today",
			"tandem: nobody answers at\n  " + url + "\n  today",
		},
		{"an address alone", 30, "  " + url, "  " + url},
		{"indented lines", 20, "fails:\n    one reason of more than a line", "fails:\n    one reason of\n      more than a\n      line"},
		{"wide characters", 12, "你好 世界 你好 世界", "你好 世界\n  你好 世界"},
		{"a terminal of few columns", 6, "      a bc def", "      a\nbc def"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := term.wrap(c.text, c.width)
			if got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
			if c.width > 0 && !strings.Contains(c.text, url) {
				for line := range strings.SplitSeq(got, "\n") {
					if w := term.shownWidth(line); w > max(c.width, 7) {
						t.Errorf("%q takes %d columns of %d", line, w, c.width)
					}
				}
			}
		})
	}
}

// A word that would not fit behind the indent moves out to where it does.
func TestHang(t *testing.T) {
	for _, c := range []struct{ mark, text, want string }{
		{"ok    ", "config: reads /home/ada/.config/tandem/config.yaml", "ok    config: reads\n/home/ada/.config/tandem/config.yaml"},
		{"ok    ", "config: reads /home/ada/config.yaml", "ok    config: reads\n      /home/ada/config.yaml"},
		{"ok    ", "config: /a/path/that/is/wider/than/the/terminal.yaml x", "ok    config:\n/a/path/that/is/wider/than/the/terminal.yaml\n      x"},
	} {
		if got := Hang(c.mark, c.text, 36); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestFoldLines(t *testing.T) {
	for _, c := range []struct {
		name, text, want string
		width            int
	}{
		{"a pipe", "  answered by local (qwen3:8b): first choice", "  answered by local (qwen3:8b): first choice", 0},
		{"between words", "run\n  answered by local (qwen3:8b): first choice\n", "run\n  answered by local (qwen3:8b):\n  first choice\n", 32},
		{"lines that fit keep their spaces", "a  b   c\n\n\td", "a  b   c\n\n\td", 12},
		{"a word that is wider stays whole", "at http://a-long-name.example.com:11434", "at\nhttp://a-long-name.example.com:11434", 20},
		{"wide letters", "一二 三四", "一二\n三四", 6},
		{"an indent that leaves no room", "        three words here", "three words\nhere", 12},
	} {
		if got := FoldLines(c.text, c.width); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
