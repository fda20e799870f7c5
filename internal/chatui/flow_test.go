package chatui

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/rivo/uniseg"
)

// wrapped is what comes of a text at a width, written in pieces of n bytes.
func wrapped(t testing.TB, text string, width, n int, plain bool) string {
	t.Helper()
	var b bytes.Buffer
	m := NewMarkdown(&b, Look{Width: func() int { return width }, Plain: plain})
	for len(text) > 0 {
		k := min(n, len(text))
		if _, err := m.Write([]byte(text[:k])); err != nil {
			t.Fatal(err)
		}
		text = text[k:]
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var wrapCases = []struct {
	name  string
	width int
	plain bool
	text  string
	want  string
}{
	{"words", 20, false, "The quick brown fox jumps over the lazy dog.", "The quick brown fox\njumps over the lazy\ndog."},
	{"a word that just fits", 10, false, "abc defghi x", "abc defghi\nx"},
	{"a line that just fits has no empty one behind it", 10, false, "abc defghi\nx\n", "abc defghi\nx\n"},
	{"lines of its own stay", 20, false, "one\n\ntwo  \nthree\n", "one\n\ntwo\nthree\n"},
	{"an address longer than the line stays whole", 20, false, "see https://example.com/a/very/long/path here, and on", "see\nhttps://example.com/a/very/long/path\nhere, and on"},
	{"letters of two columns", 10, false, "一二三四五六七。八九", "一二三四五\n六七。八九"},
	{"punctuation stays with its letter", 10, false, "一二三四五。六", "一二三四\n五。六"},
	{"letters of one and of two columns", 10, false, "ab 一二三 cde", "ab 一二三\ncde"},
	{"combining marks take no room", 6, false, "e\u0301e\u0301e\u0301 e\u0301e\u0301 x", "e\u0301e\u0301e\u0301 e\u0301e\u0301\nx"},
	{"emoji are not taken apart", 6, false, "ab 👩‍👩‍👧‍👦👍🏽🇩🇪 x", "ab 👩‍👩‍👧‍👦\n👍🏽🇩🇪 x"},
	{"styles", 12, false, "some **bold words here** end", "some <b>bold<>\n<b>words here<>\nend"},
	{"a word of two styles is one", 12, false, "a word **bo**.dly end", "a word\n<b>bo<>.dly end"},
	{"an item", 16, false, "- one two three four\n- b", "• one two three\n  four\n• b"},
	{"an item in an item", 16, false, "- a\n  - one two three four", "• a\n  • one two\n    three four"},
	{"a numbered item", 16, false, "10. one two three", "10. one two\n    three"},
	{"a number is no item", 16, false, "2026 one two three four", "2026 one two\nthree four"},
	{"a quote", 16, false, "> one two three four five", "<d>│ <>one two three\n<d>│ <>four five"},
	{"a heading", 12, false, "# one two three", "<bu>one two<>\n<bu>three<>"},
	{"code is not broken", 12, false, "```go\nif a == b && c == d { return }\n```\nand text that is", "<d>```go<>\nif a == b && c == d { return }\n<d>```<>\nand text\nthat is"},
	{"code by its indent is not broken", 12, false, "so:\n\n    if a  ==  b { return }\n\nand text that is", "so:\n\n    if a  ==  b { return }\n\nand text\nthat is"},
	{"a paragraph of an item is no code", 20, false, "- a\n\n    one two three four five", "• a\n\n    one two three\nfour five"},
	{"a table without rows", 12, false, "| one | two | three |\n|---|---|---|\n", "<b>one<>\n<b>two<>\n<b>three<>\n"},
	{"a table that fits", 40, false, aTable, "<b>Name<>  <b>Size<>  <b>What it is good for<>\n<d>────  ────  ───────────────────<>\nqwen     5  code and <b>long talk<>\nx       12  a\n            b\nend"},
	{"a table that wraps", 24, false, aTable, "<b>Name<>  <b>Size<>  <b>What it is<>\n            <b>good for<>\n<d>────  ────  ────────────<>\nqwen     5  code and\n            <b>long talk<>\nx       12  a\n            b\nend"},
	{"a table as a list", 18, false, aTable, "<b>Name: <>qwen\n<b>Size: <>5\n<b>What it is good<>\n  <b>for: <>code and\n  <b>long talk<>\n\n<b>Name: <>x\n<b>Size: <>12\n<b>What it is good<>\n  <b>for: <>a b\nend"},
	{"a list without values", 8, false, "|one|four|\n-|\n|", "<b>one:<>\n<b>four:<>"},
	{"a table in a list", 24, false, "- t\n  | a | b |\n  |---|---|\n  | one two three four | 日本語日本語 |", "• t\n  <b>a<>           <b>b<>\n  <d>──────────  ──────────<>\n  one two     日本語日本\n  three four  語"},
	{"a wide letter in a table", 20, false, "|a|b|\n|-|-|\n|👩‍👩‍👧‍👦|e\u0301|\n|x|y|", "<b>a<>   <b>b<>\n<d>──  ─<>\n👩‍👩‍👧‍👦  e\u0301\nx   y"},
	{"a table that ends in its rule", 20, false, "|a|b|\n|-|-", "<b>a<>  <b>b<>\n<d>─  ─<>"},
	{"a link", 20, false, "see [the docs](https://example.com/a/long/page) now", "see \x1b[0;4mthe docs<>\n(https://example.com/a/long/page) now"},
	{"no room for an indent", 6, false, "- a\n      - one two", "• a\n      • one\ntwo"},
	{"the marks stay, and lines break", 16, true, "- **one** two three\n```\nif a == b && c == d { }\n```", "- **one** two\n  three\n```\nif a == b && c == d { }\n```"},
	{"plain quotes and headings", 16, true, "> one two three four\n# a *heading* of words", "> one two three\n> four\n# a *heading* of\nwords"},
	{"width is not known", 0, false, "The quick brown fox  \n", "The quick brown fox  \n"},
}

const aTable = "| Name | Size | What it is good for |\n|:--|--:|---|\n| qwen | 5 | code and **long talk** |\n| x | 12 | a<br>b |\nend"

func TestLinesBreakBetweenWords(t *testing.T) {
	for _, c := range wrapCases {
		t.Run(c.name, func(t *testing.T) {
			want := wrapped(t, c.text, c.width, len(c.text), c.plain)
			if got := marked(want); got != c.want {
				t.Fatalf("got\n%s\nwant\n%s", got, c.want)
			}
			for n := 1; n < 8; n++ {
				if got := wrapped(t, c.text, c.width, n, c.plain); got != want {
					t.Errorf("in pieces of %d: %q, at once %q", n, got, want)
				}
			}
		})
	}
}

// What follows a change of the width is in the new one.
func TestLinesBreakAtTheNewWidth(t *testing.T) {
	var b bytes.Buffer
	width := 12
	m := NewMarkdown(&b, Look{Width: func() int { return width }})
	_, _ = m.Write([]byte("one two three four five "))
	width = 24
	_, _ = m.Write([]byte("six seven eight nine ten eleven\n"))
	if got, want := b.String(), "one two\nthree four\nfive six seven eight\nnine ten eleven\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A word comes as soon as it is whole; the first of a line and one wider than it as
// they come.
func TestWordsComeWhenTheyAreWhole(t *testing.T) {
	var b bytes.Buffer
	m := NewMarkdown(&b, Look{Width: func() int { return 10 }})
	for _, step := range []struct{ write, want string }{
		{"Th", "Th"},
		{"e riv", "The"},
		{"er ", "The river"},
		{"Ganges", "The river"},
		{"\n", "The river\nGanges\n"},
		{"- on", "The river\nGanges\n• on"},
		{"e 0123456789abc", "The river\nGanges\n• one\n  0123456789abc"},
		{"def", "The river\nGanges\n• one\n  0123456789abcdef"},
	} {
		_, _ = m.Write([]byte(step.write))
		if got := b.String(); got != step.want {
			t.Errorf("after %q: %q, want %q", step.write, got, step.want)
		}
	}
}

// At any width, no line is wider than the terminal but for one word, and nothing
// is lost.
func FuzzLinesBreak(f *testing.F) {
	for _, c := range wrapCases {
		f.Add(c.text, uint8(c.width), uint8(2), c.plain)
	}
	f.Fuzz(func(t *testing.T, text string, width, n uint8, plain bool) {
		text = strings.Map(func(r rune) rune {
			if r == '\n' || !unicode.IsControl(r) {
				return r
			}
			return -1
		}, string(new(Filter).Append(nil, []byte(strings.ToValidUTF8(text, "?"))))) // as it comes: a joiner only where it is seen
		whole := wrapped(t, text, int(width), len(text)+1, plain)
		if got := wrapped(t, text, int(width), int(n)+1, plain); got != whole {
			t.Fatalf("%q in pieces of %d: %q, and at once %q", text, n, got, whole)
		}
		got, want := words(sgr.ReplaceAllString(whole, "")), words(text)
		if strings.Contains(text, "|") { // cells stand side by side, or headings at every row
			got, want = "", missing(got, words(strings.NewReplacer("<br>", "", "<br/>", "", "<br />", "").Replace(text)))
		}
		if got != want {
			t.Fatalf("%q lost words: %q", text, whole)
		}
		if strings.ContainsAny(text, "`~|") || strings.Contains(text, "    ") || width < 8 {
			return // code and tables
		}
		for _, line := range strings.Split(sgr.ReplaceAllString(whole, ""), "\n") {
			words := strings.Split(strings.TrimLeft(line, " •│"), " ")
			wide := slices.ContainsFunc(words, func(w string) bool { return uniseg.StringWidth(w) > int(width)/2 })
			if uniseg.StringWidth(line) > int(width) && !wide && !strings.HasPrefix(line, " ") {
				t.Fatalf("%q at %d columns has a line of %d: %q", text, width, uniseg.StringWidth(line), line)
			}
		}
	})
}

// missing are the letters of want that got has fewer of.
func missing(got, want string) string {
	have := map[rune]int{}
	for _, r := range got {
		have[r]++
	}
	return strings.Map(func(r rune) rune {
		if have[r]--; have[r] < 0 {
			return r
		}
		return -1
	}, want)
}
