package template

import (
	"slices"
	"strings"
	"testing"
)

// Which variables a template needs, and which it may have. Both together are those
// that jinja2.meta.find_undeclared_variables of jinja2 3.1.6 finds.
func TestJinja2Variables(t *testing.T) {
	names := func(vars []Var) string {
		var out []string
		for _, v := range vars {
			out = append(out, v.Name)
		}
		slices.Sort(out)
		return strings.Join(out, " ")
	}
	for _, tt := range []struct{ text, needed, optional string }{
		{"{% if a %}{% set x = 1 %}{% else %}{% set x = 2 %}{% endif %}{{ x }}", "a", "x"},
		{"{% if a %}{% set x = 1 %}{% elif b %}{% set x = 2 %}{% else %}{% set x = 3 %}{% endif %}{{ x }}", "a b", "x"},
		{"{% if a %}{% set x = 1 %}{% elif b %}{% set x = 2 %}{% endif %}{{ x }}", "a b x", ""},
		{"{% if a %}{% set x = 1 %}{% else %}{% endif %}{{ x }}", "a x", ""},
		{"{% if a %}{% set x = 1 %}{% endif %}{{ x }}", "a x", ""},
		{"{% if a %}{% if b %}{% set x = 1 %}{% else %}{% set x = 2 %}{% endif %}{% else %}{% set x = 3 %}{% endif %}{{ x }}", "a b", "x"},
		{"{% if a %}{% if b %}{% set x = 1 %}{% endif %}{% else %}{% set x = 3 %}{% endif %}{{ x }}", "a b x", ""},
		{"{% if a %}{% set x, y = 1, 2 %}{% else %}{% set x = 3 %}{% endif %}{{ x }}{{ y }}", "a y", "x"},
		{"{% if a %}{% set x %}1{% endset %}{% else %}{% set x = 2 %}{% endif %}{{ x }}", "a", "x"},
		{"{% if a %}{% set x = 1 %}{{ x }}{% endif %}", "a", "x"},
		{"{% if a %}{{ x }}{% set x = 1 %}{% else %}{% set x = 2 %}{% endif %}{{ x }}", "a x", ""},
		{"{% if a %}{% set x = 1 %}{% endif %}{% set x = 2 %}{{ x }}", "a", "x"},
		{"{% if a %}{% set x = 1 %}{% else %}{{ x }}{% endif %}", "a x", ""},
		{"{% set x = 0 %}{% if a %}{% if b %}{% set x = 1 %}{% endif %}{% endif %}{{ x }}", "a b", ""},
		{"{% set x = 0 %}{% if a %}{% if b %}{% if c %}{% set x = 1 %}{% endif %}{% endif %}{{ x }}{% endif %}", "a b c", ""},
		{"{% for x in a %}{% if x %}{% set x = 1 %}{% endif %}{{ x }}{% endfor %}", "a", ""},
		{"{% for x in a %}{% if x %}{% if b %}{% set x = 1 %}{% endif %}{% endif %}{{ x }}{% endfor %}", "a b", ""},
		{"{% for k, x in a.items() %}{% if k %}{% set x = 1 %}{% endif %}{{ x }}{% endfor %}", "a", ""},
		{"{% for i in a %}{% if i %}{% set x = 1 %}{% endif %}{{ x }}{% endfor %}", "a x", ""},
		{"{% for i in a %}{% if i %}{% set x = 1 %}{% else %}{% set x = 2 %}{% endif %}{{ x }}{% endfor %}{{ x }}", "a x", ""},
		{"{% for i in a %}{% set x = i %}{% endfor %}{{ x }}", "a x", ""},
		{"{% for i in a %}{{ x }}{% else %}{% set x = 1 %}{{ x }}{% endfor %}", "a x", ""},
		{"{% for i in a if i != x %}{{ i }}{% endfor %}{{ i }}", "a i x", ""},
		{"{% for i in i %}{{ i }}{{ loop.index }}{% endfor %}", "i", ""},
		{"{% with x = a %}{% if x %}{% set x = 1 %}{% endif %}{{ x }}{% endwith %}{{ x }}", "a x", ""},
		{"{% with %}{% set x = 1 %}{{ x }}{% endwith %}{{ x }}", "x", ""},
		{"{% with x = a, y = x %}{{ y }}{% endwith %}", "a x", ""},
		{"{% macro m(p, q=2) %}{% if q == 2 %}{% set q = 3 %}{% endif %}{{ p }}{{ q }}{% endmacro %}{{ m(a) }}", "a", ""},
		{"{% macro m(p, q=a) %}{{ p }}{{ q }}{{ b }}{% endmacro %}{{ m(1) }}", "a b", ""},
		{"{% macro m() %}{{ x }}{% endmacro %}{% if a %}{% set x = 1 %}{% endif %}{{ m() }}", "a x", ""},
		{"{% macro m() %}{{ x }}{% endmacro %}{% if a %}{% set x = 1 %}{% else %}{% set x = 2 %}{% endif %}{{ m() }}", "a", "x"},
		{"{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}{{ a }}{% endcall %}", "a", ""},
		{"{% macro m() %}{{ caller(1) }}{% endmacro %}{% call(p) m() %}{% if p %}{% set p = 2 %}{% endif %}{{ p }}{% endcall %}", "", ""},
		{"{% if a %}{% macro m() %}1{% endmacro %}{% else %}{% macro m() %}2{% endmacro %}{% endif %}{{ m() }}", "a", "m"},
		{"{% set ns = namespace(x=0) %}{% for i in a %}{% if i %}{% set ns.x = 1 %}{% endif %}{% endfor %}{{ ns.x }}", "a", ""},
		{"{% filter upper %}{% if a %}{% set x = 1 %}{% else %}{% set x = 2 %}{% endif %}{{ x }}{% endfilter %}", "a", "x"},
		{"{{ x | default('d') }}", "", "x"},
		{"{{ x | d('d') | upper }}", "", "x"},
		{"{{ x | upper | default('d') }}", "x", ""},
		{"{{ x.y | default('d') }}", "x", ""},
		{"{{ x | default(y) }}", "y", "x"},
		{"{% if x is defined %}{{ x }}{% endif %}", "", "x"},
		{"{% if x is not defined %}-{% else %}{{ x }}{% endif %}", "", "x"},
		{"{% if x is undefined %}-{% elif a %}{{ x }}{% endif %}", "a", "x"},
		{"{% if x is defined and x %}{{ x }}{% endif %}", "", "x"},
		{"{% if x is defined or a %}{{ x }}{% endif %}", "a x", ""},
		{"{% if x is not defined or x == 1 %}-{% endif %}", "", "x"},
		{"{% if x is defined %}{% for i in a %}{{ x }}{% endfor %}{% endif %}", "a", "x"},
		{"{% if x is defined %}{{ x }}{% endif %}{{ x }}", "x", ""},
		{"{{ x if x is defined else 'd' }}", "", "x"},
		{"{{ 'd' if x is not defined else x }}", "", "x"},
		{"{% set x = x | default('d') %}{{ x }}", "", "x"},
		{"{% if x is not defined %}{% set x = 'd' %}{% endif %}{{ x }}", "", "x"},
		{"{% if not (x is defined and y is defined) %}-{% else %}{{ x }}{{ y }}{% endif %}", "", "x y"},
	} {
		tmpl := jinja2(t, tt.text)
		if got, may := names(tmpl.Vars()), names(tmpl.Optional()); got != tt.needed || may != tt.optional {
			t.Errorf("%s\nneeds %q and may have %q, want %q and %q", tt.text, got, may, tt.needed, tt.optional)
		}
	}
}

