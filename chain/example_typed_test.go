package chain_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/provider/providertest"
	"github.com/tandem-llm/tandem/provider/structured"
)

type city struct {
	Name   string   `json:"name"`
	People int      `json:"people" jsonschema:"how many live there"`
	Rivers []string `json:"rivers,omitempty"`
}

func ExampleAs() {
	p := scripted(`{"name": "Paris", "people": 2100000, "rivers": ["Seine"]}`)
	paris, err := chain.As[city](context.Background(), p, "Describe Paris.")
	fmt.Println(paris.Name, paris.People, paris.Rivers, err)
	// Output: Paris 2100000 [Seine] <nil>
}

// An answer that does not fit is asked for again, and never filled in.
func ExampleAs_mistake() {
	p := scripted(`{"name": "Paris", "people": "many"}`)
	_, err := chain.As[city](context.Background(), p, "Describe Paris.")
	var why *structured.Error
	if errors.As(err, &why) {
		fmt.Println(why.Attempts, "answers, the best with:", why.Problems)
	}
	// Output: 3 answers, the best with: [/people: expected integer, got string]
}

func ExampleSchemaOf() {
	s, err := chain.SchemaOf[city]()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(s.JSON))
	// Output: {"type":"object","properties":{"name":{"type":"string"},"people":{"type":"integer","description":"how many live there"},"rivers":{"type":["null","array"],"items":{"type":"string"}}},"required":["name","people"],"additionalProperties":false}
}

func ExampleDecode() {
	schema, err := chain.SchemaOf[city]()
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := chain.New(
		chain.Step{Name: "capital", Prompt: "What is the capital of {country}?"},
		chain.Step{Name: "facts", Prompt: "Describe {capital}.", Schema: schema},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	p := scripted("Paris", `{"name": "Paris", "people": 2100000}`)
	result, err := c.Output(context.Background(), p, map[string]any{"country": "France"})
	if err != nil {
		fmt.Println(err)
		return
	}
	paris, err := chain.Decode[city](result)
	fmt.Println(paris.Name, paris.People, err)
	// Output: Paris 2100000 <nil>
}

func ExampleChain_Stream() {
	c, err := chain.New(chain.Step{Prompt: "Tell me of {country}"})
	if err != nil {
		fmt.Println(err)
		return
	}
	p := &providertest.Fake{Answers: []providertest.Answer{providertest.Text("It is ", "large.")}}
	for text, err := range c.Stream(context.Background(), p, map[string]any{"country": "India"}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Print(text)
	}
	fmt.Println()
	// Output: It is large.
}

func ExampleDecodeStep() {
	type city struct {
		Name   string `json:"name"`
		People int    `json:"people"`
	}
	schema, err := chain.SchemaOf[city]()
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := chain.New(
		chain.Step{Name: "city", Prompt: "The capital of {country}?", Schema: schema},
		chain.Step{Name: "trip", Prompt: "Plan a day in {city}."},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	p := &providertest.Fake{Answers: []providertest.Answer{providertest.Text(`{"name": "Delhi", "people": 32000000}`), providertest.Text("Walk.")}}
	result, err := c.Output(context.Background(), p, map[string]any{"country": "India"})
	if err != nil {
		fmt.Println(err)
		return
	}
	capital, err := chain.DecodeStep[city](result, "city")
	trip, _ := result.Step("trip")
	fmt.Println(capital.Name, capital.People, trip.Text, err)
	// Output: Delhi 32000000 Walk. <nil>
}
