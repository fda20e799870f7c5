package cli

import (
	"context"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/chain/retrieve"
	"github.com/tandem-llm/tandem/provider"
)

// yes answers what a schema wants, and otherwise with the last message.
type yes struct{}

func (yes) Name() string                                     { return "yes" }
func (yes) Models(context.Context) ([]provider.Model, error) { return nil, nil }

func (yes) Chat(_ context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	text := "about " + req.Messages[len(req.Messages)-1].Text
	if req.Schema != nil {
		text = `{"name": "Ada", "place": "London"}`
		if strings.Contains(string(req.Schema.JSON), "billing") {
			text = `{"choice": "billing"}`
		}
	}
	return func(yield func(provider.Chunk, error) bool) {
		yield(provider.Chunk{Text: text, Finish: provider.FinishStop}, nil)
	}
}

// Every starter loads, warns of nothing, and answers on a provider that does as
// it is told.
func TestStarters(t *testing.T) {
	entries, err := starters.ReadDir("starters")
	if err != nil || len(entries) != len(starterNames()) {
		t.Fatalf("%d files, %v, and %q", len(entries), err, starterNames())
	}
	inputs := map[string]any{"country": "India", "topic": "tea", "words": []any{"a", "b"}, "message": "hm", "question": "who?", "text": "Ada lives in London."}
	want := map[string]string{
		"simple": "about What is the capital of India?", "each": "about Write one line that rhymes with a.\nabout Write one line that rhymes with b.",
		"extract": "Ada (London)", "route": "about hm",
	}
	finder := func(_ context.Context, l chain.Lookup) ([]retrieve.Passage, *provider.Route, error) {
		return []retrieve.Passage{{Text: "a passage of " + l.Collection, Source: "a.md", Line: 1}}, nil, nil
	}
	for _, name := range starterNames() {
		text, err := starter(name, "x", "x.yaml")
		if err != nil {
			t.Fatal(err)
		}
		c, err := chain.Parse("x.yaml", []byte(text))
		if err != nil || c.Name() != "x" || len(c.Warnings()) > 0 || strings.Contains(text, "FILE") || strings.Contains(text, "NAME") {
			t.Errorf("%s: %v, name %q, warnings %v\n%s", name, err, c.Name(), c.Warnings(), text)
			continue
		}
		vars := map[string]any{}
		for _, in := range c.Inputs() {
			vars[in] = inputs[in]
		}
		result, err := c.Output(t.Context(), yes{}, vars, chain.WithPassages(finder))
		if err != nil || result.Text == "" || want[name] != "" && result.Text != want[name] {
			t.Errorf("%s: %q, %v", name, result.Text, err)
		}
		if name == "rag" && !slices.Equal(c.Collections(), []string{"notes"}) {
			t.Errorf("rag looks up in %q", c.Collections())
		}
	}
}
