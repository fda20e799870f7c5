// Each answer is the next prompt's one variable: LangChain's SimpleSequentialChain.
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
	president, err := chain.Pipe(
		chain.Step{System: "Answer in one short sentence.", Prompt: "Tell me the president of {country}", Stop: []string{"\n"}},
		chain.Step{System: "Answer with a numbered list of five short items.", Prompt: "Give me the list of changes made by the {president}", Stop: []string{"\n6."}},
	)
	if err != nil {
		log.Fatal(err)
	}
	steady := chain.Defaults(provider.Request{Temperature: provider.Ptr(0.0)})
	result, err := president.Output(context.Background(), local, map[string]any{"country": "United States of America"}, steady)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Text)
}
