package body

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// document writes a random document, with white space wherever JSON may have it.
func document(r *rand.Rand, depth int) string {
	blank := func() string { return []string{"", "", " ", "\n\t", "\r\n"}[r.IntN(5)] }
	text := func() string {
		return `"` + []string{"", "a", `\"`, `\\`, `\\\"`, `}`, `]`, `{`, `,`, `:`, `\u00e4`, "ä", `\ud83d\ude00`, `\ud83d`, `\n`}[r.IntN(15)] + fmt.Sprint(r.IntN(1000)) + `"`
	}
	switch n := r.IntN(10); {
	case depth == 0 || n < 4 && depth < 6:
		var list []string
		for range r.IntN(1 + 30/(depth*depth*3+1)) {
			list = append(list, blank()+text()+blank()+":"+blank()+document(r, depth+1)+blank())
		}
		return "{" + blank() + strings.Join(list, ",") + "}"
	case n < 6 && depth < 6:
		var list []string
		for range r.IntN(4) {
			list = append(list, blank()+document(r, depth+1)+blank())
		}
		return "[" + blank() + strings.Join(list, ",") + "]"
	}
	return []string{"null", "true", "false", "0", "-1.5e3", `""`, text(), text()}[r.IntN(8)]
}

// same fails unless an object of the reader is what encoding/json makes of the same text.
func same(t *testing.T, o Object, raw []byte) {
	t.Helper()
	var want map[string]json.RawMessage
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	if len(o.Names()) != len(want) {
		t.Fatalf("%q of %s", o.Names(), raw)
	}
	for _, name := range o.Names() {
		w, got := want[name], o.value(name)
		if !bytes.Equal(got, w) {
			t.Fatalf("%q is %s, want %s", name, got, w)
		}
		switch kindOf(got) {
		case KindString:
			var text string
			if _ = json.Unmarshal(w, &text); o.Text(name) != text {
				t.Fatalf("%q says %q, want %q", name, o.Text(name), text)
			}
		case KindObject:
			if inner, _ := o.Object(name); o.r.Err() == nil {
				same(t, inner, w)
			}
		case KindArray:
			var list []json.RawMessage
			_ = json.Unmarshal(w, &list)
			items := o.List(name)
			if len(items) != len(list) {
				t.Fatalf("%q has %d elements, want %d", name, len(items), len(list))
			}
			for i, item := range items {
				if !bytes.Equal(item.raw, list[i]) || item.Path() != fmt.Sprintf("%s[%d]", o.PathOf(name), i) {
					t.Fatalf("%s is %s, want %s", item.Path(), item.raw, list[i])
				}
			}
		}
	}
}

// A body is taken apart as encoding/json does it, but for members that come twice.
func TestABodyIsTakenApartAsJSON(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // the same each time
	read := 0
	for range 1000 {
		text := document(r, 0)
		b := Parse([]byte(text))
		switch err := b.Err(); {
		case err == nil:
			same(t, b.Object(), []byte(text))
			read++
		case !strings.Contains(err.Error(), "it comes twice"):
			t.Fatalf("%v in %s", err, text)
		}
	}
	if read < 300 {
		t.Errorf("%d documents were read", read)
	}
}

// What is no JSON object in UTF-8, and nothing else, is a mistake with its place.
func TestMistakesHaveTheirPlace(t *testing.T) {
	for text, want := range map[string]string{
		"": "the body is empty; send a JSON object", " \n": "the body is empty; send a JSON object",
		"[]": "the body has to be an object, not an array", "null": "the body has to be an object, not null", "\ufeff7": "the body has to be an object, not a number",
		`{"a":1} {}`: "line 1, column 9: the body has more after its JSON object; send one object", "{}\n\n x": "line 3, column 2: the body has more after its JSON object; send one object",
		`{"a":`: "line 1, column 6: the JSON is cut short", "{\"a\":\n1,}": "line 2, column 3: this is not JSON: invalid character '}' looking for beginning of object key string",
		"{\"a\":\"\xff\"}": "line 1, column 7: the text is not UTF-8", `{"a":1,"b":2,"a":3}`: "a: it comes twice",
	} {
		if err := Parse([]byte(text)).Err(); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	for text, want := range map[string]string{
		`{"mesages":[]}`: `messages: it is missing; there is "mesages": did you mean "messages"?`, `{"Messages":[]}`: `messages: it is missing; there is "Messages": did you mean "messages"?`,
		`{"model":"m"}`: "messages: it is missing; send one",
	} {
		b := Parse([]byte(text))
		b.Object().Missing("messages", "send one")
		if err := b.Err(); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	for text, want := range map[string]string{
		`{"a":[{"b":1},{"b":{"c":2}}]}`: "a[1].b.c: it has to be a string, not a number", `{"a":[{"b":1},{"b":[]}]}`: "a[1].b: it has to be an object, not an array",
		`{"a":[{"b":1},3]}`: "a[1]: it has to be an object, not a number", `{"a":[{"b":1},{"b":{"c":1,"c":1}}]}`: "a[1].b.c: it comes twice",
	} {
		b := Parse([]byte(text))
		inner, _ := b.Object().List("a")[1].Object().Object("b")
		_ = inner.Text("c")
		if err := b.Err(); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// An object of many members is read in a time that its length bounds.
func TestAnObjectOfManyMembers(t *testing.T) {
	var b strings.Builder
	const n = 20_000
	for i := range n {
		fmt.Fprintf(&b, `,"k%d":%d`, i, i)
	}
	o := Parse([]byte("{" + b.String()[1:] + "}")).Object()
	if len(o.Names()) != n || string(o.Raw("k19999")) != "19999" || o.Has("k20000") {
		t.Errorf("%d members, the last is %s", len(o.Names()), o.Raw("k19999"))
	}
}

func FuzzABodyIsTakenApartAsJSON(f *testing.F) {
	for _, text := range []string{`{"a":"\\\"","b":[1, {"c":"]"}],"d":{}}`, `{"a":[[],[[]]]}`, "\ufeff{}", `{"\u0061":1,"a":2}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b := Parse(data)
		if b.Err() == nil {
			same(t, b.Object(), bytes.TrimPrefix(data, []byte("\ufeff")))
		}
	})
}
