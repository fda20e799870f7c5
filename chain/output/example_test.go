package output_test

import (
	"errors"
	"fmt"

	"github.com/tandem-llm/tandem/chain/output"
)

// parse prints what a parser makes of an answer.
func parse(p output.Parser, err error, answer string) {
	if err != nil {
		fmt.Println(err)
		return
	}
	value, err := p.Parse(answer)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%v (%s)\n", value, p.Type())
}

func ExampleNew() {
	p, err := output.New("enum", output.Options{Values: []string{"red", "green"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Name()+":", p.Instructions())
	fmt.Println("gives a", p.Type())
	parse(p, err, " green\n")
	parse(p, err, "blue")
	// Output:
	// enum: Select one of the following options: red, green
	// gives a text
	// green (text)
	// expected one of red, green, found "blue"; tell the model in the prompt how to answer, or use another parser
}

func ExampleNames() {
	fmt.Println(output.Names())
	// Output: [bool datetime enum json list markdown numbered regex schema text xml]
}

func ExampleText() {
	parse(output.Text(), nil, "<think>An easy one.</think>Paris.")
	// Output: Paris. (text)
}

func ExampleList() {
	parse(output.List(), nil, `rice, tea, "salt, coarse"`)
	// Output: [rice tea salt, coarse] (list)
}

func ExampleNumbered() {
	parse(output.Numbered(), nil, "Here they are:\n1. Rice\n2. Tea")
	parse(output.Numbered(), nil, "Rice and tea")
	// Output:
	// [Rice Tea] (list)
	// expected a numbered list, such as `1. foo`, found "Rice and tea"; tell the model in the prompt how to answer, or use another parser
}

func ExampleMarkdown() {
	parse(output.Markdown(), nil, "- Rice\n- Tea")
	// Output: [Rice Tea] (list)
}

func ExampleJSON() {
	parse(output.JSON(), nil, "Sure:\n```json\n{\"city\": \"Paris\", \"people\": 2100000}\n```")
	parse(output.JSON(), nil, `{"city": "Par`)
	// Output:
	// map[city:Paris people:2100000] (any)
	// expected JSON, found "{\"city\": \"Par": the JSON is cut off; tell the model in the prompt how to answer, or use another parser
}

func ExampleEnum() {
	colour, err := output.Enum("red", "green")
	parse(colour, err, "red")
	// Output: red (text)
}

func ExampleBool() {
	yes, err := output.Bool("", "")
	parse(yes, err, "Yes, it is.")
	parse(yes, err, "Yes and no.")
	// Output:
	// true (bool)
	// expected either YES or NO, found "Yes and no."; tell the model in the prompt how to answer, or use another parser
}

func ExampleTime() {
	day, err := output.Time("%d.%m.%Y")
	parse(day, err, "15.08.1947")
	// Output: 1947-08-15 00:00:00 +0000 UTC (time)
}

func ExampleRegex() {
	score, err := output.Regex(`Score: (?P<score>\d+)`, nil, "")
	parse(score, err, "Not bad.\nScore: 7")
	// Output: map[score:7] (map)
}

func ExampleXML() {
	parse(output.XML("films", "film"), nil, "<films><film>Pather Panchali</film><film>Aparajito</film></films>")
	// Output: map[films:[map[film:Pather Panchali] map[film:Aparajito]]] (map)
}

func ExampleSchema() {
	p, err := output.Schema([]byte(`{"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}`))
	parse(p, err, `{"age": 36}`)
	parse(p, err, `{"age": "old"}`)
	// Output:
	// map[age:36] (any)
	// expected JSON that matches the schema, found "{\"age\": \"old\"}": /age: expected integer, got string; tell the model in the prompt how to answer, or use another parser
}

type poet struct {
	Name string `json:"name" jsonschema:"in full"`
	Born int    `json:"born,omitempty"`
}

func ExampleSchemaOf() {
	s, err := output.SchemaOf[poet]()
	fmt.Println(string(s.JSON), err)
	// Output: {"type":"object","properties":{"name":{"type":"string","description":"in full"},"born":{"type":"integer"}},"required":["name"],"additionalProperties":false} <nil>
}

func ExampleDecode() {
	p, err := output.Decode[poet](`{"name": "Rabindranath Tagore", "born": 1861}`)
	fmt.Println(p.Name, p.Born, err)
	_, err = output.Decode[poet](`{"name": "Rabindranath Tagore", "born": "1861"}`)
	var wrong *output.Error
	fmt.Println(errors.As(err, &wrong), err)
	// Output:
	// Rabindranath Tagore 1861 <nil>
	// true expected JSON of a output_test.poet, found "{\"name\": \"Rabindranath Tagore\", \"born\": \"1861\"}": /born: expected integer, got string; tell the model in the prompt how to answer, or use another parser
}

func ExampleParser_Notes() {
	p, err := output.New("schema", output.Options{Schema: []byte(`{"type": "string", "pattern": "(?P<year>[0-9]+)"}`)})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(p.Notes()), "pattern is not checked")
	// Output: 1 pattern is not checked
}
