package template

import (
	"encoding/json"
	"math"
	"testing"
	"time"
)

func TestPartialGivesValues(t *testing.T) {
	for format, text := range map[Format]string{FString: "{a} {b} {a}", Mustache: "{{a}} {{b}} {{a}}", Jinja2: "{{ a }} {{ b }} {{ a }}"} {
		tmpl, err := ParseWith(format, text, Options{AllowJinja2: true})
		if err != nil {
			t.Fatal(err)
		}
		calls := 0
		partial, err := tmpl.Partial(map[string]any{"a": func() any { calls++; return calls }})
		if err != nil {
			t.Fatal(err)
		}
		if vars := partial.Vars(); len(vars) != 1 || vars[0].Name != "b" || len(tmpl.Vars()) != 2 {
			t.Errorf("%s: vars %v of the partial, %v of the template", format, vars, tmpl.Vars())
		}
		for _, want := range []string{"1 B 1", "2 B 2"} {
			if got, err := partial.Render(Map{"b": "B"}); got != want || err != nil {
				t.Errorf("%s: %q, %v; want %q", format, got, err, want)
			}
		}
		if got, err := partial.Render(Map{"a": "own", "b": "B"}); got != "own B own" || err != nil {
			t.Errorf("%s: %q, %v", format, got, err)
		}
		if partial, err = partial.Partial(map[string]any{"b": func() string { return "text" }, "a": "x"}); err != nil {
			t.Fatal(err)
		}
		if got, err := partial.Render(nil); got != "x text x" || err != nil {
			t.Errorf("%s: %q, %v", format, got, err)
		}
	}
}

func TestPartialRefusesUnknownNames(t *testing.T) {
	_, err := must(t, FString, "{country}").Partial(map[string]any{"contry": 1})
	if want := `the template has no variable "contry"; did you mean "country"?`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	_, err = must(t, FString, "text").Partial(map[string]any{"a": 1})
	if want := `the template has no variables, but "a" has a value`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

type celsius float64

type named string

func (n named) String() string { return "Mx " + string(n) }

func TestGoValuesLookAsInPython(t *testing.T) {
	for _, tt := range []struct {
		value any
		want  string
	}{
		{"text", "text"},
		{7, "7"},
		{uint64(math.MaxUint64), "18446744073709551615"},
		{float32(0.5), "0.5"},
		{1.0, "1.0"},
		{1e16, "1e+16"},
		{math.Inf(-1), "-inf"},
		{math.NaN(), "nan"},
		{true, "True"},
		{nil, "None"},
		{json.Number("12345678901234567890"), "12345678901234567890"},
		{json.Number("1.0"), "1.0"},
		{json.Number("1e3"), "1000.0"},
		{[]any{"a", 1, nil, false}, "['a', 1, None, False]"},
		{[]string{"it's"}, `["it's"]`},
		{[]int{1, 2}, "[1, 2]"},
		{[2]bool{true}, "[True, False]"},
		{map[string]any{"b": 1, "a": []any{}}, "{'a': [], 'b': 1}"},
		{map[string]string{"k": "v"}, "{'k': 'v'}"},
		{celsius(21.5), "21.5"},
		{named("A"), "Mx A"},
		{time.Date(2024, 2, 29, 13, 5, 0, 0, time.UTC), "2024-02-29 13:05:00+00:00"},
		{time.Date(2024, 2, 29, 13, 5, 0, 1500, time.UTC), "2024-02-29 13:05:00.000001+00:00"},
		{(*named)(nil), "None"},
	} {
		if got, err := must(t, FString, "{v}").Render(Map{"v": tt.value}); err != nil || got != tt.want {
			t.Errorf("%#v looks as %q, %v; want %q", tt.value, got, err, tt.want)
		}
	}
}

func TestFormatThatDoesNotGoWithTheValue(t *testing.T) {
	_, err := must(t, FString, "It costs\n{price:.2f} €").Render(Map{"price": "12"})
	want := "line 2, column 1: {price:.2f} cannot format a value of type str: unknown format code 'f' for object of type 'str'; give price another value, or change the format"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}
