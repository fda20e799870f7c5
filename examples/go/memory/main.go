// A conversation that remembers: its last turns are sent, and a summary of the
// others.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/tandem-llm/tandem/chain/memory"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
)

func main() {
	ctx := context.Background()
	local, err := ollama.New(ollama.Config{Host: os.Getenv("OLLAMA_HOST"), Model: "smollm2:135m"})
	if err != nil {
		log.Fatal(err)
	}
	said := []provider.Message{provider.System("Answer in one short sentence.")}
	policy := memory.Policy{Window: 2, Summary: true}
	for _, question := range []string{"Which river is holy in India?", "Where does it end?", "Which one should I ask about next?"} {
		said = append(said, provider.User(question))
		fitted, err := memory.Fit(ctx, local, said, policy)
		if err != nil {
			log.Fatal(err)
		}
		policy.Gist = fitted.Gist // so that only what is left out since is summarised
		answer, err := provider.Collect(local.Chat(ctx, provider.Request{
			Messages: fitted.Messages, Temperature: provider.Ptr(0.0), MaxTokens: provider.Ptr(60), Stop: []string{"\n", "."},
		}))
		if err != nil {
			log.Fatal(err)
		}
		said = append(said, provider.Assistant(answer.Text))
		fmt.Printf("> %s\n%s\n(%d of %d turns were sent)\n", question, answer.Text, fitted.Turns-fitted.LeftTurns, fitted.Turns)
	}
}
