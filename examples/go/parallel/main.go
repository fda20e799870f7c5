// Steps that run at the same time, and a step for each element of a list.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
)

func main() {
	local, err := ollama.New(ollama.Config{Host: os.Getenv("OLLAMA_HOST"), Model: "smollm2:135m"})
	if err != nil {
		log.Fatal(err)
	}
	debate, err := chain.New(
		chain.Step{Name: "sides", Parallel: []chain.Step{
			{Name: "pro", Prompt: "Give one reason to drink {topic}."},
			{Name: "con", Prompt: "Give one reason not to drink {topic}."},
		}},
		chain.Step{Name: "capitals", Each: "countries", As: "country", Concurrency: 2, Prompt: "What is the capital of {country}?"},
	)
	if err != nil {
		log.Fatal(err)
	}
	brief := chain.Defaults(provider.Request{Temperature: provider.Ptr(0.0), MaxTokens: provider.Ptr(60), Stop: []string{"\n", "."}})
	inputs := map[string]any{"topic": "tea", "countries": []string{"India", "Kenya"}}
	result, err := debate.Output(context.Background(), local, inputs, brief)
	if err != nil {
		log.Fatal(err)
	}
	for _, step := range result.Steps {
		fmt.Printf("▸ %s: %s\n", step.Name, step.Text)
	}
}
