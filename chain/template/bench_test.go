package template

import "testing"

// The templates and values that internal/bench/peers gives other libraries, too.
const (
	benchMustache = "Dear {{user.name}},\n{{#items}}\n- {{title}}: {{price}}{{#sale}} (sale!){{/sale}}\n{{/items}}\n{{^items}}\nNothing.\n{{/items}}\nBye {{{sign}}}\n"
	benchJinja2   = "Dear {{ user.name }},\n{% for item in items %}- {{ item.title | upper }}: {{ item.price }}{% if item.sale %} (sale!){% endif %}\n{% else %}Nothing.\n{% endfor %}Bye {{ sign }}\n"
)

func benchValues() Map {
	items := make([]any, 10)
	for i := range items {
		items[i] = map[string]any{"title": "thing", "price": 12, "sale": i%2 == 0}
	}
	return Map{"user": map[string]any{"name": "Ada"}, "items": items, "sign": "B & C"}
}

func benchmark(b *testing.B, f Format, text string) {
	tmpl, err := ParseWith(f, text, Options{AllowJinja2: true})
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

func BenchmarkMustacheRender(b *testing.B) { benchmark(b, Mustache, benchMustache) }

func BenchmarkJinja2Render(b *testing.B) { benchmark(b, Jinja2, benchJinja2) }

func BenchmarkParse(b *testing.B) {
	for f, text := range map[Format]string{FString: "Tell {name} about {place:>10}.", Mustache: benchMustache, Jinja2: benchJinja2} {
		b.Run(string(f), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParseWith(f, text, Options{AllowJinja2: true}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
