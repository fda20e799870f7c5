package chain_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/chain/prompt"
	"github.com/tandem-llm/tandem/chain/retrieve"
	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/providertest"
)

func ExampleDefaults() {
	p := &providertest.Fake{}
	c, err := chain.New(chain.Step{Prompt: "Hello", MaxTokens: provider.Ptr(20)})
	if err != nil {
		fmt.Println(err)
		return
	}
	steady := chain.Defaults(provider.Request{Temperature: provider.Ptr(0.0), MaxTokens: provider.Ptr(100)})
	if _, err := c.Output(context.Background(), p, nil, steady); err != nil {
		fmt.Println(err)
		return
	}
	asked := p.Calls()[0]
	fmt.Println(*asked.Temperature, *asked.MaxTokens)
	// Output: 0 20
}

// caller is a model that calls the first tool it is told about, and then repeats
// what that said.
type caller struct{ providertest.Fake }

func (*caller) Chat(_ context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		last := req.Messages[len(req.Messages)-1]
		if last.Role == provider.RoleTool {
			yield(provider.Chunk{Text: "It is " + last.Text + ".", Finish: provider.FinishStop}, nil)
			return
		}
		call := provider.ToolCall{Name: req.Tools[0].Name, Arguments: json.RawMessage(`{"city": "Delhi"}`)}
		yield(provider.Chunk{ToolCalls: []provider.ToolCall{call}, Finish: provider.FinishToolCalls}, nil)
	}
}

func ExampleWithTools() {
	type place struct {
		City string `json:"city"`
	}
	weather, err := tool.Func("weather", "The weather in a city", func(_ context.Context, in place) (string, error) {
		return "sunny in " + in.City, nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := chain.New(chain.Step{Prompt: "How is the weather in {city}?", Tools: []string{"weather"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	tools := chain.WithTools(tool.Options{Tools: []tool.Tool{weather}, Confirm: tool.Always})
	result, err := c.Output(context.Background(), &caller{}, map[string]any{"city": "Delhi"}, tools)
	fmt.Println(result.Text, err)
	// Output: It is sunny in Delhi. <nil>
}

// counts is an embedder that knows two words.
type counts struct{}

func (counts) Embed(_ context.Context, req provider.EmbedRequest) (provider.EmbedResponse, error) {
	var r provider.EmbedResponse
	for _, text := range req.Input {
		r.Vectors = append(r.Vectors, []float32{float32(strings.Count(text, "harvest")), float32(strings.Count(text, "market"))})
	}
	return r, nil
}

func ExamplePassagesStay() {
	c, err := chain.New(
		chain.Step{Name: "found", Retrieve: &chain.Retrieve{Collection: "diary", Query: "{question}"}},
		chain.Step{Name: "answer", Prompt: "{found}"},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	stay := func(_ context.Context, collection string) bool { return collection == "diary" }
	plan, err := c.Plan(context.Background(), map[string]any{"question": "When?"}, chain.PassagesStay(stay))
	fmt.Println(plan[1].Request.Privacy, err)
	fmt.Println(plan[1].Stays)
	// Output:
	// local <nil>
	// it may contain passages of a local collection, which step found looks up and which must not leave this machine
}

func ExampleWithPassages() {
	ctx := context.Background()
	index := retrieve.NewIndex(counts{}, retrieve.Options{})
	err := index.Add(ctx,
		retrieve.Passage{Text: "The harvest begins in September.", Source: "farm.md", Line: 1},
		retrieve.Passage{Text: "The market is on Tuesdays.", Source: "farm.md", Line: 3},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := chain.New(
		chain.Step{Name: "found", Retrieve: &chain.Retrieve{Collection: "farm", Query: "{question}", K: 1}},
		chain.Step{Name: "answer", Prompt: "{found}\n\n{question}"},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	lookUp := func(ctx context.Context, l chain.Lookup) ([]retrieve.Passage, *provider.Route, error) {
		return index.Find(ctx, l.Query, l.K, retrieve.Search{MMR: l.MMR, Privacy: l.Privacy})
	}
	p := &providertest.Fake{}
	result, err := c.Output(ctx, p, map[string]any{"question": "When is the market?"}, chain.WithPassages(lookUp))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Calls()[0].Messages[0].Text)
	fmt.Println("from", result.Steps[0].Passages[0].Place())
	// Output:
	// [1] farm.md:3
	// The market is on Tuesdays.
	//
	// When is the market?
	// from farm.md:3
}

func ExampleWithEmbedder() {
	c, err := chain.New(chain.Step{Prompt: "{question}", Examples: &prompt.Examples{
		Items: []map[string]any{
			{"q": "When does the harvest begin?", "a": "In September."},
			{"q": "When does the market open?", "a": "At six."},
		},
		Text:     "Q: {q}\nA: {a}",
		Selector: prompt.Similar{K: 1},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	p := &providertest.Fake{}
	question := map[string]any{"question": "Where is the market?"}
	if _, err := c.Output(context.Background(), p, question, chain.WithEmbedder(counts{})); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Calls()[0].Messages[0].Text)
	// Output:
	// Q: When does the market open?
	// A: At six.
	//
	// Where is the market?
}