// The same text as jinja2's, with what a name stood for before an if kept where
// no branch sets it, and without values for what is optional.
func TestJinja2SetInBranches(t *testing.T) {
	for _, tt := range []struct{ text, a, want string }{
		{"{% set p = 'he' %}{% if a %}{% if 'a' in a %}{% set p = 'she' %}{% endif %}{% endif %}{{ p }}", "a c", "she"},
		{"{% set p = 'he' %}{% if a %}{% if 'z' in a %}{% set p = 'she' %}{% endif %}Will {{ p }} come?{% endif %}", "a c", "Will he come?"},
		{"{% for t in a.split() %}{% if t == 'a' %}{% set t = 'B' %}{% endif %}{{ t }}{% endfor %}", "a c", "Bc"},
		{"{% macro m(x, y=2) %}{% if y == 2 %}{% set y = 3 %}{% endif %}{{ x }}{{ y }}{% endmacro %}{{ m(1) }}{{ a }}", "a c", "13a c"},
		{"{% with t = a %}{% if t %}{% set t = 'Z' %}{% endif %}{{ t }}{% endwith %}", "a c", "Z"},
		{"{% if a == 'yes' %}{% set hello = 'Dear' %}{% else %}{% set hello = 'Hi' %}{% endif %}{{ hello }}", "yes", "Dear"},
		{"{% if a == 'yes' %}{% set hello = 'Dear' %}{% elif a %}{% set hello = 'Hi' %}{% else %}{% set hello = '' %}{% endif %}{{ hello }}", "no", "Hi"},
		{"{% if tone is not defined %}{% set tone = 'kind' %}{% endif %}{{ tone }} {{ a }}", "x", "kind x"},
		{"{% set tone = tone | default('kind') %}{{ tone }} {{ a }}", "x", "kind x"},
		{"{{ a }}{% if more is defined %} and {{ more }}{% endif %}", "x", "x"},
	} {
		if got, err := jinja2(t, tt.text).Render(Map{"a": tt.a}); err != nil || got != tt.want {
			t.Errorf("%s\ngives %q, %v; want %q", tt.text, got, err, tt.want)
		}
	}
}
