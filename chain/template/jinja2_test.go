package template

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

func jinja2(t *testing.T, text string) *Template {
	t.Helper()
	tmpl, err := ParseWith(Jinja2, text, Options{AllowJinja2: true})
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return tmpl
}

func TestJinja2IsRefusedUnlessAllowed(t *testing.T) {
	_, err := Parse(Jinja2, "{{ a }}")
	want := "line 1, column 1: a jinja2 template is a program, and this one is not trusted; allow jinja2 if you know who wrote it, or write it as mustache or f-string"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

// What a template must not do ends with an error, and soon: these would need
// gigabytes, or years.
func TestJinja2IsBounded(t *testing.T) {
	for _, text := range []string{
		"{{ 'a' * 10**9 }}", "{{ [1] * 10**9 }}", "{{ (1, 2) * 10**12 }}", "{{ 10 ** (10 ** 9) }}", "{{ 2 ** 99999 }}", "{{ '' * 10**30 }}{{ 'x' * 10**30 }}",
		"{% for i in range(10**9) %}{% endfor %}",
		"{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
		"{% for i in range(99999) %}{% for j in range(99999) %}x{% endfor %}{% endfor %}",
		"{% set a = 'xxxxxxxxxx' %}" + strings.Repeat("{% set a = a ~ a %}", 60) + "{{ a }}",
		"{% set a = [1] %}" + strings.Repeat("{% set a = a + a %}", 60),
		"{% set a = 'x' %}" + strings.Repeat("{% set a %}{{ a }}{{ a }}{% endset %}", 60),
		"{% set a = [1] %}" + strings.Repeat("{% set a = [a, a] %}", 60) + "{{ a }}",
		"{% set a = [1] %}" + strings.Repeat("{% set a = [a, a] %}", 60) + "{{ a | tojson }}",
		"{% set a = [1] %}{% set b = [1] %}" + strings.Repeat("{% set a = [a, a] %}{% set b = [b, b] %}", 60) + "{{ a == b }}{{ a < b }}",
		"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
		"{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(90) }}",
		"{{ 'a' | center(10**9) }}", "{{ 'a'.ljust(10**9) }}", "{{ '1'.zfill(10**9) }}", "{{ 'a' | indent(10**9, true) }}", "{{ '%1000000000d' | format(1) }}", "{{ '%.1000000000f' | format(1) }}",
		"{{ ('a' * 100000) | replace('a', 'b' * 100000) }}", "{{ [1] | batch(10**9, 'x') | list }}", "{{ [1] | slice(10**9) | list }}", "{{ range(99999) | map('center', 99999) | list }}",
		"{% set ns = namespace(a='x') %}{% for i in range(100) %}{% set ns.a = ns.a ~ ns.a %}{% endfor %}",
		"{{ ('x' * 100000).join(range(99999) | map('string')) }}", "{{ 7 ** 1000 * 7 ** 1000 * 7 ** 1000 * 7 ** 1000 }}",
	} {
		shown := text[:min(len(text), 90)]
		done := make(chan error, 1)
		go func() {
			tmpl, err := ParseWith(Jinja2, text, Options{AllowJinja2: true})
			if err == nil {
				_, err = tmpl.Render(nil)
			}
			done <- err
		}()
		select {
		case err := <-done:
			if e := new(Error); !errors.As(err, &e) {
				t.Errorf("%s: %v", shown, err)
			}
		case <-time.After(time.Minute):
			t.Fatalf("%s: still running", shown)
		}
	}
}

func TestJinja2DeepTextsAreMistakes(t *testing.T) {
	for _, text := range []string{
		"{{ " + strings.Repeat("(", 1e5) + " }}", "{{ " + strings.Repeat("not ", 1e5) + "a }}", "{{ " + strings.Repeat("-", 1e5) + "1 }}", "{{ a" + strings.Repeat(".b", 1e5) + " }}",
		"{{ " + strings.Repeat("[", 1e5) + " }}", strings.Repeat("{% if a %}", 1e5), "{{ a" + strings.Repeat("|upper", 1e5) + " }}", "{{ " + strings.Repeat("a if b else ", 1e5) + "c }}",
		"{{ a" + strings.Repeat(" + a", 1e6) + " }}", "{{ a" + strings.Repeat(" or a", 1e6) + " }}", "{{ a" + strings.Repeat(" if a", 1e6) + " }}", "{{ a" + strings.Repeat(" is none", 1e6) + " }}",
	} {
		if _, err := ParseWith(Jinja2, text, Options{AllowJinja2: true}); err == nil {
			t.Errorf("%.30s… is no mistake", text)
		}
	}
}

func TestJinja2Mistakes(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"a\nb {{ x", "line 2, column 3: this {{ is never closed; write }} at its end"},
		{"{% for x in y %}\n", "line 1, column 4: this block is never closed; write {% endfor %} at its end"},
		{"ü {% endif %}", "line 1, column 6: {% endif %} closes nothing; open its block first, or remove it"},
		{"{% if a %}{% endfor %}", "line 1, column 14: {% endfor %} is inside another block; close that first: {% endif %}"},
		{"{{ a | uper }}", "line 1, column 8: unknown filter uper; did you mean upper?"},
		{"{{ a is strin }}", "line 1, column 9: unknown test strin; did you mean string?"},
		{"{% inlude 'x' %}", "line 1, column 4: unknown tag {% inlude %}; known: call, filter, for, if, macro, raw, set, with"},
		{"{% include '/etc/passwd' %}", "line 1, column 4: {% include %} is not allowed: a template cannot load another; write its content here instead"},
		{"{{ ''.__class__ }}", "line 1, column 7: access to __class__ is not allowed; remove it: only a value's fields can be read"},
		{"a\r\nb\r\n{{ 1 2 }}", `line 3, column 6: expected }}, found "2"; write }}`},
		{"{{ }}", "line 1, column 4: expected an expression, found }}; name a variable, or write a value"},
	} {
		_, err := ParseWith(Jinja2, tt.text, Options{AllowJinja2: true})
		if err == nil || err.Error() != tt.want {
			t.Errorf("%q:\n got %v\nwant %s", tt.text, err, tt.want)
		}
	}
}

