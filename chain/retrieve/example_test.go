package retrieve_test

import (
	"context"
	"fmt"

	"github.com/tandem-llm/tandem/chain/retrieve"
)

func ExampleIndex() {
	ctx := context.Background()
	embedder := &words{vocabulary: []string{"harvest", "river", "market"}} // a provider.Embedder: Ollama, say, with all-minilm
	text := "The harvest begins in September.\n\nThe market is on Tuesdays."

	passages, err := retrieve.Splitter{Size: 40}.Split("farm.md", text)
	if err != nil {
		fmt.Println(err)
		return
	}
	index := retrieve.NewIndex(embedder, retrieve.Options{})
	if err := index.Add(ctx, passages...); err != nil {
		fmt.Println(err)
		return
	}
	found, err := index.Retrieve(ctx, "when is the market?", 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(retrieve.Format(found))
	// Output:
	// [1] farm.md:3
	// The market is on Tuesdays.
}
