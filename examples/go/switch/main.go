// The same chain on this machine or on an OpenAI-compatible API: USE=openai switches.
package main

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"os"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
	"github.com/tandem-llm/tandem/provider/openai"
)

func model() (provider.Provider, error) {
	if os.Getenv("USE") == "openai" {
		return openai.New(openai.Config{
			BaseURL: os.Getenv("OPENAI_BASE_URL"), // empty: OpenAI itself
			Key:     os.Getenv("OPENAI_API_KEY"),
			Model:   cmp.Or(os.Getenv("OPENAI_MODEL"), "gpt-6-luna"),
		})
	}
	return ollama.New(ollama.Config{Host: os.Getenv("OLLAMA_HOST"), Model: "smollm2:135m"})
}

func main() {
	president, err := chain.Load("examples/president.yaml")
	if err != nil {
		log.Fatal(err)
	}
	p, err := model()
	if err != nil {
		log.Fatal(err)
	}
	result, err := president.Output(context.Background(), p, map[string]any{"country": "United States of America"})
	if err != nil {
		log.Fatal(err)
	}
	for _, step := range result.Steps {
		fmt.Printf("▸ %s (%s %s)\n%s\n\n", step.Name, step.Route.Provider, step.Route.Model, step.Text)
	}
}
