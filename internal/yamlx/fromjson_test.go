package yamlx

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestFromJSON(t *testing.T) {
	for _, text := range []string{
		"{\n\t\"a\":\t[1,\t2],\n\t\t\"b\": \"x\\ty\\\\\\\"\"\n}", `{"a": "\ud83d\ude00 \\ud83d\\ude00 \u00e9 \/ \"\ud83d\ude00\""}`, `[]`, "\ufeff{\"a\": {}}", `["\t"]`,
	} {
		root, err := Parse("f.json", FromJSON([]byte(text)))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var want any
		if err := json.Unmarshal([]byte(trimBOM(text)), &want); err != nil {
			t.Fatal(err)
		}
		got, err := JSON(root)
		if err != nil {
			t.Fatal(err)
		}
		var have any
		if err := json.Unmarshal(got, &have); err != nil || !reflect.DeepEqual(have, want) {
			t.Errorf("%s reads as %s", text, got)
		}
	}
	for _, text := range []string{"", "a: \\ud83d\\ude00", "{a: b}", "\tx"} {
		if got := FromJSON([]byte(text)); string(got) != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func trimBOM(s string) string {
	if len(s) > 3 && s[:3] == "\ufeff" {
		return s[3:]
	}
	return s
}

func FuzzFromJSON(f *testing.F) {
	f.Add("{\"a\":\t\"\\ud83d\\ude00\"}")
	f.Add(`["\\", "\"", "\u0000\ud800"]`)
	f.Fuzz(func(t *testing.T, text string) {
		out := FromJSON([]byte(text))
		if !json.Valid([]byte(text)) && string(out) != text && !json.Valid([]byte(trimBOM(text))) {
			t.Fatalf("%q, which is no JSON, became %q", text, out)
		}
	})
}
