// prompt | model | parser: what comes out is a list, and no text.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/chain/output"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
)

func main() {
	local, err := ollama.New(ollama.Config{Host: os.Getenv("OLLAMA_HOST"), Model: "smollm2:135m"})
	if err != nil {
		log.Fatal(err)
	}
	crops, err := chain.New(chain.Step{
		System:      "Answer with a numbered list of three short items.",
		Prompt:      "Name three crops of {country}.",
		Parse:       output.Numbered(),
		Temperature: provider.Ptr(0.0),
		MaxTokens:   provider.Ptr(80),
		Stop:        []string{"\n4."},
		Retries:     2, // of an answer that is not a list
	})
	if err != nil {
		log.Fatal(err)
	}
	result, err := crops.Output(context.Background(), local, map[string]any{"country": "India"})
	if err != nil {
		log.Fatal(err)
	}
	for _, crop := range result.Value.([]string) {
		fmt.Println(crop)
	}
}
