package template

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestTemplateRenders(t *testing.T) {
	vars := Map{
		"country": "India", "a": "1", "b": "2", "_x": "under", "größe": "45", "名": "n", "x1": "one",
		"braces": "{a} {{b}} }{", "empty": "", "multi": "two\nlines", "unused": "-",
	}
	for _, tt := range []struct{ text, want string }{
		{"", ""},
		{"no variables", "no variables"},
		{"Tell me the president of {country}", "Tell me the president of India"},
		{"{country}", "India"},
		{"{a}{b}{a}", "121"},
		{"{a} and {b}", "1 and 2"},
		{"{_x} {größe} {名} {x1}", "under 45 n one"},
		{"{{country}}", "{country}"},
		{"{{{country}}}", "{India}"},
		{"{{}}", "{}"},
		{"{{", "{"},
		{"}}", "}"},
		{"{{{{a}}}}", "{{a}}"},
		{`{{"name": "{country}"}}`, `{"name": "India"}`},
		{"{a}}}", "1}"},
		{"{braces}", "{a} {{b}} }{"},
		{"[{empty}]", "[]"},
		{"{multi}!", "two\nlines!"},
		{"line\n{a}\r\nline", "line\n1\r\nline"},
		{"emoji 🌍 {a} 🌍", "emoji 🌍 1 🌍"},
	} {
		tmpl, err := Parse(FString, tt.text)
		if err != nil {
			t.Errorf("Parse(FString, %q): %v", tt.text, err)
			continue
		}
		if got, err := tmpl.Render(vars); err != nil || got != tt.want {
			t.Errorf("%q renders to %q, %v; want %q", tt.text, got, err, tt.want)
		}
		if tmpl.String() != tt.text {
			t.Errorf("String() = %q, want %q", tmpl.String(), tt.text)
		}
	}
}

func TestTemplateMistakes(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"{", "line 1, column 1: this { is never closed; write {{ for a literal brace"},
		{"a {country", "line 1, column 3: this { is never closed; write {{ for a literal brace"},
		{"}", "line 1, column 1: unexpected }; write }} for a literal brace"},
		{"{a}}", "line 1, column 4: unexpected }; write }} for a literal brace"},
		{"{{a}", "line 1, column 4: unexpected }; write }} for a literal brace"},
		{"{{{a}}", "line 1, column 6: unexpected }; write }} for a literal brace"},
		{"one\ntwo {", "line 2, column 5: this { is never closed; write {{ for a literal brace"},
		{"größe: 🌍 }", "line 1, column 10: unexpected }; write }} for a literal brace"},
		{"{a{b}}", "line 1, column 1: this { is never closed; write {{ for a literal brace"},
		{`{"a": {"b": 1}}`, "line 1, column 1: this { is never closed; write {{ for a literal brace"},
		{"{}", "line 1, column 1: {} has no name; name the variable, such as {country}, or write {{}} for the braces themselves"},
		{"{ }", "line 1, column 1: { } has no name; name the variable, such as {country}, or write {{}} for the braces themselves"},
		{"{ country }", "line 1, column 1: { country } has spaces around the name; write {country}"},
		{"{a.b}", "line 1, column 1: {a.b} reaches into a value, and variable names cannot contain attribute access (.) or indexing ([]); write {a}, or reach into it in a mustache template"},
		{"{a[0]}", "line 1, column 1: {a[0]} reaches into a value, and variable names cannot contain attribute access (.) or indexing ([]); write {a}, or reach into it in a mustache template"},
		{"é {a:qq}", "line 1, column 3: {a:qq} has an invalid format: invalid format specifier; write {a}, or a format such as {a:.2f} or {a:>8}"},
		{"{a:>1000000000}", "line 1, column 1: {a:>1000000000} has an invalid format: more than 10000 characters; write {a}, or a format such as {a:.2f} or {a:>8}"},
		{"{a:{b}}", "line 1, column 1: the format of {a} has a field in it, and nested replacement fields are not allowed; write {{ for a literal brace"},
		{"{a!z}", "line 1, column 1: {a!z} has an unknown conversion; the conversions are !r, !s and !a; write {a} or {a!r}"},
		{"{a!}", "line 1, column 1: {a!} has an unknown conversion; the conversions are !r, !s and !a; write {a} or {a!r}"},
		{"{a!r:.2f}", "line 1, column 1: {a!r:.2f} formats a number, but the conversion before it makes text; leave one of them out"},
		{"{:>8}", "line 1, column 1: {:>8} has no name; name the variable, such as {country:>8}"},
		{"{0}", "line 1, column 1: {0} is a number, not a variable's name; name the variable, such as {country}"},
		{"{first name}", "line 1, column 1: {first name} is not a variable's name; write {{ and }} for literal braces; a name has letters, digits and _"},
		{`{"a": 1}`, `line 1, column 1: {"a": 1} is not a variable's name; write {{ and }} for literal braces; a name has letters, digits and _`},
		{"{1a}", "line 1, column 1: {1a} is not a variable's name; write {{ and }} for literal braces; a name has letters, digits and _"},
		{"ok \xff", "line 1, column 4: the text is not valid UTF-8; save it as UTF-8"},
	} {
		_, err := Parse(FString, tt.text)
		if err == nil || err.Error() != tt.want {
			t.Errorf("Parse(FString, %q):\n got %v\nwant %s", tt.text, err, tt.want)
			continue
		}
		if te := new(Error); !errors.As(err, &te) || te.Line < 1 || te.Column < 1 {
			t.Errorf("Parse(FString, %q): %T has no place", tt.text, err)
		}
	}
}

