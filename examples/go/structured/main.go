// The answer as a Go value: the engine is held to the type's JSON Schema, and
// the answer is checked.
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

type country struct {
	Capital string `json:"capital" jsonschema:"the city's name"`
	Coast   bool   `json:"coast" jsonschema:"whether it lies at a sea"`
}

func main() {
	local, err := ollama.New(ollama.Config{Host: os.Getenv("OLLAMA_HOST"), Model: "smollm2:135m"})
	if err != nil {
		log.Fatal(err)
	}
	steady := chain.Defaults(provider.Request{Temperature: provider.Ptr(0.0), MaxTokens: provider.Ptr(120)})
	india, err := chain.As[country](context.Background(), local, "Describe India: its capital, and whether it lies at a sea.", steady)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("capital: %s, at a sea: %t\n", india.Capital, india.Coast)
}
