package template_test

import (
	"fmt"

	"github.com/tandem-llm/tandem/chain/template"
)

func ExampleParseWith() {
	t, err := template.ParseWith(template.Mustache, "{{#people}}\n{{>line}}\n{{/people}}\nby {{author}}", template.Options{
		Partials: map[string]string{"line": "- {{name}}: {{age}}\n"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	t, err = t.Partial(map[string]any{"author": "Ada & Bo"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(t.Render(template.Map{"people": []any{map[string]any{"name": "Cy", "age": 31}, map[string]any{"name": "Di", "age": 4.5}}}))
	// Output:
	// - Cy: 31
	// - Di: 4.5
	// by Ada &amp; Bo <nil>
}

func ExampleParse() {
	t, err := template.Parse(template.FString, `Tell me the president of {country} as {{"name": …}}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(t.Vars()[0].Name)
	fmt.Println(t.Render(template.Map{"country": "India"}))
	_, err = t.Render(nil)
	fmt.Println(err)
	_, err = template.Parse(template.FString, "Tell me the president of {country")
	fmt.Println(err)
	// Output:
	// country
	// Tell me the president of India as {"name": …} <nil>
	// line 1, column 26: missing variable "country"; set it, or, if {country} is literal text and not a variable, escape it with double curly braces: {{country}}
	// line 1, column 26: this { is never closed; write {{ for a literal brace
}
