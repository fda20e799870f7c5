// A prompt file as LangChain saves it, asked as it is.
package main

import (
	"context"
	_ "embed"
	"fmt"
	"log"
	"os"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/chain/prompt"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
)

//go:embed president.json
var saved []byte

func main() {
	local, err := ollama.New(ollama.Config{Host: os.Getenv("OLLAMA_HOST"), Model: "smollm2:135m"})
	if err != nil {
		log.Fatal(err)
	}
	// prompt.Load reads a file, and chain.Load a chain of LangChain's.
	president, err := prompt.Parse("president.json", saved, prompt.Options{})
	if err != nil {
		log.Fatal(err)
	}
	c, err := chain.New(chain.Step{PromptFrom: president, Temperature: provider.Ptr(0.0), MaxTokens: provider.Ptr(40), Stop: []string{"\n", "."}})
	if err != nil {
		log.Fatal(err)
	}
	result, err := c.Output(context.Background(), local, map[string]any{"country": "Kenya"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Text)
}
