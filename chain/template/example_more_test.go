package template_test

import (
	"errors"
	"fmt"

	"github.com/tandem-llm/tandem/chain/template"
)

func ExampleFormats() {
	for _, format := range template.Formats() {
		_, err := template.Parse(format, "Hello")
		fmt.Println(format, err == nil)
	}
	// Output:
	// f-string true
	// mustache true
	// jinja2 false
}

func ExampleTemplate_Partial() {
	t, err := template.Parse(template.FString, "{greeting}, {name}!")
	if err != nil {
		fmt.Println(err)
		return
	}
	t, err = t.Partial(map[string]any{"greeting": func() string { return "Namaste" }})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(t.Vars()))
	fmt.Println(t.Render(template.Map{"name": "Ada"}))
	// Output:
	// 1
	// Namaste, Ada! <nil>
}

// Values look as they do in Python, and are never taken for templates.
func ExampleTemplate_Render() {
	t, err := template.Parse(template.FString, "{names} {ok} {text}")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(t.Render(template.Map{"names": []string{"Ada", "Bo"}, "ok": true, "text": "{names}"}))
	_, err = t.Render(template.Map{"names": "Ada", "ok": false})
	var missing *template.MissingError
	if errors.As(err, &missing) {
		fmt.Println(missing.Name, "has no value:", missing.Remedy())
	}
	// Output:
	// ['Ada', 'Bo'] True {names} <nil>
	// text has no value: set it, or, if {text} is literal text and not a variable, escape it with double curly braces: {{text}}
}

func ExampleTemplate_Optional() {
	t, err := template.Parse(template.Mustache, "{{#greet}}Hello {{name}}{{/greet}}")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(t.Vars()[0].Name, t.Optional()[0].Name)
	fmt.Println(t.Render(template.Map{"greet": true, "name": "Ada"}))
	// Output:
	// greet name
	// Hello Ada <nil>
}

// A jinja2 template is a program: it is taken only where that is said.
func ExampleOptions() {
	const text = "{% for n in names %}{{ loop.index }}. {{ n | upper }} {% endfor %}"
	_, err := template.Parse(template.Jinja2, text)
	fmt.Println(err != nil)
	t, err := template.ParseWith(template.Jinja2, text, template.Options{AllowJinja2: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(t.Render(template.Map{"names": []string{"Ada", "Bo"}}))
	// Output:
	// true
	// 1. ADA 2. BO  <nil>
}
