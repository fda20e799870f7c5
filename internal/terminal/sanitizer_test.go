package terminal

import (
	"strings"
	"testing"
)

func TestSanitizerDropsControlSequences(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"plain":              {"héllo\tworld\n", "héllo\tworld\n"},
		"colour":             {"a\x1b[31mred\x1b[0mb", "aredb"},
		"title":              {"a\x1b]0;owned\x07b", "ab"},
		"title, ST":          {"a\x1b]0;owned\x1b\\b", "ab"},
		"clipboard":          {"a\x1b]52;c;ZXZpbA==\x07b", "ab"},
		"device control":     {"a\x1bPq#0\x1b\\b", "ab"},
		"carriage return":    {"rm -rf /\rls", "rm -rf /ls"},
		"backspace, bell":    {"a\b\x07b", "ab"},
		"C1 CSI":             {"a\u009b31mb", "ab"},
		"charset":            {"a\x1b(0b", "ab"},
		"reset":              {"a\x1bcb", "ab"},
		"delete":             {"a\x7fb", "ab"},
		"unfinished, at end": {"a\x1b[31", "a"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := StripControls(tc.in); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			var b strings.Builder
			z := Sanitizer{w: &b}
			for _, r := range tc.in {
				if _, err := z.WriteString(string(r)); err != nil {
					t.Fatal(err)
				}
			}
			if b.String() != tc.want {
				t.Errorf("rune by rune: got %q, want %q", b.String(), tc.want)
			}
		})
	}
}

func FuzzSanitizer(f *testing.F) {
	f.Add("a\x1b[31mred\x1b]0;x\x07")
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range StripControls(s) {
			if r < 0x20 && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 {
				t.Fatalf("%q: control %U came through", s, r)
			}
		}
	})
}
