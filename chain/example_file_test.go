package chain_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing/fstest"

	"github.com/tandem-llm/tandem/chain"
)

func ExampleParse() {
	c, err := chain.Parse("capital.yaml", []byte(`
name: capital
description: What to see in a country's capital.
inputs:
  country: {type: text}
  days: {type: number, default: 2}
steps:
  - name: capital
    prompt: What is the capital of {country}?
    use: local
  - name: trip
    prompt: Plan {days} days in {capital}.
    tools: [weather]
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	days, _ := c.Input("days")
	fmt.Println(c.Name()+":", c.Description())
	fmt.Println(c.Inputs(), c.Steps(), days.Type, days.Default)
	fmt.Println(c.Providers(), c.Tools(), c.Collections(), c.Files(), c.Warnings())

	_, err = chain.Parse("capital.yaml", []byte("steps:\n  - name: capital\n    prompt: What is the capital of {country}?\n    temprature: 0\n"))
	fmt.Println(err)
	// Output:
	// capital: What to see in a country's capital.
	// [country days] [capital trip] number 2
	// [local] [weather] [] [] []
	// capital.yaml:4:5: unknown key "temprature"; did you mean "temperature"?
}

func ExampleChain_Mermaid() {
	c, err := chain.New(
		chain.Step{Name: "president", Prompt: "Tell me the president of {country}"},
		chain.Step{Name: "changes", Prompt: "Give me the list of changes made by the {president}"},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Mermaid())
	// Output:
	// flowchart TD
	//   n1(["country"])
	//   n2["president · asks the model"]
	//   n3["changes · asks the model"]
	//   n4(["answer"])
	//   n1 --> n2
	//   n2 --> n3
	//   n3 ==> n4
}

// What would be asked, before anybody is.
func ExampleChain_Plan() {
	c, err := chain.New(
		chain.Step{Name: "president", Prompt: "Tell me the president of {country}"},
		chain.Step{Name: "changes", Prompt: "Give me the list of changes made by the {president}"},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	plan, err := c.Plan(context.Background(), map[string]any{"country": "India"})
	for _, asked := range plan {
		fmt.Println(asked.Step+":", asked.Request.Messages[0].Text)
	}
	fmt.Println(err)
	// Output:
	// president: Tell me the president of India
	// changes: Give me the list of changes made by the …
	// <nil>
}

func ExampleFileSchema() {
	var schema struct {
		ID    string `json:"$id"`
		Title string
	}
	err := json.Unmarshal([]byte(chain.FileSchema()), &schema)
	fmt.Println(schema.ID, schema.Title, err)
	// Output: urn:tandem:chain A chain of Tandem <nil>
}

func ExampleAllowJinja2() {
	text := []byte("prompt: \"Greet {% for n in names %}{{ n }} {% endfor %}\"\nformat: jinja2\n")
	_, err := chain.Parse("greet.yaml", text)
	fmt.Println(err)
	c, err := chain.Parse("greet.yaml", text, chain.AllowJinja2())
	fmt.Println(c.Inputs(), err)
	// Output:
	// greet.yaml:1:10: a jinja2 template is a program, and this one is not trusted; allow jinja2 if you know who wrote it, or write it as mustache or f-string
	// [names] <nil>
}

// What LangChain's own save wrote of an LLMChain.
const saved = `
_type: llm_chain
prompt:
  _type: prompt
  input_variables: [country]
  template: Tell me the president of {country}
llm:
  _type: openai
  model_name: gpt-3.5-turbo-instruct
  temperature: 0.5
output_key: president
`

// Files of LangChain's are read as well. Its model's settings are the steps' own;
// who answers is for the caller to say.
func ExampleChain_Notes() {
	c, err := chain.Parse("president.yaml", []byte(saved))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Inputs(), c.Steps())
	for _, note := range c.Notes() {
		fmt.Println(note)
	}
	// Output:
	// [country] [president]
	// president.yaml:8:3: ignored model settings: model_name; the configuration names the model, and a step can override it with `use` and `model`
}

func ExampleFromLangChain() {
	ours, notes, err := chain.FromLangChain("president.yaml", []byte(saved), "")
	fmt.Printf("%s%d note, %v\n", ours, len(notes), err)
	// Output:
	// name: president
	// prompt: Tell me the president of {country}
	// temperature: 0.5
	// 1 note, <nil>
}

func ExampleLoadFS() {
	fsys := fstest.MapFS{
		"trip.yaml":          {Data: []byte("steps:\n- {name: capital, chain: parts/capital.yaml}\n- {name: trip, prompt: 'Plan a day in {capital}.'}\n")},
		"parts/capital.yaml": {Data: []byte("prompt: What is the capital of {country}?\n")},
	} // or an embed.FS
	c, err := chain.LoadFS(fsys, "trip.yaml")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.FileType(), c.Inputs(), c.Files())
	// Output:
	// chain [country] [trip.yaml parts/capital.yaml]
}
