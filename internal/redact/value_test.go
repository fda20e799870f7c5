package redact

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

type word string

type inner struct {
	Text  string
	Bytes []byte
	At    time.Time
}

type outer struct {
	Word    word
	Pointer *string
	Nothing *inner
	List    []inner
	Map     map[string]any
	Raw     json.RawMessage
	Broken  json.RawMessage
	Number  int
	inner
	Inner inner
	own   string
}

func TestStrings(t *testing.T) {
	text := "a canary b"
	in := outer{
		Word: "canary", Pointer: &text, List: []inner{{Text: text, Bytes: []byte("canary"), At: time.Unix(1, 0)}},
		Map: map[string]any{"canary": []any{text, 1.5, nil, map[string]any{"x": text}}, "n": true},
		Raw: json.RawMessage(`{"canary": ["c\u0061nary", 12345678]}`), Broken: json.RawMessage(`{"canary`), Number: 3, Inner: inner{Text: text}, own: text,
	}
	before := fmt.Sprintf("%#v", in)
	out := Strings(in, func(s string) string { return strings.ReplaceAll(s, "canary", "-") })
	if fmt.Sprintf("%#v", in) != before || text != "a canary b" {
		t.Error("what was given has changed")
	}
	if out.own != text || string(out.List[0].Bytes) != "canary" { // no strings of others' to change
		t.Errorf("%+v", out)
	}
	got := fmt.Sprintf("%s|%s|%v|%s|%v|%s|%s|%d|%s|%v", out.Word, *out.Pointer, out.Nothing, out.List[0].Text, out.Map, out.Raw, out.Broken, out.Number, out.Inner.Text, out.List[0].At.Unix())
	want := `canary|a - b|<nil>|a - b|map[-:[a - b 1.5 <nil> map[x:a - b]] n:true]|{"-": ["-", 12345678]}|{"-|3|a - b|1`
	if got != want {
		t.Errorf("%s\nnot\n%s", got, want)
	}
}

func TestPointed(t *testing.T) {
	mask := func(s string) string { return strings.ReplaceAll(s, "canary", "-") }
	text := "a canary b"
	plain, secret := &inner{Text: "a b"}, &outer{Pointer: &text, Inner: inner{Text: text}}
	if out := Pointed(plain, mask); out != plain {
		t.Error("what has no secret was copied")
	}
	out := Pointed(secret, mask)
	if out == secret || secret.Inner.Text != text || text != "a canary b" {
		t.Error("what was given has changed")
	}
	if *out.Pointer != "a - b" || out.Inner.Text != "a - b" {
		t.Errorf("%+v", out)
	}
}
