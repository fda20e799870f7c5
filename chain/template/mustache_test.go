package template

import (
	"errors"
	"strings"
	"testing"
)

func TestMustacheRenders(t *testing.T) {
	values := Map{
		"name": "Ada & <b>", "items": []any{map[string]any{"n": 1, "tag": "x"}, map[string]any{"n": 2}}, "none": []string{}, "user": map[string]any{"city": "Rom"}, "yes": true,
	}
	for _, tt := range []struct{ text, want string }{
		{"{{name}} {{{name}}} {{&name}}", "Ada &amp; &lt;b&gt; Ada & <b> Ada & <b>"},
		{"{{#items}}{{n}}{{tag}}{{name}};{{/items}}{{^none}}nothing{{/none}}", "1xAda &amp; &lt;b&gt;;2Ada &amp; &lt;b&gt;;nothing"},
		{"{{user.city}} {{#user}}{{city}}{{/user}} {{items.1.n}}", "Rom Rom 2"},
		{"a\n  {{! alone }}\nb\n{{#yes}}\nc\n{{/yes}}\n", "a\nb\nc\n"},
		{"{{=<% %>=}}<% user.city %> {{name}}", "Rom {{name}}"},
		{"{{#items}}\n- {{>item}}\n{{/items}}\n  {{>list}}\n", "- [1]\n- [2]\n  * Rom\n  * end\n"},
	} {
		tmpl, err := ParseWith(Mustache, tt.text, Options{Partials: map[string]string{"item": "[{{n}}]", "list": "* {{user.city}}\n* end\n"}})
		if err != nil {
			t.Errorf("%q: %v", tt.text, err)
			continue
		}
		if got, err := tmpl.Render(values); err != nil || got != tt.want {
			t.Errorf("%q renders to %q, %v; want %q", tt.text, got, err, tt.want)
		}
	}
}

func TestMustacheMistakes(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"a\n{{b", "line 2, column 1: this {{ is never closed; write }} at its end; for braces in the text change the delimiters: {{=<% %>=}}"},
		{"ü {{#a}}x", `line 1, column 3: section "a" is never closed; write {{/a}} at its end`},
		{"{{/a}}", "line 1, column 1: {{/a}} closes no section; open it before: {{#a}}"},
		{"{{#a}}{{#b}}{{/a}}", `line 1, column 13: {{/a}} closes a section while "b" is open; write {{/b}} first`},
		{strings.Repeat("{{#a}}", 1e5), "line 1, column 601: sections are nested more than 100 deep here; close some of them"},
		{"{{ }}", "line 1, column 1: this tag is empty; name a variable, such as {{country}}"},
		{"{{{a}}", "line 1, column 1: this {{{ is closed by }} only; write }}} at its end"},
		{"{{.}}", "line 1, column 1: {{.}} is a list's item, but there is no list here; write it inside {{#items}} and {{/items}}"},
		{"x {{>foter}}", `line 1, column 3: unknown partial "foter"; did you mean "footer"?`},
		{"x {{>broken}}", `line 1, column 3: in partial "broken", line 2, column 1: section "a" is never closed; write {{/a}} at its end`},
	} {
		_, err := ParseWith(Mustache, tt.text, Options{Partials: map[string]string{"footer": "", "broken": "x\n{{#a}}"}})
		if err == nil || err.Error() != tt.want {
			t.Errorf("%q:\n got %v\nwant %s", tt.text, err, tt.want)
		}
	}
}

