package chatui

import (
	"bytes"
	"io"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// printed is what comes of text that is written in pieces of n bytes; 0: at once.
func printed(t testing.TB, text string, n int) string {
	var b bytes.Buffer
	m := NewMarkdown(&b, Look{})
	write := func(piece string) {
		if k, err := m.Write([]byte(piece)); k != len(piece) || err != nil {
			t.Fatal(k, err)
		}
	}
	for n > 0 && len(text) > n {
		write(text[:n])
		text = text[n:]
	}
	write(text)
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// marked shows styles as letters in angle brackets.
func marked(s string) string {
	return strings.NewReplacer("\x1b[0m", "<>", "\x1b[0;1m", "<b>", "\x1b[0;2m", "<d>", "\x1b[0;3m", "<i>", "\x1b[0;1;3m", "<bi>", "\x1b[0;1;4m", "<bu>", "\x1b[0;36m", "<c>", "\x1b[0;1;36m", "<bc>").Replace(s)
}

var lookCases = []struct{ text, want string }{
	{"plain text\nand more", "plain text\nand more"},
	{"# Title\n## Part\n#hashtag\n####### seven", "<bu>Title<>\n<b>Part<>\n#hashtag\n####### seven"},
	{"a **bold** word, *em* too, ***both***, __b__ and _i_.", "a <b>bold<> word, <i>em<> too, <bi>both<>, <b>b<> and <i>i<>."},
	{"**bold with `code` in it**", "<b>bold with <bc>code<b> in it<>"},
	{"## A **bold** heading", "<b>A bold heading<>"},
	{"2 * 3 * 4, 2*3*4, snake_case_name, *args and **kwargs", "2 * 3 * 4, 2*3*4, snake_case_name, *args and **kwargs"},
	{"unclosed **bold\nand `code\nends", "unclosed **bold\nand `code\nends"},
	{"`a*b*c` and ``x ` y`` and `` `z` ``", "<c>a*b*c<> and <c>x ` y<> and <c>`z`<>"},
	{"*a `*` b*", "<i>a \x1b[0;3;36m*<i> b<>"},
	{`\*not em\*, \(a\) and \\`, `*not em*, \(a\) and \\`},
	{"- one\n  * two\n+ three\n1. four\n-5 and -- six", "• one\n  • two\n• three\n1. four\n-5 and -- six"},
	{"---\n***\n- - -\n--\n-", "<d>────────────────────────<>\n<d>────────────────────────<>\n<d>────────────────────────<>\n--\n-"},
	{"> said *so*\n>nothing", "<d>│ <>said <i>so<>\n<d>│ <>nothing"},
	{"```go\nx := *p // **not bold**\n# no heading\n- no list\n```\n**b**", "<d>```go<>\nx := *p // **not bold**\n# no heading\n- no list\n<d>```<>\n<b>b<>"},
	{"~~~\n```\n~~~~ \nafter", "<d>~~~<>\n```\n<d>~~~~ <>\nafter"},
	{"```inline``` code", "<c>inline<> code"},
	{"``` never closed\n*x*", "<d>``` never closed<>\n*x*"},
	{"**Ganges:** a river. **日本**語 *ü*", "<b>Ganges:<> a river. **日本**語 <i>ü<>"},
	{"| a | b |\n|---|---|\n| *1* | 2 |", "<b>a<>  <b>b<>\n<d>─  ─<>\n<i>1<>  2"},
	{"| Name | Size |\n|:--|--:|\n| qwen3 | 5 |\n| a\\|b | `12` |\n\nAfter", "<b>Name<>   <b>Size<>\n<d>─────  ────<>\nqwen3     5\na|b      <c>12<>\n\nAfter"},
	{"|x| is a number\n|y| too", "|x| is a number\n|y| too"},
	{"| a | b |\nno rule", "| a | b |\nno rule"},
	{"- t\n  | a | b |\n  |---|---|\n  | 日本 | 👍🏽 |", "• t\n  <b>a<>     <b>b<>\n  <d>────  ──<>\n  日本  👍🏽"},
	{"|a|\n|-|\n|b|c|d|\ntext", "<b>a<>\n<d>─  ─  ─<>\nb  c  d\ntext"},
	{"see [the docs](https://example.com/a_(b)_c) now", "see \x1b[0;4mthe docs<> (https://example.com/a_(b)_c) now"},
	{"[https://a.b](https://a.b) [me@a.b](mailto:me@a.b)", "\x1b[0;4mhttps://a.b<> \x1b[0;4mme@a.b<>"},
	{"**[b](u)** [`c`](u \"t\")", "<bu>b<b> (u)<> \x1b[0;4;36mc<> (u \"t\")"},
	{"a[0](x) [ ] [1] [r][1] [a] (b) [x](two words) \\[y](z) `[a](b)` [open](never", "a[0](x) [ ] [1] [r][1] [a] (b) [x](two words) \\[y](z) <c>[a](b)<> [open](never"},
	{"\n\n  \n", "\n\n  \n"},
	{"", ""},
}

func TestMarkdownLooks(t *testing.T) {
	for _, c := range lookCases {
		if got := marked(printed(t, c.text, 0)); got != c.want {
			t.Errorf("%q:\n got %q\nwant %q", c.text, got, c.want)
		}
	}
}

func TestPiecesMakeNoDifference(t *testing.T) {
	far := "**" + strings.Repeat("far ", reach/4) + "** `" + strings.Repeat("x", reach) + "` *" + strings.Repeat("é", reach/2-1) + "* end"
	long := ""
	for _, mark := range []string{"-", "#", "`", " ", "- ", "# ", "```\n` ", "``` x", ">"} {
		for _, n := range []int{reach - 1, reach, reach + 1} {
			long += mark[:len(mark)-1] + strings.Repeat(mark[len(mark)-1:], n) + "\n"
		}
	}
	for _, text := range append(textsOf(lookCases), far, long) {
		want := printed(t, text, 0)
		for n := 1; n <= 7; n++ {
			if got := printed(t, text, n); got != want {
				t.Errorf("%q in pieces of %d:\n got %q\nwant %q", text, n, got, want)
			}
		}
		for cut := range len(text) {
			var b bytes.Buffer
			m := NewMarkdown(&b, Look{})
			_, _ = m.Write([]byte(text[:cut]))
			_, _ = m.Write([]byte(text[cut:]))
			if err := m.Close(); err != nil || b.String() != want {
				t.Errorf("%q cut at %d: %q, want %q", text, cut, b.String(), want)
			}
		}
	}
}

func textsOf(cases []struct{ text, want string }) (out []string) {
	for _, c := range cases {
		out = append(out, c.text)
	}
	return out
}

// Words come at once; only what may be a mark is held back.
func TestWordsAreNotHeldBack(t *testing.T) {
	var b bytes.Buffer
	m := NewMarkdown(&b, Look{})
	for _, step := range []struct{ write, want string }{
		{"The", "The"},
		{" river", "The river"},
		{" **Gan", "The river "},
		{"ges** is", "The river <b>Ganges<> is"},
		{" long.\n-", "The river <b>Ganges<> is long.\n"},
		{" ", "The river <b>Ganges<> is long.\n"},
		{"an item", "The river <b>Ganges<> is long.\n• an item"},
	} {
		_, _ = m.Write([]byte(step.write))
		if got := marked(b.String()); got != step.want {
			t.Errorf("after %q: %q, want %q", step.write, got, step.want)
		}
	}
}

// However hostile a text is, little of it is held back: so it costs no more than
// its length, and stalls nobody.
func TestLittleIsHeldBack(t *testing.T) {
	for _, unit := range []string{"*`_", "`*", "[", "[a](", "[`", "**a ", "_*`a`*_ ", "```", "``` x", "- ", "# ", " ", "\\*", "***a**b*c ", "é*", ">"} {
		for _, before := range []string{"", "```\n", "# ", "a"} {
			m := NewMarkdown(io.Discard, Look{})
			text := before + strings.Repeat(unit, 4*reach)
			for len(text) > 0 {
				n := min(3, len(text))
				_, _ = m.Write([]byte(text[:n]))
				if text = text[n:]; len(m.pending) > reach {
					t.Fatalf("%q after %q: %d bytes are held back", unit, before, len(m.pending))
				}
			}
			if err := m.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

var sgr = regexp.MustCompile("\x1b\\[0(;[0-9]+)*m")

func FuzzMarkdown(f *testing.F) {
	for _, c := range lookCases {
		f.Add(c.text, uint8(3))
	}
	f.Add("*a `*` b* ``` \n> ```\n", uint8(1))
	f.Fuzz(func(t *testing.T, text string, n uint8) {
		text = strings.ReplaceAll(strings.ToValidUTF8(text, "?"), "\x1b", "") // the provider's and the sanitizer's work
		whole := printed(t, text, 0)
		if got := printed(t, text, int(n)); got != whole {
			t.Fatalf("%q in pieces of %d: %q, and at once %q", text, n, got, whole)
		}
		if text = strings.ReplaceAll(text, "<br", ""); whole != printed(t, text, 0) {
			return // a cell of more lines
		}
		if strings.Count(whole, "\n") != strings.Count(text, "\n") {
			t.Fatalf("%q has other lines: %q", text, whole)
		}
		if got, want := words(sgr.ReplaceAllString(whole, "")), words(text); got != want && !strings.Contains(text, "](") { // an address that is its own text
			t.Fatalf("%q lost words: %q", text, whole)
		}
		if i := strings.LastIndex(whole, "\x1b["); i >= 0 && !strings.HasPrefix(whole[i:], "\x1b[0m") {
			t.Fatalf("%q leaves a style on: %q", text, whole)
		}
	})
}

// words are the letters and digits of a text: what no mark is made of.
func words(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, text)
}
