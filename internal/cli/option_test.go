package cli

import (
	"reflect"
	"strings"
	"testing"

	"github.com/ollama/ollama/api"
)

func TestOptionValue(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       any
	}{
		{"user", "12345", "12345"},
		{"user", "true", "true"},
		{"user", "null", "null"},
		{"user", `"12345"`, "12345"},
		{"service_tier", "priority", "priority"},
		{"prompt_cache_key", "1e5", "1e5"},
		{"top_k", "20", int64(20)},
		{"temperature", "1", 1.0},
		{"frequency_penalty", "0.25", 0.25},
		{"store", "true", true},
		{"use_mmap", "0", false},
		{"stop", "END", []any{"END"}},
		{"stop", "42", []any{"42"}},
		{"stop", `["a","b"]`, []any{"a", "b"}},
		{"other", "12", 12},
		{"other", "1.5", 1.5},
		{"other", "true", true},
		{"other", "t", "t"},
		{"other", "007", "007"},
		{"other", `{"a": [1]}`, map[string]any{"a": []any{1}}},
		{"other", `"NaN"`, "NaN"},
		{"other", "nancy", "nancy"},
		{"other", "a=b", "a=b"},
		{"other", "", ""},
	} {
		if got, err := optionValue(tc.name, tc.text); err != nil || !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s=%s: got %#v, %v, want %#v", tc.name, tc.text, got, err, tc.want)
		}
	}
	for _, tc := range []struct{ name, text, want string }{
		{"top_k", "many", `expected a whole number, found "many"`},
		{"top_k", "1.5", `expected a whole number, found "1.5"`},
		{"temperature", "NaN", `expected a number, found "NaN"`},
		{"temperature", "Inf", `expected a number, found "Inf"`},
		{"temperature", "1e999", `expected a number, found "1e999"`},
		{"store", "maybe", `expected a boolean (true or false), found "maybe"`},
		{"other", "NaN", `JSON has no number NaN; write '"NaN"' if it is a string`},
		{"other", "nan", "JSON has no number nan"},
		{"other", "+Inf", "JSON has no number +Inf"},
		{"other", "-infinity", "JSON has no number -infinity"},
	} {
		if got, err := optionValue(tc.name, tc.text); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s=%s: got %#v, %v, want %s", tc.name, tc.text, got, err, tc.want)
		}
	}
}

// Every option that Ollama has is in the table with Ollama's type.
func TestOptionTypesAreOllamas(t *testing.T) {
	types := optionTypes()
	kinds := map[optionType][]reflect.Kind{optionWhole: {reflect.Int}, optionNumber: {reflect.Float32}, optionBool: {reflect.Bool}, optionTexts: {reflect.Slice}}
	for _, group := range []reflect.Type{reflect.TypeFor[api.Options](), reflect.TypeFor[api.Runner]()} {
		for f := range group.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name == "" {
				continue
			}
			typ := f.Type
			if typ.Kind() == reflect.Pointer {
				typ = typ.Elem()
			}
			if want := kinds[types[name]]; len(want) != 1 || want[0] != typ.Kind() {
				t.Errorf("%s is a %q here, and %s to Ollama", name, types[name], typ)
			}
		}
	}
}
