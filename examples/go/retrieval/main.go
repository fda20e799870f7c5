// An answer from a text of your own, with the passages that it rests on.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/chain/retrieve"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
)

const farm = "The harvest begins in September.\n\nThe market is on Tuesdays, from six to ten.\n\nThe river floods in July."

func main() {
	ctx := context.Background()
	local, err := ollama.New(ollama.Config{Host: os.Getenv("OLLAMA_HOST"), Model: "smollm2:135m"})
	if err != nil {
		log.Fatal(err)
	}
	passages, err := retrieve.Splitter{Size: 60}.Split("farm.md", farm)
	if err != nil {
		log.Fatal(err)
	}
	index := retrieve.NewIndex(local, retrieve.Options{Model: "all-minilm"})
	if err := index.Add(ctx, passages...); err != nil {
		log.Fatal(err)
	}
	c, err := chain.New(
		chain.Step{Name: "found", Retrieve: &chain.Retrieve{Collection: "farm", Query: "{question}", K: 1}},
		chain.Step{Name: "answer", Prompt: "{found}\n\nAnswer from this alone: {question}", Temperature: provider.Ptr(0.0), MaxTokens: provider.Ptr(60), Stop: []string{"\n"}},
	)
	if err != nil {
		log.Fatal(err)
	}
	lookUp := chain.WithPassages(func(ctx context.Context, l chain.Lookup) ([]retrieve.Passage, *provider.Route, error) {
		return index.Find(ctx, l.Query, l.K, retrieve.Search{MMR: l.MMR, Privacy: l.Privacy})
	})
	result, err := c.Output(ctx, local, map[string]any{"question": "When can I sell my rice?"}, lookUp)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Text)
	for _, p := range result.Steps[0].Passages {
		fmt.Printf("from %s: %s\n", p.Place(), p.Text)
	}
}
