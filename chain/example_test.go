package chain_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/providertest"
)

// The model of these examples answers from a script. A real one comes from
// package provider/ollama or provider/openai.
func scripted(answers ...string) provider.Provider {
	f := &providertest.Fake{}
	for _, a := range answers {
		f.Answers = append(f.Answers, providertest.Text(a))
	}
	return f
}

func ExamplePredict() {
	p := scripted("Narendra Modi.")
	warm := chain.Defaults(provider.Request{Temperature: provider.Ptr(0.5)})
	answer, err := chain.Predict(context.Background(), p, "Who is the Prime Minister of India?", warm)
	fmt.Println(answer, err)
	// Output: Narendra Modi. <nil>
}

func ExampleNew() {
	c, err := chain.New(
		chain.Step{Name: "president", Prompt: "Tell me the president of {country}", Temperature: provider.Ptr(0.0)},
		chain.Step{Name: "changes", Prompt: "Give me the list of changes made by the {president}"},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Inputs(), c.Steps())
	p := scripted("Emmanuel Macron", "1. Pensions")
	result, err := c.Output(context.Background(), p, map[string]any{"country": "France"})
	fmt.Println(result.Text, err)
	// Output:
	// [country] [president changes]
	// 1. Pensions <nil>
}

func ExampleNew_mistake() {
	_, err := chain.New(chain.Step{Name: "president", Prompt: "Tell me more about {president}"})
	fmt.Println(err)
	// Output: step "president", prompt, line 1, column 20: {president} is this step's own answer; use an earlier step's name, or rename this step
}

func ExamplePipe() {
	c, err := chain.Pipe(
		chain.Step{Prompt: "Tell me the president of {country}"},
		chain.Step{Prompt: "Give me the list of changes made by the {president}"},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := c.Output(context.Background(), scripted("Emmanuel Macron", "1. Pensions"), map[string]any{"country": "France"})
	fmt.Println(result.Text, err)
	// Output: 1. Pensions <nil>
}

func ExampleLoad() {
	c, err := chain.Load(filepath.Join("..", "examples", "president.yaml"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Name(), c.Inputs())

	dir, _ := os.MkdirTemp("", "chain")
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "mistaken.yaml")
	_ = os.WriteFile(path, []byte("promt: Tell me the president of {country}\n"), 0o600)
	_, err = chain.Load(path)
	fmt.Println(err.Error()[len(dir)+1:])
	// Output:
	// president [country]
	// mistaken.yaml:1:1: unknown key "promt"; did you mean "prompt"?
}

func ExampleChain_Run() {
	c, err := chain.New(
		chain.Step{Name: "president", Prompt: "Tell me the president of {country}"},
		chain.Step{Name: "changes", Prompt: "Give me the list of changes made by the {president}"},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	p := scripted("Emmanuel Macron", "1. Pensions")
	for event, err := range c.Run(context.Background(), p, map[string]any{"country": "France"}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		switch event.Type {
		case chain.StepStart:
			fmt.Println("asked:", event.Messages[0].Text)
		case chain.StepChunk:
			fmt.Print(event.Chunk.Text)
		case chain.StepEnd:
			fmt.Printf("\n%s answered %s\n", event.Result.Route.Provider, event.Step)
		}
	}
	// Output:
	// asked: Tell me the president of France
	// Emmanuel Macron
	// fake answered president
	// asked: Give me the list of changes made by the Emmanuel Macron
	// 1. Pensions
	// fake answered changes
}