func TestMustacheIsBounded(t *testing.T) {
	many := make([]any, 100_000)
	for i := range many {
		many[i] = i + 1
	}
	for _, tt := range []struct{ text, want string }{
		{"{{>endless}}", "partials include each other endlessly"},
		{"{{#a}}{{#a}}{{/a}}{{/a}}", "exceeds the work or memory a template may use"},
		{"{{#a}}{{#a}}{{.}}{{/a}}{{/a}}", "exceeds the work or memory a template may use"},
		{"{{>double}}", "partials include each other endlessly"},
	} {
		tmpl, err := ParseWith(Mustache, tt.text, Options{Partials: map[string]string{"endless": "{{>endless}}", "double": "{{#a}}{{>double}}{{/a}}"}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = tmpl.Render(Map{"a": many})
		if e := new(Error); !errors.As(err, &e) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v", tt.text, err)
		}
	}
}

func TestKindsOfVariables(t *testing.T) {
	for _, tt := range []struct {
		format Format
		text   string
		want   []Var
	}{
		{FString, "{a:.2f} {b!r}", []Var{{"a", 1, 1, Text}, {"b", 1, 9, Text}}},
		{Mustache, "{{a}} {{b.c}} {{#d}}{{inner}}{{/d}} {{^e}}{{/e}} {{{a}}}", []Var{{"a", 1, 1, Text}, {"b", 1, 7, Any}, {"d", 1, 15, Any}, {"e", 1, 37, Any}}},
		{Mustache, "{{a}}\n{{#a}}{{/a}}", []Var{{"a", 1, 1, Any}}},
		{Mustache, "x {{>p}}", []Var{{"inner", 1, 3, Text}}},
		{Jinja2, "{{ a }} {{ b | upper }} {{ c.d }}\n{% for x in e %}{{ x }}{{ f }}{% endfor %}{% if g %}{% endif %}", []Var{
			{"a", 1, 4, Text}, {"b", 1, 12, Text}, {"c", 1, 28, Any}, {"e", 2, 13, Any}, {"f", 2, 27, Text}, {"g", 2, 49, Any},
		}},
		{Jinja2, "{% set a = b %}{{ a }}{{ range(2) }}", []Var{{"b", 1, 12, Any}}},
	} {
		tmpl, err := ParseWith(tt.format, tt.text, Options{AllowJinja2: true, Partials: map[string]string{"p": "{{inner}}"}})
		if err != nil {
			t.Errorf("%q: %v", tt.text, err)
			continue
		}
		got := tmpl.Vars()
		if len(got) != len(tt.want) {
			t.Errorf("%q has %v, want %v", tt.text, got, tt.want)
			continue
		}
		for i := range got {
			if got[i] != tt.want[i] {
				t.Errorf("%q has %+v, want %+v", tt.text, got[i], tt.want[i])
			}
		}
	}
}

func TestMustacheSectionsTakeValuesFromOutside(t *testing.T) {
	tmpl := must(t, Mustache, "{{#greet}}Hello {{name}}{{/greet}}{{#items}} {{n}}{{name}}{{/items}}")
	if got := tmpl.Optional(); len(got) != 2 || got[0] != (Var{"name", 1, 17, Text}) || got[1].Name != "n" || len(tmpl.Vars()) != 2 {
		t.Errorf("optional are %+v, needed %+v", got, tmpl.Vars())
	}
	values := Map{"greet": true, "items": []any{map[string]any{"n": 1}, map[string]any{"name": "B"}}}
	for name, want := range map[string]string{"": "Hello  1 B", "Ada": "Hello Ada 1Ada B"} {
		tmpl, given := tmpl, name != ""
		if given {
			var err error
			if tmpl, err = tmpl.Partial(map[string]any{"name": name}); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := tmpl.Render(values); err != nil || got != want {
			t.Errorf("%q gives %q, %v; want %q", name, got, err, want)
		}
	}
	if _, err := tmpl.Render(Map{"greet": true, "items": nil, "name": func() {}}); err == nil {
		t.Error("a value that cannot be shown was left out without a word")
	}
}

func TestMissingValuesInEachFormat(t *testing.T) {
	for format, text := range map[Format]string{FString: "\n{a} {b}", Mustache: "\n{{a}} {{#b}}{{/b}}", Jinja2: "\n{{ a }} {% if b %}{% endif %}"} {
		tmpl, err := ParseWith(format, text, Options{AllowJinja2: true})
		if err != nil {
			t.Fatal(err)
		}
		_, err = tmpl.Render(Map{"a": "x"})
		var missing *MissingError
		if !errors.As(err, &missing) || missing.Name != "b" || missing.Line != 2 {
			t.Errorf("%s: %v", format, err)
		}
		if strings.Contains(err.Error(), "curly") != (format == FString) {
			t.Errorf("%s: the hint about braces is for f-strings: %v", format, err)
		}
	}
}
