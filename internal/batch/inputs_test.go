package batch

import (
	"encoding/json"
	"reflect"
	"testing"
)

// Inputs are read as they were written, whatever they are.
func TestInputsAreReadAsTheyWere(t *testing.T) {
	in := map[string]any{
		"text": "a \"b\"\n\u2028é 😀", "empty": "", "quoted": `"1"`, "int": 7, "float": 7.0, "half": 0.5, "big": json.Number("12345678901234567890"),
		"yes": true, "none": nil, "list": []any{1, 2.0, "x", nil}, "map": map[string]any{"a": "b", "n": 3, "f": -2.0},
	}
	text, err := EncodeInputs(in)
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeInputs(text)
	if err != nil || !reflect.DeepEqual(got, in) {
		t.Errorf("%#v, %v, want %#v", got, err, in)
	}
	for _, bad := range []string{"", "null", "[1]", `"a"`, `{"a":`, `{"a":1} x`} {
		if got, err := DecodeInputs(bad); err == nil {
			t.Errorf("%q is read as %v", bad, got)
		}
	}
}
