package chain_test

import (
	"context"
	"fmt"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/chain/output"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/providertest"
)

// run runs steps and prints the last one's value.
func run(p provider.Provider, vars map[string]any, steps ...chain.Step) {
	c, err := chain.New(steps...)
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := c.Output(context.Background(), p, vars)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Value)
}

// prompt | model | parser: what later steps have is the list.
func ExampleStep_parse() {
	run(scripted("1. Rice\n2. Tea", "Tea goes well with rice."), map[string]any{"country": "India"},
		chain.Step{Name: "crops", Prompt: "List the crops of {country}.", Parse: output.Numbered()},
		chain.Step{Name: "last", Transform: "crops[len(crops) - 1]"},
	)
	// Output: Tea
}

func ExampleStep_parallel() {
	run(&providertest.Fake{}, map[string]any{"topic": "tea"},
		chain.Step{Name: "sides", Parallel: []chain.Step{
			{Name: "pro", Prompt: "One reason for {topic}."},
			{Name: "con", Prompt: "One reason against {topic}."},
		}},
		chain.Step{Name: "both", Text: "For: {pro}. Against: {con}."},
	)
	// Output: For: ok. Against: ok.
}

func ExampleStep_each() {
	run(scripted("Paris"), map[string]any{"countries": []string{"France"}},
		chain.Step{Name: "capitals", Each: "countries", As: "country", Prompt: "The capital of {country}?"},
	)
	// Output: [Paris]
}

func ExampleStep_when() {
	short := "no need of one"
	run(scripted("never asked"), map[string]any{"text": "Short."},
		chain.Step{Name: "summary", When: "len(text) > 100", Prompt: "Summarise: {text}", Else: &short},
	)
	// Output: no need of one
}

func ExampleRoute() {
	run(scripted(`{"choice": "complaint"}`, "We are sorry."), map[string]any{"message": "My tea is cold."},
		chain.Step{Name: "reply", Route: &chain.Route{
			Question: "Is this a question or a complaint? {message}",
			Branches: []chain.Step{
				{Name: "question", Prompt: "Answer: {message}"},
				{Name: "complaint", Prompt: "Apologise for: {message}"},
			},
		}},
	)
	// Output: We are sorry.
}

func ExampleRepeat() {
	run(scripted("A fox.", "A red fox.", "A red fox sat."), map[string]any{"start": "Fox."},
		chain.Step{Name: "story", Prompt: "Make it longer: {story}", Repeat: &chain.Repeat{Start: "start", Until: "len(story) > 12", Max: 5}},
	)
	// Output: A red fox sat.
}

// The step that fails, and what runs in its place.
func ExampleStep_fallback() {
	p := &providertest.Fake{Answers: []providertest.Answer{providertest.Fails(provider.ModelNotFound), providertest.Text("From the small one.")}}
	run(p, map[string]any{"country": "India"},
		chain.Step{Name: "capital", Prompt: "The capital of {country}?", Model: "large", Fallback: &chain.Step{Prompt: "The capital of {country}?", Model: "small"}},
	)
	// Output: From the small one.
}

func ExampleStep_chain() {
	capital, err := chain.New(chain.Step{Prompt: "The capital of {country}?"})
	if err != nil {
		fmt.Println(err)
		return
	}
	run(scripted("Nairobi"), map[string]any{"land": "Kenya"},
		chain.Step{Name: "city", Chain: capital, With: map[string]string{"country": "land"}},
	)
	// Output: Nairobi
}
