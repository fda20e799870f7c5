// The answer to one prompt, made a part of the next; both stream.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
)

func main() {
	local, err := ollama.New(ollama.Config{Host: os.Getenv("OLLAMA_HOST"), Model: "smollm2:135m"})
	if err != nil {
		log.Fatal(err)
	}
	president, err := chain.New(
		chain.Step{Name: "president", System: "Answer in one short sentence.", Prompt: "Tell me the president of {country}", Stop: []string{"\n"}},
		chain.Step{Name: "changes", System: "Answer with a numbered list of five short items.", Prompt: "Give me the list of changes made by the {president}", Stop: []string{"\n6."}},
	)
	if err != nil {
		log.Fatal(err)
	}
	steady := chain.Defaults(provider.Request{Temperature: provider.Ptr(0.0)})
	country := map[string]any{"country": "United States of America"}
	for event, err := range president.Run(context.Background(), local, country, steady) {
		if err != nil {
			log.Fatal(err)
		}
		switch event.Type {
		case chain.StepStart:
			fmt.Printf("▸ %s\n", event.Step)
		case chain.StepChunk:
			fmt.Print(event.Chunk.Text)
		case chain.StepEnd:
			fmt.Printf("\n(%s, %s)\n\n", event.Result.Route.Model, event.Result.Took.Round(time.Millisecond))
		}
	}
}
