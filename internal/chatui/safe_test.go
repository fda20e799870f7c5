package chatui

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func filtered(pieces ...string) string {
	var f Filter
	var out []byte
	for _, p := range pieces {
		out = f.Append(out, []byte(p))
	}
	return string(out)
}

func TestFilter(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"text":                     {"Grüße,\t世界\n", "Grüße,\t世界\n"},
		"C0":                       {"a\x00\x07\b\x0b\x0c\r\x1b\x7fb", "ab"},
		"C1":                       {"a\u0080\u0085\u0090\u009b\u009c\u009d\u009fb", "ab"},
		"C1 as bytes":              {"a\x80\x9b\x9fb", "a\uFFFD\uFFFD\uFFFDb"},
		"bidi overrides":           {"a\u202a\u202b\u202c\u202d\u202eb", "ab"},
		"bidi isolates and marks":  {"a\u2066\u2067\u2068\u2069\u200e\u200f\u061cb", "ab"},
		"zero-width":               {"a\u200b\u2060\ufeff\u180e\u00adb", "ab"},
		"joiners between letters":  {"a\u200cb\u200dc\u200d", "abc"},
		"invisible operators":      {"a\u2061\u2062\u2063\u2064\u2065\u206a\u206fb", "ab"},
		"annotations":              {"a\ufff9\ufffa\ufffbb", "ab"},
		"tags":                     {"a\U000e0001\U000e0041\U000e007fb", "ab"},
		"line separators":          {"a\u2028b\u2029c", "a b c"},
		"a family":                 {"👨\u200d👩\u200d👧!", "👨\u200d👩\u200d👧!"},
		"a heart on fire":          {"❤\ufe0f\u200d🔥", "❤\ufe0f\u200d🔥"},
		"a joiner after an emoji":  {"👨\u200dx", "👨x"},
		"two joiners":              {"👨\u200d\u200d👩", "👨\u200d👩"},
		"Persian":                  {"می\u200cخواهم", "می\u200cخواهم"},
		"Sinhala":                  {"ශ්\u200dරී", "ශ්\u200dරී"},
		"a joiner after Persian":   {"می\u200c rm", "می rm"},
		"Hebrew with marks":        {"\u200fשלום\u200e", "שלום"},
		"a number sign":            {"\u0600123", "\u0600123"},
		"selectors that hide data": {"😊\ufe0f\U000e0142\U000e0143", "😊\ufe0f"},
		"a selector of its own":    {"\ufe0f a \ufe0f", " a "},
		"combining marks":          {"e\u0301", "e\u0301"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := filtered(tc.in); got != tc.want {
				t.Errorf("got %+q, want %+q", got, tc.want)
			}
			if got := filtered(strings.Split(tc.in, "")...); got != tc.want && utf8.ValidString(tc.in) {
				t.Errorf("in letters: got %+q, want %+q", got, tc.want)
			}
			var bytes []string
			for i := range len(tc.in) {
				bytes = append(bytes, tc.in[i:i+1])
			}
			if got := filtered(bytes...); got != tc.want {
				t.Errorf("in bytes: got %+q, want %+q", got, tc.want)
			}
		})
	}
}

func TestVisible(t *testing.T) {
	const in = "ls\x1b[2K\u202e\u200b\U000e0041\u3164\ufe0f\u2800 ü\n"
	if got, want := Visible(in), `ls\u001b[2K\u202e\u200b\U000e0041\u3164\ufe0f\u2800 ü\u000a`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// FuzzFilter: whatever comes, cut wherever, nothing hidden gets through, and the
// cut makes no difference.
func FuzzFilter(f *testing.F) {
	f.Add([]byte("a\x1b[31m\u202e\u200d👨\u200d👩\x9b\U000e0041"), 3)
	f.Add([]byte("می\u200cخ\xe2\x80"), 5)
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		if cut < 0 || cut > len(in) {
			cut = len(in) / 2
		}
		got := filtered(string(in[:cut]), string(in[cut:]))
		if whole := filtered(string(in)); got != whole {
			t.Fatalf("%q cut at %d: %q, in one: %q", in, cut, got, whole)
		}
		if !utf8.ValidString(got) {
			t.Fatalf("%q is no UTF-8", got)
		}
		prev := rune(0)
		for i, r := range got {
			next, _ := utf8.DecodeRuneInString(got[i+utf8.RuneLen(r):])
			if (r == zwj || r == zwnj) && prev > 0x2ff && next > 0x2ff {
				prev = r
				continue
			}
			if r < 0x20 && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 ||
				strings.ContainsRune("\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u2060\ufeff", r) || r >= 0xe0000 && r <= 0xe007f || unicode.In(r, unicode.Zl, unicode.Zp) {
				t.Fatalf("%q: %U came through", in, r)
			}
			prev = r
		}
	})
}
