package schema_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestPatternsAreECMA262(t *testing.T) {
	for _, tc := range []struct{ pattern, fits, fails string }{
		{`^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$`, "12.50", "+"}, // pydantic's Decimal
		{`^(?=.*\d)(?=.*[a-z]).{4,}$`, "abc1", "abcd"},
		{`(?<=x)y`, "xy", "y"},
		{`(?<!x)y$`, "zy", "xy"},
		{`^(?<q>['"]).*\k<q>$`, `"a"`, `"a'`},
		{`^(a|b)\1$`, "aa", "ab"},
		{`^\u00e9$`, "é", "e"},
		{`^\u{1F600}$`, "😀", "x"},
		{`^[\u4e00-\u9fff]+$`, "漢字", "kanji"},
		{`^.{1,2048}$`, strings.Repeat("é", 2048), strings.Repeat("x", 2049)},
		{`^\cC$`, "\x03", "C"},
		{`^\p{Letter}+$`, "é", "1"},
		{`^\p{gc=Lu}$`, "É", "é"},
		{`^\p{General_Category=Uppercase_Letter}$`, "É", "é"},
		{`^\p{Script=Greek}$`, "λ", "l"},
		{`^\P{sc=Greek}$`, "l", "λ"},
		{`^\\p{L}$`, `\p{L}`, "p"}, // a backslash, a p and words in braces
		{`^\s$`, "\u00a0", "x"},
		{`^\d$`, "4", "৪"},
		{`^[^]$`, "\n", ""},
		{`^\-\/\_$`, "-/_", "x"},
		{`^(?!^[-+.]*$)[+-]?0*(?:\d{0,3}|(?=[\d.]{1,6}0*$)\d{0,3}\.\d{0,2}0*$)`, "123.45", "-"}, // pydantic's Decimal with max_digits
		{`^(?!^[-+.]*$)[+-]?0*(?:\d{0,3}|(?=[\d.]{1,6}0*$)\d{0,3}\.\d{0,2}0*$)`, "0.10", "+."},
		{`^a$`, "a", "a\n"}, // $ is the end, and no line's
		{`^a.b$`, "a b", "a\nb"},
		{`^\w+$`, "a_1", "é"},
		{`^\W$`, "é", "a"},
		{`^\D$`, "४", "4"},
		{`^\S+$`, "a", "\ufeff"},
		{`^[\d-]+$`, "1-2", "a"},
		{`^[\w.+-]+@[\w-]+\.[\w.-]+$`, "a.b+c@d-e.org", "a@b"},
		{`^[\s\S]{1,2048}$`, strings.Repeat("\n", 2048), strings.Repeat("x", 2049)},
		{`^(?:.|\n){0,10000}$`, strings.Repeat("x", 10000), strings.Repeat("x", 10001)},
		{`^.$`, "😀", "ab"}, // a character is one, whatever UTF-16 has
		{`^[^\x00-\x7F]$`, "é", "e"},
		{`^[😀-😂]$`, "😁", "x"},
		{`\bword\b`, "a word", "swords"},
		{`^\/api\/v\d+\/$`, "/api/v1/", "/api/v/"},
		{`^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$`, "127.0.0.1", "127.0.0."},
		{`^(?<year>\d{4})-(?<month>0[1-9]|1[0-2])$`, "2026-11", "2026-13"},
		{`^\$\{[^}]+\}$`, "${x}", "$x"},
		{`^[A-Za-z0-9_\-]{1,64}$`, "a-b_c", "a b"},
	} {
		s := compile(t, encoded(t, map[string]any{"pattern": tc.pattern}))
		if notes := s.Notes(); len(notes) > 0 {
			t.Errorf("%s: %q", tc.pattern, notes)
		}
		if got := s.Check([]byte(encoded(t, tc.fits))); got != nil {
			t.Errorf("%s: %.20q: %q", tc.pattern, tc.fits, got)
		}
		if s.Check([]byte(encoded(t, tc.fails))) == nil {
			t.Errorf("%s matches %.20q", tc.pattern, tc.fails)
		}
	}
}

// A pattern that cannot be read takes no schema down, and refuses no answer;
// all else of the schema counts.
func TestUnreadablePatternIsNoted(t *testing.T) {
	for _, pattern := range []string{`(`, `a**`, `^\p{Alphabetic}$`, `(?P<n>a)`, `[z-a]`} {
		p := encoded(t, pattern)
		for _, raw := range []string{
			`{"type":"string","minLength":2,"pattern":` + p + `}`,
			`{"type":"string","minLength":2,"not":{"pattern":` + p + `}}`,
			`{"type":"string","minLength":2,"oneOf":[{"pattern":` + p + `},{"const":"xx"}]}`,
			`{"type":"string","minLength":2,"if":{"pattern":` + p + `},"then":{"maxLength":0},"else":{"maxLength":9}}`,
			`{"$defs":{"p":{"pattern":` + p + `}},"type":"string","minLength":2,"not":{"$ref":"#/$defs/p"}}`,
		} {
			s := compile(t, raw)
			if notes := s.Notes(); len(notes) != 1 || !strings.HasPrefix(notes[0], "the pattern "+strconv.Quote(pattern)+" is not checked: ") || strings.Contains(notes[0], " in `") {
				t.Errorf("%s: %q", raw, notes)
			}
			if got := s.Check([]byte(`"xx"`)); got != nil {
				t.Errorf("%s: %q", raw, got)
			}
			if s.Check([]byte(`"x"`)) == nil || s.Check([]byte(`1`)) == nil {
				t.Errorf("%s: the rest of the schema is not checked", raw)
			}
			if _, err := s.Lower(); err != nil {
				t.Errorf("%s: %v", raw, err)
			}
		}
		s := compile(t, `{"patternProperties":{`+p+`:{"type":"integer"}},"additionalProperties":{"type":"boolean"}}`)
		for answer, ok := range map[string]bool{`{"a":1}`: true, `{"a":true}`: true, `{"a":"1"}`: false} {
			if got := s.Check([]byte(answer)); (got == nil) != ok {
				t.Errorf("%s: %s: %q", pattern, answer, got)
			}
		}
	}
}

func TestFormatRegex(t *testing.T) {
	s := compile(t, `{"format":"regex"}`)
	for answer, ok := range map[string]bool{`"^(?=a)"`: true, `"\\u00e9"`: true, `"("`: false, `"a**"`: false} {
		if got := s.Check([]byte(answer)); (got == nil) != ok {
			t.Errorf("%s: %q", answer, got)
		}
	}
}

// A pattern that takes exponential time is given up on, and the text refused.
func TestSlowPatternEnds(t *testing.T) {
	s := compile(t, `{"pattern":"^(?=a)(a+)+$"}`)
	began := time.Now()
	if s.Check([]byte(`"`+strings.Repeat("a", 64)+`!"`)) == nil {
		t.Error("it matches")
	}
	if took := time.Since(began); took > 2*time.Minute {
		t.Errorf("it took %s", took)
	}
}

func encoded(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