func TestJinja2CallErrors(t *testing.T) {
	values := Map{"a": 1, "d": map[string]any{"x": "y"}, "s": "text"}
	for _, tt := range []struct{ text, want string }{
		{"x\n{{ d.nope.deeper }}", "line 2, column 10: there is no deeper in it: a value of type dict has no nope; change the template or the values"},
		{"{{ a + s }}", "line 1, column 6: + cannot be between values of type int and str; change the template or the values"},
		{"{{ a / 0 }}", "line 1, column 6: division by zero; change the template or the values"},
		{"{{ s['__class__'] | upper }}{{ s() }}", "line 1, column 33: a value of type str cannot be called; change the template or the values"},
	} {
		_, err := jinja2(t, tt.text).Render(values)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%q:\n got %v\nwant %s", tt.text, err, tt.want)
		}
	}
}

type secret struct{ Key string }

func (s secret) Leak() string { return s.Key }

func TestValuesHaveNoGoInside(t *testing.T) {
	for _, v := range []any{secret{"k"}, &secret{"k"}, func() {}, make(chan int), map[int]string{1: "a"}} {
		for _, tmpl := range []*Template{jinja2(t, "{{ a.Key }}{{ a.Leak() }}"), must(t, Mustache, "{{a.Key}}"), must(t, FString, "{a}")} {
			got, err := tmpl.Render(Map{"a": v})
			if e := new(Error); !errors.As(err, &e) || strings.Contains(got, "k") {
				t.Errorf("%T renders to %q, %v", v, got, err)
			}
		}
	}
	cycle := map[string]any{}
	cycle["a"] = cycle
	if _, err := must(t, FString, "{a}").Render(Map{"a": cycle}); err == nil {
		t.Error("a value that contains itself was rendered")
	}
}

func must(t *testing.T, f Format, text string) *Template {
	t.Helper()
	tmpl, err := Parse(f, text)
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

// The page lists what there is; it must not say more or less.
func TestDocsListFiltersAndTests(t *testing.T) {
	b, err := os.ReadFile("../../docs/langchain.md")
	if err != nil {
		t.Fatal(err)
	}
	for what, known := range map[string]func(string) error{
		"- filters: ": func(name string) error { return parses("{{ a | " + name + " }}") },
		"- tests: ":   func(name string) error { return parses("{{ a is " + name + " }}") },
	} {
		_, list, ok := strings.Cut(string(b), what)
		if !ok {
			t.Fatalf("the page has no list %q", what)
		}
		list, _, _ = strings.Cut(list, "\n\n")
		list, _, _ = strings.Cut(list, "\n- ")
		names := strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' })
		if len(names) < 20 {
			t.Errorf("%s has only %v", what, names)
		}
		for _, name := range names {
			if err := known(name); err != nil {
				t.Errorf("%s%s: %v", what, name, err)
			}
		}
	}
}

func parses(text string) error {
	_, err := ParseWith(Jinja2, text, Options{AllowJinja2: true})
	return err
}
