package textx

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestPositionsCountCharacters(t *testing.T) {
	text := "größe\r\n🌍 x\n"
	for offset, want := range map[int]Position{0: {1, 1}, strings.Index(text, "ß"): {1, 4}, strings.Index(text, "x"): {2, 3}, len(text): {3, 1}} {
		if got := PositionOf(text, offset); got != want {
			t.Errorf("offset %d is at %v, want %v", offset, got, want)
		}
	}
}

func TestInvalidUTF8(t *testing.T) {
	for text, want := range map[string]int{"": -1, "größe": -1, "\uFFFD": -1, "ok\xff": 2, "ü\xc3": 2} {
		if got := InvalidUTF8(text); got != want {
			t.Errorf("InvalidUTF8(%q) = %d, want %d", text, got, want)
		}
	}
}

func TestShortenGivesOneShortLine(t *testing.T) {
	if got := Shorten("a\nb\x1b[31m"); got != "a b [31m" {
		t.Errorf("got %q", got)
	}
	if got, want := Shorten(strings.Repeat("ü", 41)), strings.Repeat("ü", 40)+"…"; got != want {
		t.Errorf("got %q", got)
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]bool{"a": true, "_1": true, "größe": true, "名": true, "e\u0301": true, "": false, "1a": false, "a b": false, "a.b": false} {
		if IsName(name) != want {
			t.Errorf("IsName(%q) is not %v", name, want)
		}
	}
}

func TestDecodeJSON(t *testing.T) {
	got, _, err := DecodeJSON(` {"a": [1, 1.5, 1e999, 12345678901234567890, true, null]} `)
	if want := (map[string]any{"a": []any{1, 1.5, json.Number("1e999"), json.Number("12345678901234567890"), true, nil}}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	for text, want := range map[string]int{`{"a" 1}`: 5, `[1,}`: 3, `1 2`: 1, ``: 0} {
		if got, at, err := DecodeJSON(text); err == nil || at != want {
			t.Errorf("%q: got %v, offset %d (want %d), %v", text, got, at, want, err)
		}
	}
}
