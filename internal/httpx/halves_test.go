package httpx

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestHalvesOfLetters: a text is cut at every byte, in each form that servers
// give the pieces, and comes out as it was.
func TestHalvesOfLetters(t *testing.T) {
	const text = "wörld € 😀 \U0010FE80 \\ \" ud83d\n"
	through := func(pieces []string) string {
		var l Letters
		var out strings.Builder
		for _, p := range pieces {
			if !json.Valid([]byte(p)) {
				t.Fatalf("%q is no JSON", p)
			}
			var s string
			if err := json.Unmarshal(keepHalves([]byte(p)), &s); err != nil {
				t.Fatal(err)
			}
			got := l.Add(s)
			if !utf8.ValidString(got) {
				t.Errorf("a piece is %q", got)
			}
			out.WriteString(got)
		}
		return out.String() + l.End()
	}
	raw := func(s string) string { // the bytes as they are
		return `"` + strings.NewReplacer("\\", `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
	}
	for at := range len(text) + 1 {
		if got := through([]string{raw(text[:at]), raw(text[at:])}); got != text {
			t.Errorf("cut at byte %d: %q", at, got)
		}
		for to := at; to <= len(text); to++ {
			if got := through([]string{raw(text[:at]), raw(text[at:to]), raw(text[to:])}); got != text {
				t.Errorf("cut at bytes %d and %d: %q", at, to, got)
			}
		}
	}
	for _, tc := range []struct {
		pieces []string
		want   string
	}{
		{[]string{`"a\ud83d"`, `"\ude00b"`}, "a😀b"},
		{[]string{`"a\uD83D"`, `""`, `"\uDE00"`, `"b"`}, "a😀b"},
		{[]string{`"\ud83d\ude00"`, `"\\ud83d"`, `"\\ude00"`}, `😀\ud83d\ude00`},
		{[]string{"\"a\xed\xa0\xbd\"", "\"\xed\xb8\x80b\""}, "a😀b"}, // CESU-8
		{[]string{"\"a\xed\"", "\"\xa0\xbd\xed\xb8\"", "\"\x80b\""}, "a😀b"},
		{[]string{`"a\ud83d"`, `"b"`}, "a�b"},
		{[]string{`"a\ude00"`, `"b"`}, "a�b"},
		{[]string{`"a\ud83d"`}, "a�"},
		{[]string{`"\ud83d\ud83d"`, `"\ude00"`}, "�😀"},
		{[]string{"\"a\xc3\"", `"b"`}, "a�b"},
		{[]string{"\"a\xff\"", "\"\xb6b\""}, "a��b"},
		{[]string{"\"a\xf0\x9f\""}, "a�"},
		{[]string{`"wörld"`, `"\u00f6\n\t\/"`}, "wörldö\n\t/"},
	} {
		if got := through(tc.pieces); got != tc.want {
			t.Errorf("%q gave %q, want %q", tc.pieces, got, tc.want)
		}
	}
}

// FuzzHalves: wherever a text is cut, it comes out as it was.
func FuzzHalves(f *testing.F) {
	f.Add("wörld 😀", 3)
	f.Add("\xed\xa0\xbd\xed\xb8\x80", 2)
	f.Add("\xc3", 0)
	f.Fuzz(func(t *testing.T, text string, at int) {
		text = strings.Map(func(r rune) rune {
			if r < ' ' || r == '"' || r == '\\' {
				return -1
			}
			return r
		}, strings.ToValidUTF8(text, "?"))
		at = min(max(at, 0), len(text))
		var l Letters
		out := ""
		for _, p := range []string{text[:at], text[at:]} {
			var s string
			if err := json.Unmarshal(keepHalves([]byte(`"`+p+`"`)), &s); err != nil {
				t.Fatal(err)
			}
			out += l.Add(s)
		}
		out += l.End()
		if out != text {
			t.Errorf("%q, cut at %d, gave %q", text, at, out)
		}
	})
}
