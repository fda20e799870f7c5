package yamlx_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

const canary = "sk-canary-DO-NOT-LEAK-7f3a"

// read decodes one document with every getter.
func read(t *testing.T, text string) (map[string]any, error) {
	t.Helper()
	root, err := yamlx.Parse("f.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	d := yamlx.NewDecoder("f.yaml")
	m, _ := d.Mapping(root, "the file", []string{"text", "words", "x", "n", "b", "t", "one", "map", "list"})
	got := map[string]any{"text": m.String("text"), "words": m.Strings("words"), "one": m.OneOf("one", "any", "local")}
	if x := m.Float("x", 0, 2); x != nil {
		got["x"] = *x
	}
	if n := m.Int("n", 1); n != nil {
		got["n"] = *n
	}
	if b := m.Bool("b"); b != nil {
		got["b"] = *b
	}
	if t := m.Duration("t"); t != nil {
		got["t"] = *t
	}
	if sub, ok := m.Map("map", "the map", nil); ok {
		got["keys"] = sub.Keys()
	}
	got["list"] = len(m.List("list", "things"))
	return got, d.Err()
}

func TestDecode(t *testing.T) {
	got, err := read(t, `
text: 5
words: [a, b]
x: 0
n: 3
b: true
t: 1h30m
one: local
map: {z: 1, a: 2}
list: [1, 2]
`)
	want := map[string]any{
		"text": "5", "words": []string{"a", "b"}, "x": 0.0, "n": int64(3), "b": true,
		"t": 90 * time.Minute, "one": "local", "keys": []string{"z", "a"}, "list": 2,
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := read(t, "words: one\nx: 1.5\n"); err != nil || !reflect.DeepEqual(got["words"], []string{"one"}) || got["x"] != 1.5 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestDecodeErrors(t *testing.T) {
	for in, want := range map[string]string{
		"x: warm":               `f.yaml:1:4: expected a number from 0 to 2, found "warm"`,
		"x: 3":                  `f.yaml:1:4: expected a number from 0 to 2, found "3"`,
		"x: .nan":               `f.yaml:1:4: expected a number from 0 to 2, found ".nan"`,
		"x: '1'":                `f.yaml:1:4: expected a number from 0 to 2, found "1"`,
		"x:":                    `f.yaml:1:3: expected a number from 0 to 2, found nothing`,
		"x: [1]":                `f.yaml:1:4: expected a number from 0 to 2, found a list`,
		"n: 0":                  `f.yaml:1:4: expected a whole number of at least 1, found "0"`,
		"n: 1.5":                `f.yaml:1:4: expected a whole number of at least 1, found "1.5"`,
		"b: yes":                `f.yaml:1:4: expected true or false, found "yes"`,
		"t: 5":                  `f.yaml:1:4: expected a duration such as 30s, 5m or 1h30m, found "5"`,
		"t: -5m":                `f.yaml:1:4: expected a duration such as 30s, 5m or 1h30m, found "-5m"`,
		"one: remote":           `f.yaml:1:6: expected one of any, local, found "remote"`,
		"text: {country}":       `f.yaml:1:7: expected text, found a mapping of keys to values`,
		"words: {a: 1}":         `f.yaml:1:8: expected text or a list of texts, found a mapping of keys to values`,
		"words: [a, [b]]":       `f.yaml:1:12: expected text, found a list`,
		"map: 1":                `f.yaml:1:6: expected the map as a mapping of keys to values, found "1"`,
		"list: 1":               `f.yaml:1:7: expected a list of things, found "1"`,
		"wrods: 1":              `f.yaml:1:1: unknown key "wrods"; did you mean "words"?`,
		"zzzzz: 1":              `f.yaml:1:1: unknown key "zzzzz"; known: b, list, map, n, one, t, text, words, x`,
		"- a":                   `f.yaml:1:1: expected the file as a mapping of keys to values, found a list`,
		"x: " + canary:          `f.yaml:1:4: expected a number from 0 to 2, found a string of 26 characters`,
		canary + ": 1":          `f.yaml:1:1: unknown key a string of 26 characters; known: `,
		"a: &q 1\nx: *q\nn: *q": `f.yaml:1:1: unknown key "a"`,
	} {
		_, err := read(t, in)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q:\n got %v\nwant %s", in, err, want)
		}
		if err != nil && strings.Contains(err.Error(), canary) {
			t.Errorf("%q: the error shows the key: %v", in, err)
		}
	}
}

func TestDecodeReportsEverythingInOrder(t *testing.T) {
	_, err := read(t, "n: none\nx: warm\nwrods: 1\n")
	all := diag.Split(err)
	if len(all) != 3 {
		t.Fatalf("got %v", err)
	}
	for i, e := range all {
		var place *diag.Error = e.(*diag.Error)
		if place.Line != i+1 {
			t.Errorf("error %d is in line %d: %v", i+1, place.Line, e)
		}
	}
}

func TestPlain(t *testing.T) {
	root, err := yamlx.Parse("f.yaml", []byte("a: [1, 1.5, true, ~, x, '1', 0x10]\nb: {c: d}\nbig: [9223372036854775807, 9223372036854775808, -9223372036854775809, +00018446744073709551616, 123456789012345678901234567890, 1e30]\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"a": []any{int64(1), 1.5, true, nil, "x", "1", 16},
		"b": map[string]any{"c": "d"},
		"big": []any{
			int64(9223372036854775807), json.Number("9223372036854775808"), json.Number("-9223372036854775809"),
			json.Number("18446744073709551616"), json.Number("123456789012345678901234567890"), 1e30,
		},
	}
	if got := yamlx.Plain(root); !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v", got)
	}
}

// FuzzParse checks that no input panics or hangs, and that every complaint is
// one line that names the file.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"a: 1\n", "a:\n\tb: 1", "a: &x [*x]", "? [a]\n: b", "x: \"\\q", "- #\n -", "a: !!x", "\xff", "{a: }: b"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		root, err := yamlx.Parse("f.yaml", data)
		if err != nil {
			for _, line := range strings.Split(err.Error(), "\n") {
				if !strings.HasPrefix(line, "f.yaml") {
					t.Errorf("no place: %q", line)
				}
			}
			return
		}
		d := yamlx.NewDecoder("f.yaml")
		if m, ok := d.Mapping(root, "the file", nil); ok {
			for _, k := range m.Keys() {
				m.Strings(k)
				m.Float(k, 0, 1)
				m.Duration(k)
				yamlx.Plain(m.Node(k))
			}
		}
		_ = d.Err()
	})
}
