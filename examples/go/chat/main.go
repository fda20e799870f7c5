// A conversation as a template: who says what before the model answers.
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
	capital, err := chain.New(chain.Step{
		Messages: []chain.Message{
			{Role: provider.RoleSystem, Text: "You are a geographer. You answer in one short sentence."},
			{Role: provider.RoleUser, Text: "What is the capital of France?"},
			{Role: provider.RoleAssistant, Text: "The capital of France is Paris."},
			{Role: provider.RoleUser, Text: "What is the capital of {country}?"},
		},
		Temperature: provider.Ptr(0.0),
	})
	if err != nil {
		log.Fatal(err)
	}
	result, err := capital.Output(context.Background(), local, map[string]any{"country": "Kenya"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Text)
}
