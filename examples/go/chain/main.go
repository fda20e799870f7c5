// A prompt and how it is to be answered, as one step: LangChain's LLMChain.
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
	president, err := chain.New(chain.Step{
		System:      "Answer in one short sentence.",
		Prompt:      "Tell me the president of {country}",
		Temperature: provider.Ptr(0.0),
		MaxTokens:   provider.Ptr(200),
		Stop:        []string{"\n"},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, country := range []string{"India", "United States of America"} {
		result, err := president.Output(context.Background(), local, map[string]any{"country": country})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %s\n", country, result.Text)
	}
}
