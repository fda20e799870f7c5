// A Go function that the model may call. The model has to be one that can; the
// smallest ones cannot.
package main

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"os"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/openai"
)

type place struct {
	City string `json:"city" jsonschema:"the city, such as Delhi"`
}

func main() {
	model, err := openai.New(openai.Config{
		BaseURL: os.Getenv("OPENAI_BASE_URL"), // empty: OpenAI itself
		Key:     os.Getenv("OPENAI_API_KEY"),
		Model:   cmp.Or(os.Getenv("OPENAI_MODEL"), "gpt-6-luna"),
	})
	if err != nil {
		log.Fatal(err)
	}
	weather, err := tool.Func("weather", "The weather in a city", func(_ context.Context, in place) (string, error) {
		return "sunny in " + in.City, nil
	})
	if err != nil {
		log.Fatal(err)
	}
	c, err := chain.New(chain.Step{
		Prompt: "How is the weather in {city}?", Tools: []string{"weather"},
		Temperature: provider.Ptr(0.0), MaxTokens: provider.Ptr(120),
	})
	if err != nil {
		log.Fatal(err)
	}
	tools := chain.WithTools(tool.Options{
		Tools:   []tool.Tool{weather},
		Confirm: tool.Always, // without it nothing runs; a program may ask its user here
		Observe: func(e tool.Event) { fmt.Printf("▸ %s %s %s\n", e.Name, e.Arguments, e.Outcome) },
	})
	result, err := c.Output(context.Background(), model, map[string]any{"city": "Delhi"}, tools)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Text)
}
