package template

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

var escaper = strings.NewReplacer("{", "{{", "}", "}}")

// fuzzValues have a value of each kind for whatever a text calls its variables.
func fuzzValues(vars []Var) Map {
	kinds := []any{"<a & b>", 3, -2.5, true, nil, []any{"x", 1, []any{}}, map[string]any{"name": "n", "items": []any{1}}, "", 0}
	values := Map{}
	for i, v := range vars {
		values[v.Name] = kinds[(i+len(v.Name))%len(kinds)]
	}
	return values
}

// checkError fails the test unless the error has a place and one line.
func checkError(t *testing.T, text string, err error) {
	t.Helper()
	var e *Error
	var missing *MissingError
	if !errors.As(err, &e) && !errors.As(err, &missing) || strings.Contains(err.Error(), "\n") {
		t.Fatalf("%q: the error has no place, or several lines: %q", text, err)
	}
	if e != nil && (e.Line < 1 || e.Column < 1 || e.Line > strings.Count(text, "\n")+1) {
		t.Fatalf("%q: an error outside of the text: %v", text, err)
	}
}

func FuzzTemplate(f *testing.F) {
	for _, s := range []string{
		"", "{a}", "{{a}}", "{{{a}}}", "{", "}", "{a", "a}", "{a.b}", "{a[0]}", "{a!r:>8}", "{a:*^+#020,.3f}", "{a:{b}}", "{ä}", "\xff{a}", "{a}\n{b}", `{"x": {"y": 1}}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if tmpl, err := Parse(FString, text); err != nil {
			checkError(t, text, err)
		} else if got, err := tmpl.Render(fuzzValues(tmpl.Vars())); err != nil {
			checkError(t, text, err)
		} else if want := strings.NewReplacer("{{", "{", "}}", "}").Replace(text); len(tmpl.Vars()) == 0 && got != want {
			t.Fatalf("%q renders to %q, want %q", text, got, want)
		}
		if !utf8.ValidString(text) {
			return
		}
		tmpl, err := Parse(FString, escaper.Replace(text))
		if err != nil {
			t.Fatalf("escaped %q: %v", text, err)
		}
		if got, err := tmpl.Render(nil); err != nil || got != text {
			t.Fatalf("escaped %q renders to %q, %v", text, got, err)
		}
	})
}

func FuzzMustache(f *testing.F) {
	for _, s := range []string{
		"", "{{a}}", "{{{a}}} {{&a}}", "{{#a}}{{.}}{{/a}}{{^a}}no{{/a}}", "  {{#a}}\r\n x\n  {{/a}}\n", "{{=<% %>=}}<%a%>", "{{! c }}", "{{>p}}", "  {{>p}}\n", "{{a.b.0}}", "{{#a}}{{^a}}{{/a}}{{/a}}", "{{", "{{}}", "{{#a}}",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 10_000 {
			return
		}
		partials := map[string]string{"p": text, "q": "{{#a}}\n  {{>p}}{{/a}}"}
		tmpl, err := ParseWith(Mustache, text, Options{Partials: partials})
		if err != nil {
			checkError(t, text, err)
			return
		}
		got, err := tmpl.Render(fuzzValues(tmpl.Vars()))
		if err != nil {
			checkError(t, text, err)
		} else if !strings.Contains(text, "{{") && got != text {
			t.Fatalf("%q renders to %q", text, got)
		}
		// A value's text comes out as it is.
		if tmpl, err = Parse(Mustache, "{{{text}}}"); err == nil {
			if got, err = tmpl.Render(Map{"text": text}); got != text || err != nil {
				t.Fatalf("the value %q renders to %q, %v", text, got, err)
			}
		}
	})
}

func FuzzJinja2(f *testing.F) {
	for _, g := range goldens(f) {
		if g.Format == Jinja2 && len(f.Name())+len(g.Text) < 100 {
			f.Add(g.Text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1000 {
			return
		}
		tmpl, err := ParseWith(Jinja2, text, Options{AllowJinja2: true})
		if err != nil {
			checkError(t, text, err)
			return
		}
		got, err := tmpl.Render(fuzzValues(tmpl.Vars()))
		if err != nil {
			checkError(t, text, err)
		}
		if len(got) > 64<<20 {
			t.Fatalf("%q renders to %d bytes", text, len(got))
		}
		// What raw has around it comes out as it is, but for line breaks.
		if !utf8.ValidString(text) || strings.ContainsAny(text, "\r") || strings.Contains(text, "endraw") {
			return
		}
		tmpl, err = ParseWith(Jinja2, "{% raw %}"+text+"{% endraw %}", Options{AllowJinja2: true})
		if err != nil {
			t.Fatalf("raw %q: %v", text, err)
		}
		if got, err := tmpl.Render(nil); err != nil || got != text {
			t.Fatalf("raw %q renders to %q, %v", text, got, err)
		}
	})
}
