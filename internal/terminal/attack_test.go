package terminal

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/tandem-llm/tandem/internal/chatui"
)

// TestNothingOfAnAnswerDoesSomething: whatever a model writes, and wherever it is
// cut, a terminal gets its words and our own styles.
func TestNothingOfAnAnswerDoesSomething(t *testing.T) {
	sequences := map[string]string{
		"window title":        "\x1b]0;OWNED\x07",
		"title, ended by ST":  "\x1b]2;OWNED\x1b\\",
		"clipboard":           "\x1b]52;c;T1dORUQ=\x07",
		"link":                "\x1b]8;;https://OWNED.example\x1b\\",
		"end of a link":       "\x1b]8;;\x07",
		"colour":              "\x1b[31m",
		"erase":               "\x1b[2J\x1b[H",
		"private mode":        "\x1b[?1049h\x1b[?2004h",
		"scroll region":       "\x1b[1;1r",
		"status report":       "\x1b[6n\x1b[c",
		"device control":      "\x1bP$qm\x1b\\",
		"kitty graphics":      "\x1b_Ga=T;OWNED\x1b\\",
		"privacy message":     "\x1b^OWNED\x1b\\",
		"start of string":     "\x1bXOWNED\x1b\\",
		"reset":               "\x1bc",
		"charset":             "\x1b(0",
		"C1 CSI":              "\u009b31m",
		"C1 OSC":              "\u009d0;OWNED\u009c",
		"C1 DCS":              "\u0090OWNED\u009c",
		"bare C1 byte":        "\x9b31m",
		"carriage return":     "\r",
		"backspaces":          "\b\b\b",
		"bell, shift out":     "\x07\x0e\x0f",
		"delete":              "\x7f",
		"direction":           "\u202e\u2066\u2069\u200f",
		"nothing to be seen":  "\u200b\u2060\ufeff\u00ad\U000e0041",
		"escape in an escape": "\x1b[\x1b]0;OWNED\x07m",
		"a style of ours":     "\x1b[0;1m",
	}
	places := map[string]string{
		"text":           "one SEQtwo three four five six",
		"emphasis":       "**one SEQtwo** three",
		"code":           "`one SEQtwo` three",
		"a block":        "```SEQgo\none SEQtwo\n```SEQ\nthree",
		"indented code":  "\n    one SEQtwo\n",
		"a heading":      "# SEQone two",
		"an item":        "- SEQone\n-SEQ two\nSEQ- three",
		"a quote":        "> SEQone\n>SEQ two",
		"a link":         "[one](https://example.com/SEQtwo) <SEQhttps://example.com>",
		"a table":        "| one | SEQtwo |\n|SEQ---|---|",
		"a word":         "wSEQoSEQrSEQd",
		"a fence's mark": "`SEQ``\none\n``SEQ`",
		"the end":        "one SEQ",
	}
	looks := map[string]chatui.Look{
		"formatted": {}, "narrow": {Width: func() int { return 8 }}, "plain": {Width: func() int { return 8 }, Plain: true},
	}
	own := regexp.MustCompile("\x1b\\[0(;[0-9]+)*m")
	for what, seq := range sequences {
		for where, place := range places {
			text := strings.ReplaceAll(place, "SEQ", seq)
			for how, look := range looks {
				for cut := 0; cut <= len(text); cut++ {
					var b bytes.Buffer
					md := chatui.NewMarkdown(&b, look)
					z := NewSanitizer(md)
					_, _ = z.WriteString(text[:cut])
					_, _ = z.WriteString(text[cut:])
					if err := md.Close(); err != nil {
						t.Fatal(err)
					}
					shown := b.String()
					if !look.Plain {
						shown = own.ReplaceAllString(shown, "")
					}
					for _, r := range shown {
						if r != '\n' && (unicode.IsControl(r) || chatui.Hidden(r)) {
							t.Fatalf("%s in %s, %s, cut at %d: %U is shown: %q", what, where, how, cut, r, b.String())
						}
					}
					if strings.Contains(shown, "OWNED") {
						t.Fatalf("%s in %s, %s, cut at %d: %q", what, where, how, cut, shown)
					}
					if i := strings.LastIndex(b.String(), "\x1b["); i >= 0 && !strings.HasPrefix(b.String()[i:], "\x1b[0m") {
						t.Fatalf("%s in %s leaves a style on: %q", what, where, b.String())
					}
				}
			}
		}
	}
}
