// The model on this machine answers, and a hosted one when it cannot: the route says who did, and why.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/provider/ollama"
	"github.com/tandem-llm/tandem/provider/openai"
	"github.com/tandem-llm/tandem/provider/router"
)

func main() {
	local, err := ollama.New(ollama.Config{Host: os.Getenv("OLLAMA_HOST"), Model: "smollm2:135m"})
	if err != nil {
		log.Fatal(err)
	}
	hosted, err := openai.New(openai.Config{BaseURL: os.Getenv("OPENAI_BASE_URL"), Key: os.Getenv("OPENAI_API_KEY"), Model: "gpt-6-luna"})
	if err != nil {
		log.Fatal(err)
	}
	p, err := router.New(router.Config{Targets: []router.Target{{Provider: local}, {Provider: hosted, Paid: true}}})
	if err != nil {
		log.Fatal(err)
	}
	president, err := chain.Load("examples/president.yaml")
	if err != nil {
		log.Fatal(err)
	}
	result, err := president.Output(context.Background(), p, map[string]any{"country": "United States of America"})
	if err != nil {
		log.Fatal(err)
	}
	for _, step := range result.Steps {
		fmt.Printf("▸ %s (%s: %s)\n%s\n\n", step.Name, step.Route.Provider, step.Route.Reason, step.Text)
	}
}
