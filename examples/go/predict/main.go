// One prompt, asked as it is: the answer comes back whole.
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
	warm := chain.Defaults(provider.Request{Temperature: provider.Ptr(0.5)})
	answer, err := chain.Predict(context.Background(), local, "Who is the Prime Minister of India? Answer in one short sentence.", warm)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer)
}