func TestTemplateMistakeShowsABitOfALongField(t *testing.T) {
	_, err := Parse(FString, "{"+strings.Repeat("word ", 1000)+"\nend}")
	if err == nil || len(err.Error()) > 250 || strings.Contains(err.Error(), "\n") {
		t.Errorf("error is not one short line: %v", err)
	}
}

func TestTemplateVars(t *testing.T) {
	tmpl, err := Parse(FString, "{b} {a} {{c}} {b} {d}")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := tmpl.Vars(), []Var{{"b", 1, 1, Text}, {"a", 1, 5, Text}, {"d", 1, 19, Text}}; !slices.Equal(got, want) {
		t.Errorf("Vars() = %v, want %v", got, want)
	}
	tmpl.Vars()[0].Name = "changed"
	if tmpl.Vars()[0].Name != "b" {
		t.Error("a caller can change the template through Vars")
	}
}

func TestTemplateMissingValue(t *testing.T) {
	tmpl, err := Parse(FString, "Dear {name},\nthe weather in {city} of {name}")
	if err != nil {
		t.Fatal(err)
	}
	_, err = tmpl.Render(Map{"name": "Ada"})
	want := `line 2, column 16: missing variable "city"; set it, or, if {city} is literal text and not a variable, escape it with double curly braces: {{city}}`
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	var missing *MissingError
	if !errors.As(err, &missing) || *missing != (MissingError{Name: "city", Line: 2, Column: 16}) {
		t.Errorf("errors.As gave %+v", missing)
	}
	_, err = tmpl.Render(nil)
	if err == nil || !strings.Contains(err.Error(), `"name"`) || !strings.Contains(err.Error(), `"city"`) {
		t.Errorf("two values are missing, and the error says: %v", err)
	}
}

func TestTemplateOfManyVariables(t *testing.T) {
	var text, want strings.Builder
	vars := Map{}
	for i := range 100 {
		fmt.Fprintf(&text, "{v%d},", i)
		fmt.Fprintf(&want, "%d,", i)
		vars[fmt.Sprintf("v%d", i)] = fmt.Sprint(i)
	}
	tmpl, err := Parse(FString, text.String())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := tmpl.Render(vars); err != nil || got != want.String() {
		t.Errorf("got %q, %v", got, err)
	}
}

func BenchmarkTemplateRender(b *testing.B) {
	tmpl, err := Parse(FString, "Write a title for a play about {subject} set in {city}.")
	if err != nil {
		b.Fatal(err)
	}
	vars := Map{"subject": "apples", "city": "Rome"}
	b.Run("template", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := tmpl.Render(vars); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("floor-sprintf", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = fmt.Sprintf("Write a title for a play about %s set in %s.", vars["subject"], vars["city"])
		}
	})
}

// A text of some bytes, with a value of some bytes, is not gigabytes.
func TestFStringIsBounded(t *testing.T) {
	long := strings.Repeat("ü", 1<<20)
	for _, tt := range []struct {
		text  string
		value any
		fits  bool
	}{
		{strings.Repeat("{a}", 32), long, true},
		{strings.Repeat("{a}", 33), long, false},
		{strings.Repeat("{a}", 300_000), long, false},
		{strings.Repeat("{a}", 300_000), []any{long, long}, false},
		{strings.Repeat("{a!r}", 300_000), long, false},
		{strings.Repeat("{a:>10000}", 300_000), "x", false},
		{strings.Repeat("{a:>1000}", 1000), "x", true},
	} {
		tmpl, err := Parse(FString, tt.text)
		if err != nil {
			t.Fatal(err)
		}
		text, err := tmpl.Render(Map{"a": tt.value})
		if e := new(Error); tt.fits != (err == nil) || err != nil && (!errors.As(err, &e) || !strings.Contains(err.Error(), "exceeds 64 MiB")) {
			t.Errorf("%.20s…, %d fields: %d bytes, %v", tt.text, strings.Count(tt.text, "{"), len(text), err)
		}
	}
}
