package main

import (
	"testing"

	"github.com/cbroglie/mustache"
	"github.com/nikolalohinski/gonja/v2"
	"github.com/nikolalohinski/gonja/v2/exec"
)

// The templates and values of chain/template's benchmarks, with the libraries
// that are there: cbroglie/mustache and gonja. Run both on one machine.
const (
	benchMustache = "Dear {{user.name}},\n{{#items}}\n- {{title}}: {{price}}{{#sale}} (sale!){{/sale}}\n{{/items}}\n{{^items}}\nNothing.\n{{/items}}\nBye {{{sign}}}\n"
	benchJinja2   = "Dear {{ user.name }},\n{% for item in items %}- {{ item.title | upper }}: {{ item.price }}{% if item.sale %} (sale!){% endif %}\n{% else %}Nothing.\n{% endfor %}Bye {{ sign }}\n"
)

func benchValues() map[string]any {
	items := make([]any, 10)
	for i := range items {
		items[i] = map[string]any{"title": "thing", "price": 12, "sale": i%2 == 0}
	}
	return map[string]any{"user": map[string]any{"name": "Ada"}, "items": items, "sign": "B & C"}
}

func BenchmarkMustacheRender(b *testing.B) {
	tmpl, err := mustache.ParseString(benchMustache)
	if err != nil {
		b.Fatal(err)
	}
	values := benchValues()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tmpl.Render(values); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkJinja2Render(b *testing.B) {
	tmpl, err := gonja.FromString(benchJinja2)
	if err != nil {
		b.Fatal(err)
	}
	values := benchValues()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tmpl.ExecuteToString(exec.NewContext(values)); err != nil {
			b.Fatal(err)
		}
	}
}
